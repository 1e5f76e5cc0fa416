"""Pieces that kernels are made of, for numba. Each has its obvious twin in `accelsim.parts`."""
