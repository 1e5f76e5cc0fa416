"""Cambricon-X: PEs that skip zero weights (Zhang et al., MICRO 2016)."""
