"""Balanced planes: cuts where the non-zeros, not the positions, divide evenly."""

import numpy as np

from accelsim.arch.planar.shared.assignment import Assignment
from accelsim.arch.planar.shared.policies.equal_planes import equal_planes


def balanced_planes(nonzeros: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int,
                    filters: int) -> Assignment:
    """Rows and columns cut at equal shares of their summed non-zeros: tiles stay rectangles with eight neighbours."""
    if not nonzeros.any():
        return equal_planes(nonzeros, rim, pe_rows, pe_cols, filters)
    return Assignment(1, _cuts(nonzeros.sum(axis=1), pe_rows), _cuts(nonzeros.sum(axis=0), pe_cols))


def _cuts(weights: np.ndarray, pes: int) -> tuple[int, ...]:
    before = np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])  # non-zeros in front of each position
    inner = np.searchsorted(pes * before, np.arange(1, pes) * before[-1], side="left")
    return (0, *map(int, inner), len(weights))
