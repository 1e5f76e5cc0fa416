"""The index that neighbouring outputs share. Rules: docs/machines/cambricon_s.md, "The shared index"."""

import numpy as np

from accelsim.errors import UnsupportedLayerError


def shared_index(layer: str, group: int, weights: np.ndarray, block_outputs: int, union: bool) -> np.ndarray:
    """kept bool [block, reduction] for weights [output, reduction] of one product (conv group or matrix `group`).

    Raises UnsupportedLayerError, unless `union`, for the first block some of whose outputs need a position that others
    do not.
    """
    starts = np.arange(0, len(weights), block_outputs)
    pattern = weights != 0
    some = np.logical_or.reduceat(pattern, starts, axis=0)
    if not union:
        broken = np.argwhere(some != np.logical_and.reduceat(pattern, starts, axis=0))
        if len(broken):
            block, position = broken[0]
            first, last = starts[block], min(starts[block] + block_outputs, len(weights)) - 1
            raise UnsupportedLayerError(
                f"layer {layer!r}, group {group}: outputs {first} to {last} share one index, but only some have "
                f"a weight at reduction position {position} ({len(broken):,} such positions in all); prune it so "
                f"(accelsim prune ... block:{block_outputs}x1:SPARSITY), or use the policy union, which keeps a "
                "position for all of them")
    return some
