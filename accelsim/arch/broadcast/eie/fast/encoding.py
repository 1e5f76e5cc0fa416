"""EIE's sparse matrix as counts: how many entries, padding included, each PE holds of each column, and where.

One streaming pass over the matrix; rules: docs/machines/eie.md, "Encoding".
"""

from typing import NamedTuple

import numpy as np
from numba import njit

PES_AT_ONCE = 16  # encoded before they are transposed: the writes of a column go to one cache line


class Encoded(NamedTuple):
    """A matrix as its PEs hold it, [column, pe], so that a broadcast column lies in one piece. The bias comes last.

    entries (padding included) and nonzeros share the narrowest unsigned type that holds a PE's rows; first_entry is the
    address of a column's first entry, of a type that holds every time of a vector as well (`lane_type`).
    """

    entries: np.ndarray
    nonzeros: np.ndarray
    first_entry: np.ndarray


def empty_encoding(columns: int, pes: int, most_rows: int, lane: np.dtype) -> Encoded:
    """To be filled by `encode_matrix`. most_rows: of a PE."""
    narrow = next(kind for kind in (np.uint8, np.uint16, np.uint32) if most_rows <= np.iinfo(kind).max)
    shape = (columns, pes)
    return Encoded(np.empty(shape, narrow), np.empty(shape, narrow), np.empty(shape, lane))


@njit(inline="always")
def _meet(kind, element, local_row, index_bits, after_last, padding, nonzeros):
    """One matrix element meets its column's state: the row after the last non-zero, padding and non-zeros so far.

    All are of the integer type `kind`: anything wider would halve the lanes.
    """
    present = element != 0
    padding_here = kind(kind(local_row - after_last) >> index_bits)
    return (
        kind(local_row + kind(1)) if present else after_last,
        kind(padding + padding_here) if present else padding,
        kind(nonzeros + kind(present)),
    )


@njit(cache=True, nogil=True)
def encode_pe(matrix, rows, index_bits, after_last, padding, nonzeros):
    """Adds up padding entries and non-zeros per column for one PE, which holds `rows` of matrix[row, col] in order.

    The three state arrays [col] start at zero. Four rows at a time and without a branch, so that the state stays in
    registers and the loop vectorises: the whole costs about twice a pass that only counts the non-zeros.
    """
    kind = after_last.dtype.type
    four = len(rows) // 4 * 4
    for i in range(0, four, 4):
        row0, row1, row2, row3 = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
        local = kind(i)
        for j in range(matrix.shape[1]):
            a, p, n = after_last[j], padding[j], nonzeros[j]
            a, p, n = _meet(kind, row0[j], local, index_bits, a, p, n)
            a, p, n = _meet(kind, row1[j], kind(local + kind(1)), index_bits, a, p, n)
            a, p, n = _meet(kind, row2[j], kind(local + kind(2)), index_bits, a, p, n)
            a, p, n = _meet(kind, row3[j], kind(local + kind(3)), index_bits, a, p, n)
            after_last[j], padding[j], nonzeros[j] = a, p, n
    for i in range(four, len(rows)):
        row0 = matrix[rows[i]]
        for j in range(matrix.shape[1]):
            a, p, n = _meet(kind, row0[j], kind(i), index_bits, after_last[j], padding[j], nonzeros[j])
            after_last[j], padding[j], nonzeros[j] = a, p, n


@njit(cache=True, nogil=True)
def encode_matrix(matrix, bias, rows_by_pe, first_row, index_bits, encoded):
    """Fills `encoded` for matrix[row, col] and bias[row, 0 or 1], both patterns.

    PE p holds rows_by_pe[first_row[p]:first_row[p + 1]], in that order. index_bits: of the type of the entries.
    """
    entries, nonzeros, first_entry = encoded
    columns, pes = entries.shape
    cols = matrix.shape[1]
    after_last = np.empty(columns, entries.dtype)
    padding = np.empty((PES_AT_ONCE, columns), entries.dtype)
    present = np.empty_like(padding)
    for low in range(0, pes, PES_AT_ONCE):
        some = range(min(PES_AT_ONCE, pes - low))
        padding[:] = 0
        present[:] = 0
        for i in some:
            rows = rows_by_pe[first_row[low + i]:first_row[low + i + 1]]
            after_last[:] = 0
            encode_pe(matrix, rows, index_bits, after_last[:cols], padding[i, :cols], present[i, :cols])
            encode_pe(bias, rows, index_bits, after_last[cols:], padding[i, cols:], present[i, cols:])
        for j in range(columns):
            for i in some:
                entries[j, low + i] = padding[i, j] + present[i, j]
                nonzeros[j, low + i] = present[i, j]
    first_entry[0] = 0
    for j in range(1, columns):
        for pe in range(pes):
            first_entry[j, pe] = first_entry[j - 1, pe] + entries[j - 1, pe]
