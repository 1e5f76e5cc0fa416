"""Procrustes: sparse training on a grid of PEs with half-tile load balancing. Rules: docs/machines/procrustes.md."""
