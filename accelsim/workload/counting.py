"""Counting non-zeros in one streaming pass."""

import numpy as np
from numba import njit


def column_nonzeros(matrix: np.ndarray) -> np.ndarray:
    """Non-zeros of each column of `matrix` [rows, cols], int64."""
    return _count_columns(matrix)


@njit(cache=True)
def _count_columns(matrix):
    rows, cols = matrix.shape
    total = np.zeros(cols, np.int64)
    part = np.zeros(cols, np.int16)  # narrow, so that the inner loop is wide SIMD
    for i in range(rows):
        row = matrix[i]
        for j in range(cols):
            part[j] += row[j] != 0
        if i % 32767 == 32766 or i == rows - 1:
            for j in range(cols):
                total[j] += part[j]
                part[j] = 0
    return total
