"""Eager Pruning: training on weights that are pruned early, any multiplier serving any output."""
