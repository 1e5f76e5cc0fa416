"""Cnvlutin: lanes that skip zero activations (Albericio et al., ISCA 2016)."""
