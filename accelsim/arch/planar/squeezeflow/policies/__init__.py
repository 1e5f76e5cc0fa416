"""How the output plane is cut into tiles; one policy a file.

A policy: (extent, PEs along it) -> tile height, 1 .. min(extent, PEs). Tiles are cut at its multiples.
"""

from accelsim.arch.planar.squeezeflow.policies.even import even
from accelsim.arch.planar.squeezeflow.policies.full import full

POLICIES = {
    "full": full,
    "even": even,
}
