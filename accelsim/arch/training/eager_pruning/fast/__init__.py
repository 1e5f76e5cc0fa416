"""The fast engine: a layer's passes become lists of weights, packed by a numba kernel, and accounted."""
