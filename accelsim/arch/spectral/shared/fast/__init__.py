"""The fast engine that all spectral machines share."""
