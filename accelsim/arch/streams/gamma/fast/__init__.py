"""The fast engine of Gamma: tasks are cut, simulated in the order of dispatch, and accounted."""
