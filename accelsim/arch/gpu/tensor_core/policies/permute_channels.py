"""Channels reordered until every group passes; weights are moved, never dropped (the idea: Pool and Yu, NeurIPS 2021).

Channels in descending number of weights go to the first group where they exceed no line; one that fits nowhere goes
where it exceeds the fewest. Then pairs of channels are swapped while that helps. All within a budget of work, so that a
layer which has no legal order ends soon. Ours; it may miss an order that exists, above all where most groups are full.
"""

import numpy as np
from numba import njit

from accelsim.arch.gpu.tensor_core.fast.pattern import first_violation, first_violation_in_place, padded_identity

WORK = 50_000_000  # lines looked at by the whole search: about a second


def permute_channels(lines: np.ndarray, keep: int, group: int) -> np.ndarray | None:
    """An order in which no group has more than `keep` non-zeros; None when none was found."""
    order: np.ndarray = padded_identity(lines.shape[1], group)
    if first_violation_in_place(lines, keep, group)[0] < 0:
        return order
    present = lines != 0
    if int(present.sum(axis=1).max()) > len(order) // group * keep:
        return None  # a line has more non-zeros than all groups may hold
    heaviest = np.argsort(-present.sum(axis=0), kind="stable")
    columns = np.ascontiguousarray(present.T)
    order, left = _place(columns, heaviest, keep, group, WORK)
    if left <= 0:
        return None
    _swap(columns, order, keep, group, left)
    return order if first_violation(lines, order, keep, group)[0] < 0 else None


@njit(cache=True)
def _place(columns, heaviest, keep, group, work):
    """order[position] by first fit, columns[channel, line]; and what is left of `work` (0 or less: it did not do)."""
    channels, lines = columns.shape
    groups = (channels + group - 1) // group
    order = np.full(groups * group, -1, np.int64)
    filled, counts = np.zeros(groups, np.int64), np.zeros((groups, lines), np.int16)
    for channel in heaviest:
        best, least = -1, lines + 1
        for g in range(groups):
            if filled[g] == group:
                continue
            over = 0
            for line in range(lines):
                over += columns[channel, line] and counts[g, line] >= keep
                if over >= least:
                    break
            work -= line + 1
            if over < least:
                best, least = g, over
            if over == 0:
                break
        if work <= 0:
            return order, work
        order[best * group + filled[best]] = channel
        filled[best] += 1
        for line in range(lines):
            counts[best, line] += columns[channel, line]
    return order, work


@njit(cache=True)
def _swap(columns, order, keep, group, work):
    """Swap channels of two groups where that lowers the non-zeros in excess, until none helps or `work` is spent."""
    lines = columns.shape[1]
    counts = _group_counts(columns, order, group)
    improved = True
    while improved and work > 0:
        improved = False
        for p in range(len(order)):
            for q in range(p // group * group + group, len(order)):
                if work <= 0:
                    return
                work -= lines
                if _change(columns, counts, order, p, q, keep, group) < 0:
                    for line in range(lines):
                        delta = _at(columns, order[q], line) - _at(columns, order[p], line)
                        counts[p // group, line] += delta
                        counts[q // group, line] -= delta
                    order[p], order[q] = order[q], order[p]
                    improved = True


@njit(inline="always")
def _at(columns, channel, line):
    return np.int64(columns[channel, line]) if channel >= 0 else np.int64(0)


@njit(cache=True)
def _group_counts(columns, order, group):
    counts = np.zeros((len(order) // group, columns.shape[1]), np.int64)
    for position in range(len(order)):
        for line in range(columns.shape[1]):
            counts[position // group, line] += _at(columns, order[position], line)
    return counts


@njit(cache=True)
def _change(columns, counts, order, p, q, keep, group):
    """Change of the non-zeros in excess when positions p and q swap."""
    total = 0
    for line in range(columns.shape[1]):
        delta = _at(columns, order[q], line) - _at(columns, order[p], line)
        if delta != 0:
            one, other = counts[p // group, line], counts[q // group, line]
            total += max(0, one + delta - keep) - max(0, one - keep)
            total += max(0, other - delta - keep) - max(0, other - keep)
    return total
