"""SparseNN: input zeros skipped, output zeros predicted (Zhu et al., DATE 2018)."""
