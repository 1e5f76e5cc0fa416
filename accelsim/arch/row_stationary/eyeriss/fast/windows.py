"""A row of windows in one PE: what each costs, from the real inputs and the weight columns they meet."""

import numpy as np
from numba import njit

from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    BUBBLE,
    BUSY,
    GATED_MACS,
    IACT_ADDRESS_READS,
    IACT_READS,
    IACT_WRITES,
    INEFFECTUAL,
    MACS,
    SIMD_IDLE,
    WEIGHT_READS,
)

# a weight column, packed (see `streams.pack`): words, entries and non-zeros, so far apart that a
# row's sums of the last two cannot meet
WORDS, ENTRIES_AT, NONZEROS_AT = 255, 8, 36
SUM = (1 << (NONZEROS_AT - ENTRIES_AT)) - 1
ENTRIES_AND_NONZEROS = ~WORDS


@njit(cache=True)
def row_of_windows(job, strip, weights, at, cost, totals):
    """Windows of one output row in one PE: fill cost [output column], count; returns effectual multiplications.

    weights = (group, filter tile, filters), at = (image, output row).
    """
    data, shape, tiling, design, strips = job.data, job.shape, job.tiling, job.design, job.strips
    g, t, filters = weights
    image, p = at
    r = strips.row[strip]
    y = p * shape.row_stride + r * shape.row_dilation - shape.row_padding
    inside = 0 <= y < shape.height
    if inside:
        totals[IACT_WRITES] += data.stream_words[g, strips.block[strip], strips.tap_block[strip], image, y]
    if tiling.compressed:
        totals[IACT_ADDRESS_READS] += strips.segments[strip] * shape.out_cols
        if not inside:
            cost[:] = 0
            return np.int64(0)
        return _skipped(data.iacts[g, image, y], data.columns[g, t, r], shape, design, strips, strip, cost, totals)
    inputs, nonzeros = np.int64(0), np.int64(0)
    if inside:
        inputs, nonzeros = _met(data.met[g, image, y], data.columns[g, t, r], strips, strip)
    each = strips.positions[strip]
    positions, words = each * shape.out_cols, -(-filters // design.macs_per_pe)
    cost[:] = each * words
    totals[BUSY] += nonzeros
    totals[IACT_READS] += positions
    totals[MACS] += inputs * filters
    totals[GATED_MACS] += (positions - inputs) * filters
    totals[WEIGHT_READS] += inputs * words
    totals[INEFFECTUAL] += positions * filters - nonzeros
    totals[SIMD_IDLE] += positions * (words * design.macs_per_pe - filters)
    return nonzeros


@njit(cache=True)
def _met(met, columns, strips, strip):
    """(non-zero inputs, non-zero products) of a row of windows, from the inputs met [tap, channel]."""
    inputs, nonzeros = np.int64(0), np.int64(0)
    for s in range(strips.first_tap[strip], strips.end_tap[strip]):
        for c in range(strips.first_channel[strip], strips.end_channel[strip]):
            inputs += met[s, c]
            nonzeros += met[s, c] * (columns[s, c] >> NONZEROS_AT)
    return inputs, nonzeros


@njit(cache=True)
def _skipped(plane, columns, shape, design, strips, strip, cost, totals):
    """Cycles of each window of a row of inputs [column, channel] on weight columns [tap, channel], compressed.

    Returns the non-zero products.
    """
    first, end = strips.first_channel[strip], strips.end_channel[strip]
    inputs, words, cycles, packed = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for q in range(shape.out_cols):
        looked_up, spent = np.int64(0), np.int64(0)  # when the next lookup is over, and the weight stage is free
        for s in range(strips.first_tap[strip], strips.end_tap[strip]):
            x = q * shape.col_stride + s * shape.col_dilation - shape.col_padding
            if x < 0 or x >= shape.width:
                continue
            for c in range(first, end):
                if plane[x, c]:
                    column = columns[s, c]
                    inputs += 1
                    packed += column & ENTRIES_AND_NONZEROS
                    column &= WORDS
                    if column > 0:
                        looked_up = max(looked_up, spent)
                        spent = looked_up + column
                        words += column
                    looked_up += design.address_cycles
        cost[q] = max(looked_up - design.address_cycles + 1, spent)
        cycles += cost[q]
    entries, nonzeros = (packed >> ENTRIES_AT) & SUM, packed >> NONZEROS_AT
    totals[BUSY] += nonzeros
    totals[BUBBLE] += design.macs_per_pe * (cycles - words)
    totals[IACT_READS] += inputs
    totals[MACS] += nonzeros
    totals[GATED_MACS] += entries - nonzeros
    totals[WEIGHT_READS] += words
    totals[INEFFECTUAL] += entries - nonzeros
    totals[SIMD_IDLE] += design.macs_per_pe * words - entries
    return nonzeros
