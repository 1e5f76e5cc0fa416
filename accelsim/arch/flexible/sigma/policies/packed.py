"""Left to right, top to bottom, no gaps: the published packing [paper, section IV]."""

import numpy as np


def packed(counts: np.ndarray, slots: int) -> np.ndarray:
    """first[tile, row]: values of the rows above it in its tile."""
    first = np.zeros(counts.shape, np.int64)
    np.cumsum(counts[:, :-1], axis=1, out=first[:, 1:])
    return first
