"""The released controller of Spectral CNN."""
