"""The fast engine: products are packed, then run on a dense array."""
