"""The fast engine: phases V and U from counts of the real masks, phase W by the kernels of the family."""
