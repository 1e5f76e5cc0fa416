"""Gamma (Zhang et al., ASPLOS 2021). Rules: docs/machines/gamma.md."""
