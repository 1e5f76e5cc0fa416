"""The fast engine: broadcasts are counted on the real weights and tile planes; the rest is geometry."""
