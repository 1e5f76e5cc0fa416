"""Tensor cores of a GPU: dense, N:M sparse and dual-side sparse (docs/machines/tensor_core.md)."""
