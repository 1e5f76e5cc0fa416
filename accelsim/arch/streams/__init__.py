"""Streams: machines that multiply two sparse matrices, fiber by fiber."""
