"""Spectral CNN (Niu et al., FPGA 2020)."""
