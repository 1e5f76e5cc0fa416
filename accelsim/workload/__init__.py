"""Workloads: layers with real tensors, traces on disk, and how convolutions become matrix products."""
