"""How an extent is cut into tiles. A policy: (extent, size) -> tile height, 1 .. min(extent, size).

extent: elements along an axis of the array; size: PEs along it. Every tile takes the time of a full one of that height.
One function a file; one line here registers it.
"""

from accelsim.arch.systolic.systolic.policies.even import even
from accelsim.arch.systolic.systolic.policies.full import full

POLICIES = {
    "full": full,
    "even": even,
}
