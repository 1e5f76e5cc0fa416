"""Passes over operands, for the kernel: the N:M check, and non-zeros of warp strips for dual-side cores."""

import numpy as np
from numba import njit


@njit(cache=True)
def first_violation(lines, order, keep, group):
    """(line, group, non-zeros) of the first group that has more than `keep`, or (-1, -1, 0).

    lines[line, channel]; order[position]: channel or -1, whole groups.
    """
    for line in range(lines.shape[0]):
        row = lines[line]
        for low in range(0, len(order), group):
            count = 0
            for position in range(low, low + group):
                if order[position] >= 0:
                    count += row[order[position]] != 0
            if count > keep:
                return line, low // group, count
    return -1, -1, 0


@njit(cache=True)
def first_violation_in_place(lines, keep, group):
    """The same for channels in their own order: one streaming pass."""
    for line in range(lines.shape[0]):
        row = lines[line]
        if (_most_of_four(row) if group == 4 else _most(row, group)) > keep:
            _, at, found = first_violation(lines[line:line + 1], padded_identity(len(row), group), keep, group)
            return line, at, found
    return -1, -1, 0


@njit(cache=True)
def _most(row, group):
    """The most non-zeros that a group has; the last group may be short."""
    most = 0
    for low in range(0, len(row), group):
        count = 0
        for position in range(low, min(low + group, len(row))):
            count += row[position] != 0
        most = max(most, count)
    return most


@njit(cache=True)
def _most_of_four(row):
    """The same for groups of 4, the size known to the compiler and the counters narrow, so that it is wide SIMD."""
    most = np.int8(0)
    for g in range(len(row) // 4):
        count = (np.int8(row[4 * g] != 0) + np.int8(row[4 * g + 1] != 0) + np.int8(row[4 * g + 2] != 0)
                 + np.int8(row[4 * g + 3] != 0))
        most = max(most, np.int8(count))
    last = 0
    for position in range(len(row) // 4 * 4, len(row)):
        last += row[position] != 0
    return max(np.int64(most), last)


@njit(cache=True)
def padded_identity(channels, group):
    """0 .. channels - 1, then -1 up to whole groups."""
    order = np.full((channels + group - 1) // group * group, -1, np.int64)
    for channel in range(channels):
        order[channel] = channel
    return order


@njit(cache=True)
def strip_counts(matrix, strip):
    """Non-zeros of each column within each strip of `strip` rows: [strip, column] int32."""
    rows, columns = matrix.shape
    counts = np.zeros(((rows + strip - 1) // strip, columns), np.int32)
    for i in range(rows):
        out, row = counts[i // strip], matrix[i]
        for j in range(columns):
            out[j] += row[j] != 0
    return counts


@njit(cache=True)
def condensed_instructions(a, b, a_strips, b_strips, step_k, core_of_warp, cores):
    """Instructions of each k-step of each tile: of the busiest sub-core [tile row, tile column, step], and of all.

    a[strip, k], b[strip, k]: condensed steps (0: nothing there) of one product; a_strips, b_strips: warps of a tile
    along M and N; core_of_warp[warp].
    """
    k, b_rows = a.shape[1], b.shape[0]
    steps, a_tiles, b_tiles = -(-k // step_k), -(-a.shape[0] // a_strips), -(-b_rows // b_strips)
    busiest, total = np.zeros((a_tiles, b_tiles, steps), np.int64), np.int64(0)
    by_k = np.ascontiguousarray(b.T)  # so that the innermost loop runs over all of B, as wide SIMD
    own, pairs = np.zeros(cores, np.int64), np.zeros((a_strips, b_rows), np.int32)
    for row in range(a_tiles):
        first = row * a_strips
        strips = min(a_strips, a.shape[0] - first)
        for step in range(steps):
            pairs[:] = 0
            for t in range(step * step_k, min(k, (step + 1) * step_k)):
                line = by_k[t]
                for i in range(strips):
                    units, sums = a[first + i, t], pairs[i]
                    for j in range(b_rows):
                        sums[j] += units * line[j]
            for column in range(b_tiles):
                own[:] = 0
                for i in range(strips):
                    for j in range(column * b_strips, min((column + 1) * b_strips, b_rows)):
                        own[core_of_warp[i * b_strips + j - column * b_strips]] += pairs[i, j]
                busiest[row, column, step] = own.max()
                total += own.sum()
    return busiest, total
