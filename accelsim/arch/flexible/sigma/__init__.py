"""SIGMA: Flex-DPEs with Benes distribution and FAN reduction for irregular sparse GEMMs (Qin et al., HPCA 2020)."""
