"""Step indices: where a stored weight of zero must stand between two that are further apart than an index reaches."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def fill_up(pattern, reach, stored):
    """Sets stored[output, index], a copy of pattern, at every `reach` indices before and between its non-zeros."""
    for output in range(pattern.shape[0]):
        last = np.int64(-1)
        for index in range(pattern.shape[1]):
            if pattern[output, index] != 0:
                while index - last > reach:
                    last += reach
                    stored[output, last] = 1
                last = np.int64(index)
