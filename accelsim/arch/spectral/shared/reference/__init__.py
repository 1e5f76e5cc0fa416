"""Pieces of the references of spectral machines. Rules: docs/machines/spectral.md."""
