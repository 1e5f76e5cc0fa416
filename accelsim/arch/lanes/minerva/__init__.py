"""Minerva: multiply-accumulates gated by a threshold (Reagen et al., ISCA 2016)."""
