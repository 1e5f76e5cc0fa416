"""Lanes: dot-product machines whose lanes skip zeros, and their dense baselines."""
