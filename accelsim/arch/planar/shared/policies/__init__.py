"""How the planes and output channels of a layer are given to PEs; one policy a file.

A policy is called as policy(nonzeros, rim, pe_rows, pe_cols, filters): the input plane's non-zeros [H, W] over images
and channels; the (rows, columns) of padding that are divided along with the plane; the PEs; the layer's filters.
It gives an Assignment (parts, row cuts, column cuts).
"""

from accelsim.arch.planar.shared.policies.balanced_planes import balanced_planes
from accelsim.arch.planar.shared.policies.equal_planes import equal_planes
from accelsim.arch.planar.shared.policies.output_channels_first import output_channels_first

POLICIES = {p.__name__: p for p in (equal_planes, balanced_planes, output_channels_first)}

__all__ = ["POLICIES", "balanced_planes", "equal_planes", "output_channels_first"]
