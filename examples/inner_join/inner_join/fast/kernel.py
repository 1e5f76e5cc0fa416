"""The fast engine: it counts pairs of non-zeros and never ticks."""

import numba
import numpy as np


@numba.njit(cache=True)
def work(weights, vectors, pe_of_row, pes):
    """Per [vector, pe]: pairs of non-zeros in the PE's rows, and rows in which no two non-zeros meet."""
    pairs, empty_rows = np.zeros((2, len(vectors), pes), np.int64)
    for v in range(len(vectors)):
        for row in range(len(weights)):
            found = 0
            for k in range(weights.shape[1]):
                found += weights[row, k] and vectors[v, k]
            pairs[v, pe_of_row[row]] += found
            empty_rows[v, pe_of_row[row]] += found == 0
    return pairs, empty_rows
