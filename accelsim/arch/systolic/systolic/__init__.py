"""Dense systolic arrays: weight-, input- and output-stationary (TPU-like)."""
