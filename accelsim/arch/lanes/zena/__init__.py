"""ZeNA: PEs that meet the zeros of both operands in bit vectors (Kim et al., DATE 2017)."""
