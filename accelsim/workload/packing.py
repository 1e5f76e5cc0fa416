"""Packing sparse columns of a matrix into groups that share few rows (Kung et al., ASPLOS 2019).

Rules: docs/machines/column_combining.md. Pruning of conflicts and the machine's policies use the same groups.
"""

from collections.abc import Callable

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)

Groups = list[list[int]]


def packed_by_section(pack: Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray]], weights: np.ndarray,
                      alpha: int, gamma: float, section: int) -> Groups:
    """Groups of weights [rows, columns]; `pack` groups the columns with a non-zero of one section."""
    nonzero = np.asarray(weights) != 0
    most_conflicts = int(gamma * nonzero.shape[0])
    groups: Groups = []
    for first in range(0, nonzero.shape[1], section):
        part = nonzero[:, first:first + section]
        columns = np.flatnonzero(part.any(axis=0))
        kept = part[part.any(axis=1)][:, columns]
        order, sizes = pack(np.ascontiguousarray(kept.T).astype(np.int16), alpha, most_conflicts)
        numbers = (columns[order] + first).tolist()
        ends = np.cumsum(sizes).tolist()
        groups += [numbers[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return groups


@njit(cache=True, nogil=True)
def merged_groups(counts, alpha, most_conflicts):
    """counts [column, row], used up. (columns group by group, size of each group): the authors' order of merging.

    What a group cannot take it cannot take later either, conflicts only grow: so groups are filled one after the other.
    """
    columns, rows = counts.shape
    follows = np.full(columns, -1, np.int64)  # the next member of a column's group
    last = np.arange(columns)
    size = np.ones(columns, np.int64)
    for a in range(columns):
        while 0 < size[a] < alpha:
            best, fewest_empty = -1, rows + 1
            for b in range(a + 1, columns):
                if size[b] == 1:
                    conflicts, empty = 0, 0
                    for row in range(rows):
                        both = counts[a, row] + counts[b, row]
                        conflicts += max(both, 1) - 1
                        empty += both == 0
                    if conflicts <= most_conflicts and empty < fewest_empty:
                        best, fewest_empty = b, empty
            if best < 0:
                break
            counts[a] += counts[best]
            follows[last[a]] = best
            last[a] = best
            size[a] += 1
            size[best] = 0
    return _in_order(follows, size)


@njit(cache=True, nogil=True)
def joined_groups(counts, alpha, most_conflicts):
    """The same result of taking columns one by one: each joins the group that becomes densest."""
    columns, rows = counts.shape
    follows = np.full(columns, -1, np.int64)
    last = np.arange(columns)
    size = np.zeros(columns, np.int64)  # of the group that a column founded
    for column in range(columns):
        best, most_filled = -1, -1
        for group in range(column):
            if 0 < size[group] < alpha:
                conflicts, filled = 0, 0
                for row in range(rows):
                    both = counts[group, row] + counts[column, row]
                    conflicts += max(both, 1) - 1
                    filled += both != 0
                if conflicts <= most_conflicts and filled > most_filled:
                    best, most_filled = group, filled
        if best < 0:
            size[column] = 1
        else:
            counts[best] += counts[column]
            follows[last[best]] = column
            last[best] = column
            size[best] += 1
    return _in_order(follows, size)


@njit(cache=True, nogil=True)
def _in_order(follows, size):
    order = np.empty(size.size, np.int64)
    place = 0
    for founder in range(size.size):
        member = founder if size[founder] > 0 else -1
        while member >= 0:
            order[place] = member
            place += 1
            member = follows[member]
    return order, size[size > 0]


def surviving(weights: np.ndarray, groups: Groups) -> np.ndarray:
    """bool [rows, columns]: the largest magnitude of each (row, group), the first of equals; zeros never survive.

    Columns in no group do not survive.
    """
    magnitudes = np.abs(np.asarray(weights).astype(np.int64 if weights.dtype.kind in "biu" else np.float64))
    stays = np.zeros(magnitudes.shape, bool)
    rows = np.arange(len(magnitudes))
    for group in groups:
        columns = np.asarray(group)
        own = magnitudes[:, columns]
        largest = columns[own.argmax(axis=1)]
        stays[rows, largest] = magnitudes[rows, largest] != 0
    return stays


def as_authors_count(weights: np.ndarray, groups: Groups, section: int = 256) -> tuple[int, int, int]:
    """(rows, groups, non-zeros left) as the authors' program tells them: by the rows of the last section alone.

    It takes for rows those with a non-zero in the last section, and prunes conflicts in no other row.
    """
    nonzero = np.asarray(weights) != 0
    last = nonzero[:, (nonzero.shape[1] - 1) // section * section:].any(axis=1)
    left = sum(int(nonzero[np.ix_(last, group)].any(axis=1).sum()) for group in groups)
    return int(last.sum()), len(groups), left + int(nonzero[~last].sum())
