"""SPEC2 (Niu et al., HiPC 2019)."""
