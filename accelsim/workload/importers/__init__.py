"""Importers: where real weights and activations come from; `site.py` has what they share."""
