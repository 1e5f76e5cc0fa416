"""The fast engine: a layer is lowered, simulated by the family's kernel, and accounted."""
