"""Rows that read the same rows of B close to each other, so that the FiberCache still holds them (Gamma's
preprocessing)."""

import numpy as np
from numba import njit

from accelsim.arch.streams.gamma.config import BITS_PER_KBYTE, GammaConfig
from accelsim.arch.streams.shared.products import StreamProduct


def affinity(product: StreamProduct, config: GammaConfig) -> np.ndarray:
    """Greedy: next comes the row that shares most columns with the last W placed rows; W = what the cache holds of
    elements / (elements of a row) ** 2. The first is row 0; of equals comes the one whose number of shared columns
    changed last, of untouched ones the first.
    """
    a = product.a
    if not len(a.columns) or not config.cache_kbytes:
        return np.arange(a.count)
    elements = config.cache_kbytes * BITS_PER_KBYTE / (config.coordinate_bits + config.value_bits)
    window = int(elements / (len(a.columns) / a.count) ** 2)
    holders = np.argsort(a.columns, kind="stable")
    row_of = np.repeat(np.arange(a.count), a.lengths)[holders]
    column_starts = np.searchsorted(a.columns[holders], np.arange(a.width + 1))
    return placed(a.starts, a.columns, column_starts, row_of, max(1, window))


@njit(cache=True, nogil=True)
def placed(starts, columns, column_starts, row_of, window):
    """Rows with s shared columns are a doubly linked list that begins at first[s]; `best` is the largest s in use."""
    rows = len(starts) - 1
    most = 0  # shared columns that a row can come to, the row that leaves the window not yet taken off
    for row in range(rows):
        reach = 0
        for i in range(starts[row], starts[row + 1]):
            reach += min(column_starts[columns[i] + 1] - column_starts[columns[i]], window + 1)
        most = max(most, reach)
    first = np.full(most + 1, -1, np.int64)
    after, before = np.full(rows, -1, np.int64), np.full(rows, -1, np.int64)
    shared, done = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    for row in range(rows - 1, -1, -1):
        _put(row, 0, first, after, before)
    order, best = np.empty(rows, np.int64), 0
    for place in range(rows):
        while best > 0 and first[best] < 0:
            best -= 1
        row = first[best]
        _take(row, best, first, after, before)
        order[place], done[row] = row, True
        for step in range(2):
            changed, change = (row, 1) if step == 0 else (order[place - window] if place >= window else -1, -1)
            if changed < 0:
                continue
            for i in range(starts[changed], starts[changed + 1]):
                column = columns[i]
                for j in range(column_starts[column], column_starts[column + 1]):
                    other = row_of[j]
                    if not done[other]:
                        _take(other, shared[other], first, after, before)
                        shared[other] += change
                        _put(other, shared[other], first, after, before)
                        best = max(best, shared[other])
    return order


@njit(inline="always")
def _put(row, s, first, after, before):
    after[row], before[row] = first[s], -1
    if first[s] >= 0:
        before[first[s]] = row
    first[s] = row


@njit(inline="always")
def _take(row, s, first, after, before):
    if before[row] >= 0:
        after[before[row]] = after[row]
    else:
        first[s] = after[row]
    if after[row] >= 0:
        before[after[row]] = before[row]
