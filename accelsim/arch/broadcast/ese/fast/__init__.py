"""The fast engine: each product by the family's kernels, slots and steps above them."""
