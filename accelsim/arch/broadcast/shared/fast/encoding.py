"""EIE's sparse matrix as counts: entries of each column in each PE, padding included, and where they lie.

One streaming pass over the matrix; rules: docs/machines/eie.md, "Encoding".
"""

from collections.abc import Sequence
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


def encode(parts: Sequence[np.ndarray], rows_by_pe: np.ndarray, first_row: np.ndarray, index_bits: int,
           lane: np.dtype) -> Encoded:
    """The patterns `parts`, side by side (the bias after the matrix). lane: the type of addresses."""
    most_rows = int(np.diff(first_row).max(initial=0))
    narrow = next(kind for kind in (np.uint8, np.uint16, np.uint32) if most_rows <= np.iinfo(kind).max)
    columns, pes = sum(part.shape[1] for part in parts), len(first_row) - 1
    entries, nonzeros = np.empty((2, columns, pes), narrow)
    state = np.empty((3, min(pes, PES_AT_ONCE), max(part.shape[1] for part in parts)), narrow)
    low = 0
    for part in parts:
        own = slice(low, low + part.shape[1])
        encode_columns(part, rows_by_pe, first_row, narrow(index_bits), entries[own], nonzeros[own], state)
        low = own.stop
    first_entry = np.zeros((columns, pes), lane)
    lay_out(entries, first_entry)
    return Encoded(entries, nonzeros, first_entry)


@njit(cache=True, nogil=True)
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
def encode_columns(matrix, rows_by_pe, first_row, index_bits, entries, nonzeros, state):
    """Fills entries and nonzeros [col, pe] of the pattern matrix[row, col]; index_bits and state are of their type.

    PE p holds rows_by_pe[first_row[p]:first_row[p + 1]], in that order. state[3, PE at once, col] is scratch. Four rows
    at a time and without a branch, so that the state stays in registers and the loop vectorises: the whole costs about
    twice a pass that only counts the non-zeros.
    """
    kind = entries.dtype.type
    (cols, pes), at_once = entries.shape, state.shape[1]
    for first in range(0, pes, at_once):
        here = min(at_once, pes - first)
        state[:] = 0
        for q in range(here):
            rows = rows_by_pe[first_row[first + q]:first_row[first + q + 1]]
            four = len(rows) // 4 * 4
            for i in range(0, four, 4):
                row0, row1, row2, row3 = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
                local = kind(i)
                for j in range(cols):
                    a, p, n = state[0, q, j], state[1, q, j], state[2, q, j]
                    a, p, n = _meet(kind, row0[j], local, index_bits, a, p, n)
                    a, p, n = _meet(kind, row1[j], kind(local + kind(1)), index_bits, a, p, n)
                    a, p, n = _meet(kind, row2[j], kind(local + kind(2)), index_bits, a, p, n)
                    a, p, n = _meet(kind, row3[j], kind(local + kind(3)), index_bits, a, p, n)
                    state[0, q, j], state[1, q, j], state[2, q, j] = a, p, n
            for i in range(four, len(rows)):
                row0 = matrix[rows[i]]
                for j in range(cols):
                    a, p, n = state[0, q, j], state[1, q, j], state[2, q, j]
                    a, p, n = _meet(kind, row0[j], kind(i), index_bits, a, p, n)
                    state[0, q, j], state[1, q, j], state[2, q, j] = a, p, n
        for j in range(cols):
            for q in range(here):
                entries[j, first + q] = state[1, q, j] + state[2, q, j]
                nonzeros[j, first + q] = state[2, q, j]


@njit(cache=True, nogil=True)
def lay_out(entries, first_entry):
    """Fills first_entry[col, pe]: a PE's entries lie one behind the other, column by column. Row 0 is zero."""
    for j in range(1, entries.shape[0]):
        for pe in range(entries.shape[1]):
            first_entry[j, pe] = first_entry[j - 1, pe] + entries[j - 1, pe]
