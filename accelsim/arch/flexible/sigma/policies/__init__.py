"""Where the stationary non-zeros of a K tile go. A policy: (counts[tile, row], slots) -> first[tile, row] int64.

counts: stationary' values of each row in each tile. first: the position of the row's first value (its others follow);
position q is slot q mod slots of the tile's fold q div slots. Positions ascend with the row and do not overlap; what a
policy gives a row without values is ignored. One function a file; one line here registers it.
"""

from accelsim.arch.flexible.sigma.policies.packed import packed
from accelsim.arch.flexible.sigma.policies.whole_rows import whole_rows

POLICIES = {
    "packed": packed,
    "whole_rows": whole_rows,
}
