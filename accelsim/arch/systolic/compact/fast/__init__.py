"""The fast engine: streams are coded, products run on a dense array."""
