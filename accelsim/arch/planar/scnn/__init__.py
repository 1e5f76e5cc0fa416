"""SCNN: sparse Cartesian products on planar tiles (Parashar et al., ISCA 2017); rules in docs/machines/scnn.md."""
