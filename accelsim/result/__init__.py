"""What a run leaves: results, the records of result files, the work of each PE, and the roofline."""
