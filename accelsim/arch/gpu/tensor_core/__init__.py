"""Tensor cores of GPUs: dense, N:M sparse (2:4 on Ampere) and dual-side sparse (DSTC)."""
