"""Pieces of the fast engines of systolic arrays."""
