"""Column combining: sparse columns of the filter matrix share columns of a systolic array."""
