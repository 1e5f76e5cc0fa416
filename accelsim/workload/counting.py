"""Counting non-zeros in one streaming pass."""

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)


def pattern(values: np.ndarray) -> np.ndarray:
    """uint8, non-zero where `values` are: the one type that kernels are compiled for. Bytes are not copied."""
    found = np.ascontiguousarray(values if values.itemsize == 1 else values != 0).view(np.uint8)
    found.flags.writeable = False
    return found


def column_nonzeros(matrix: np.ndarray) -> np.ndarray:
    """Non-zeros of each column of `matrix` [rows, cols], int64."""
    total = np.zeros(matrix.shape[1], np.int64)
    _count_columns(pattern(matrix), np.zeros(matrix.shape[1], np.int16), total)
    return total


def row_nonzeros(matrix: np.ndarray) -> np.ndarray:
    """Non-zeros of each row of `matrix` [rows, cols], int64."""
    return _count_rows(pattern(matrix))


@njit(cache=True, nogil=True)
def _count_columns(matrix, part, total):
    """Adds to total[col]. part[col], zeros before and after, is narrow, so that the inner loop is wide SIMD."""
    rows, cols = matrix.shape
    for i in range(rows):
        for j in range(cols):
            part[j] += matrix[i, j] != 0
        if i % 32767 == 32766 or i == rows - 1:
            for j in range(cols):
                total[j] += part[j]
                part[j] = 0


@njit(cache=True, nogil=True)
def _count_rows(matrix):
    total = np.zeros(matrix.shape[0], np.int64)
    for i in range(matrix.shape[0]):
        for element in matrix[i]:
            total[i] += element != 0
    return total
