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
    return _count_columns(pattern(matrix))


def row_nonzeros(matrix: np.ndarray) -> np.ndarray:
    """Non-zeros of each row of `matrix` [rows, cols], int64."""
    return _count_rows(pattern(matrix))


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _count_rows(matrix):
    total = np.zeros(matrix.shape[0], np.int64)
    for i in range(matrix.shape[0]):
        for element in matrix[i]:
            total[i] += element != 0
    return total
