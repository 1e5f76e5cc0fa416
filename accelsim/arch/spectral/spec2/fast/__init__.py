"""The fast engine: a layer is lowered, scheduled by the family's kernel, and accounted."""
