"""What the machines of the family share: rows of a matrix that PEs hold."""
