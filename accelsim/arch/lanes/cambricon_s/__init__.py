"""Cambricon-S: one index shared by sixteen outputs (Zhou et al., MICRO 2018)."""
