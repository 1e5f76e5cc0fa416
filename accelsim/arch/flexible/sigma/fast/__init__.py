"""The fast engine: a layer is lowered, simulated by numba kernels, and accounted."""
