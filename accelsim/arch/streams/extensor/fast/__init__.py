"""The fast engine of ExTensor: operands are cut into tiles, walked in loop order, and accounted."""
