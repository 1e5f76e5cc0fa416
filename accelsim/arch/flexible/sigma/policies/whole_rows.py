"""Like packed, but a row is not cut by the end of a fold unless it is longer than one.

STONNE's mapping of SIGMA packs whole rows alone; the multiplier it reserves for a running sum is not modelled. Fewer
partial sums pass through the accumulators, more multipliers stay empty.
"""

import numpy as np
from numba import njit


def whole_rows(counts: np.ndarray, slots: int) -> np.ndarray:
    """first[tile, row]: the next free position, or the next fold's start for a row that would cross it."""
    return _place(counts, slots)


@njit(cache=True)
def _place(counts, slots):
    first = np.zeros(counts.shape, np.int64)
    for tile in range(counts.shape[0]):
        position = np.int64(0)
        for row in range(counts.shape[1]):
            count, used = np.int64(counts[tile, row]), position % slots
            if used and used + count > slots:
                position += slots - used
            first[tile, row] = position
            position += count
    return first
