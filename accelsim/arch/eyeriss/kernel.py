"""The fast engine of Eyeriss: passes in order, the lanes of each by a recurrence over their windows.

A window's cost is a scan of its real inputs against the weight columns they meet; a lane's PEs are bound together by
max and plus. Networks are loads per link and pass (`network_loads`).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.eyeriss.network_loads import (
    iact_network,
    lane_at,
    network_scratch,
    psum_network,
    weight_network,
)

# places in `totals`
(BUSY, INEFFECTUAL, SIMD_IDLE, BUBBLE, COLUMN, PSUM, BARRIER, IACT, WEIGHT, FRAGMENTATION,
 MACS, GATED_MACS, IACT_ADDRESS_READS, IACT_READS, IACT_WRITES, WEIGHT_READS, WEIGHT_WRITES, DRAINED,
 PSUM_PASSES, GLB_PSUM_READS, GLB_PSUM_WRITES, IACT_HOP_BITS, WEIGHT_HOP_BITS, PSUM_HOP_BITS, TOTALS) = range(25)
# columns of `per_pass`
(WEIGHT_CYCLES, COMPUTE_CYCLES, CYCLES, WEIGHT_BITS, STREAM_BITS, STREAM_DRAM_BITS, OUTPUTS, MAPPED_PES,
 COLUMNS) = range(9)

# a weight column, packed (see `accelsim.arch.eyeriss.streams.pack`): words, entries and non-zeros, so far apart that a
# row's sums of the last two cannot meet
WORDS, ENTRIES_AT, NONZEROS_AT = 255, 8, 36
SUM = (1 << (NONZEROS_AT - ENTRIES_AT)) - 1
ENTRIES_AND_NONZEROS = ~WORDS


class Design(NamedTuple):
    """The scalars of a config, int but `flat`. latency: pipeline stages less one; sums_per_cycle: of a psum port."""

    rows: int
    cols: int
    pe_rows: int
    pe_cols: int
    cluster_rows: int
    cluster_cols: int
    macs_per_pe: int
    latency: int
    psum_words: int
    sums_per_cycle: int
    psum_bits: int
    banks: int
    iact_port: int
    weight_port: int
    psum_port: int
    flat: bool


class Pass(NamedTuple):
    """First group, filter tile, item and strip of a pass, how many items and strips, and whether it is the first step
    of its chunk, and the last."""

    group: int
    filter_tile: int
    item: int
    items: int
    strip: int
    strips: int
    first: bool
    last: bool


class Strips(NamedTuple):
    """What each strip holds, int64 [strip]; segments: of a window."""

    block: np.ndarray
    tap_block: np.ndarray
    row: np.ndarray
    first_tap: np.ndarray
    end_tap: np.ndarray
    first_channel: np.ndarray
    end_channel: np.ndarray
    segments: np.ndarray


class LaneScratch(NamedTuple):
    """Buffers of one lane: cost [PE, output column]; end [PE]; out, slowest [window in flight]."""

    cost: np.ndarray
    end: np.ndarray
    out: np.ndarray
    slowest: np.ndarray


@njit(cache=True)
def simulate(data, shape, tiling, design, routes, per_pass, totals, busy):
    """Fill per_pass [pass, column], totals [total] and busy [PE], all int64 zeros before."""
    strips = _strips(shape, tiling)
    lanes = LaneScratch(np.zeros((tiling.column, shape.out_cols), np.int64), np.zeros(tiling.column, np.int64),
                        np.zeros(design.psum_words, np.int64), np.zeros(design.psum_words, np.int64))
    lane_ends = np.zeros(design.rows // tiling.column * design.cols, np.int64)
    loads = network_scratch(tiling, design, routes)
    number = 0
    for tg in range(tiling.group_rounds):
        for tm in range(tiling.filter_rounds):
            for chunk in range(tiling.chunks):
                for z in range(tiling.steps):
                    item, strip = chunk * tiling.chunk, z * tiling.column
                    now = Pass(tg * tiling.group_lanes, tm * tiling.filter_lanes, item,
                               min(tiling.chunk, tiling.items - item), strip,
                               min(tiling.column, tiling.strips - strip), z == 0, z == tiling.steps - 1)
                    _run_pass(data, shape, tiling, design, routes, now, strips, loads, lanes, lane_ends,
                              per_pass[number], totals, busy)
                    number += 1


@njit(cache=True)
def _run_pass(data, shape, tiling, design, routes, now, strips, loads, lanes, lane_ends, row, totals, busy):
    weight_cycles, row[WEIGHT_BITS], hops = weight_network(data, shape, tiling, design, now, loads)
    totals[WEIGHT_HOP_BITS] += hops
    iact_cycles, row[STREAM_BITS], row[STREAM_DRAM_BITS], hops = iact_network(data, shape, tiling, design, routes,
                                                                               now, loads)
    totals[IACT_HOP_BITS] += hops
    psum_cycles, hops = psum_network(shape, tiling, design, now, loads)
    totals[PSUM_HOP_BITS] += hops
    compute_cycles = np.int64(0)
    for lane in range(len(lane_ends)):
        lane_ends[lane] = _lane(data, shape, tiling, design, now, strips, lane, lanes, row, totals, busy)
        compute_cycles = max(compute_cycles, lane_ends[lane])
    cycles = max(compute_cycles, iact_cycles, psum_cycles)
    mapped = np.int64(0)
    for lane in range(len(lane_ends)):
        if lane_ends[lane] >= 0:
            mapped += now.strips
            totals[BARRIER] += design.macs_per_pe * now.strips * (compute_cycles - lane_ends[lane])
    slots = design.macs_per_pe * mapped
    totals[WEIGHT] += slots * weight_cycles
    totals[PSUM if psum_cycles > iact_cycles else IACT] += slots * (cycles - compute_cycles)
    totals[FRAGMENTATION] += (design.rows * design.cols * design.macs_per_pe - slots) * (weight_cycles + cycles)
    row[WEIGHT_CYCLES], row[COMPUTE_CYCLES], row[CYCLES] = weight_cycles, compute_cycles, weight_cycles + cycles
    row[MAPPED_PES] = mapped


@njit(cache=True)
def _strips(shape, tiling):
    """The strips of a tiling."""
    each = np.zeros((8, tiling.strips), np.int64)
    for strip in range(tiling.strips):
        b, rest = strip % tiling.tap_blocks, strip // tiling.tap_blocks
        r, k = rest % shape.rows, rest // shape.rows
        first, end = b * tiling.s0, min(shape.taps, (b + 1) * tiling.s0)
        each[:, strip] = (k, b, r, first, end, k * tiling.c0, min(shape.channels, (k + 1) * tiling.c0),
                          -(-(end - first) // shape.col_stride))
    return Strips(each[0], each[1], each[2], each[3], each[4], each[5], each[6], each[7])


@njit(cache=True)
def _lane(data, shape, tiling, design, now, strips, lane, scratch, row, totals, busy):
    """Cycle at which the lane's last sums have left; -1 for a lane without work."""
    band, array_col = lane // design.cols, lane % design.cols
    e, f, h = lane_at(lane, tiling)
    g, t = now.group + h, now.filter_tile + f
    if h >= tiling.group_lanes or g >= shape.groups or t >= tiling.filter_tiles or e >= now.items:
        return np.int64(-1)
    filters = min(tiling.m0, shape.filters - t * tiling.m0)
    items = -(-(now.items - e) // tiling.row_lanes)
    drain = -(-filters // design.sums_per_cycle)
    scratch.end[:] = 0
    scratch.out[:] = 0
    scratch.slowest[:] = 0
    w, left = np.int64(0), np.int64(0)
    for place in range(e, now.items, tiling.row_lanes):
        image, p = (now.item + place) // shape.out_rows, (now.item + place) % shape.out_rows
        for i in range(now.strips):
            pe = (band * tiling.column + i) * design.cols + array_col
            busy[pe] += _row(data, shape, tiling, design, strips, now.strip + i, (g, t, filters), (image, p),
                             scratch.cost[i], totals)
        w, left = _columns_meet(shape, tiling, design, now, scratch, (w, left, drain), totals)
    slowest = scratch.end[:now.strips].max()
    for i in range(now.strips):
        totals[COLUMN] += design.macs_per_pe * (slowest - scratch.end[i])
        totals[WEIGHT_WRITES] += data.tile_words[g, t, now.strip + i]
    totals[PSUM] += design.macs_per_pe * now.strips * (left - slowest)
    _count_sums(shape, now, items * shape.out_cols * filters, row, totals)
    return left


@njit(cache=True)
def _columns_meet(shape, tiling, design, now, scratch, state, totals):
    """Run the windows of one output row through the column; state = (windows before, out of the last, drain cycles).

    Returns the first two, after them.
    """
    w, left, drain = state
    ahead = design.psum_words // tiling.m0
    place, for_column, for_sums = w % ahead, np.int64(0), np.int64(0)
    for q in range(shape.out_cols):
        slowest, free, held = np.int64(0), scratch.out[place], scratch.slowest[place]
        for i in range(now.strips):
            end = scratch.end[i]
            if free > end:
                behind = max(held - end, 0)
                for_column += behind
                for_sums += free - end - behind
                end = free
            end += scratch.cost[i, q]
            scratch.end[i] = end
            slowest = max(slowest, end)
        left = max(slowest + design.latency, left) + drain
        scratch.out[place], scratch.slowest[place] = left, slowest
        place = place + 1 if place + 1 < ahead else 0
    totals[COLUMN] += design.macs_per_pe * for_column
    totals[PSUM] += design.macs_per_pe * for_sums
    return w + shape.out_cols, left


@njit(cache=True)
def _count_sums(shape, now, sums, row, totals):
    """What the partial sums of a lane cost outside its PEs' multipliers; `sums` leave the column in this pass."""
    totals[DRAINED] += sums * now.strips
    totals[PSUM_PASSES] += sums * (now.strips - 1)
    if not now.first:
        totals[GLB_PSUM_READS] += sums
    if now.last:
        row[OUTPUTS] += sums
    else:
        totals[GLB_PSUM_WRITES] += sums


@njit(cache=True)
def _row(data, shape, tiling, design, strips, strip, weights, at, cost, totals):
    """Windows of one output row in one PE: fill cost [output column], count; returns effectual multiplications.

    weights = (group, filter tile, filters), at = (image, output row).
    """
    g, t, filters = weights
    image, p = at
    taps = strips.end_tap[strip] - strips.first_tap[strip]
    channels = strips.end_channel[strip] - strips.first_channel[strip]
    r, macs = strips.row[strip], design.macs_per_pe
    y = p * shape.row_stride + r * shape.row_dilation - shape.row_padding
    inputs, words, entries, nonzeros = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    if 0 <= y < shape.height:
        inputs, words, entries, nonzeros = _scan(data.iacts[g, image, y], data.columns[g, t, r], shape, strips, strip,
                                                 cost)
        totals[IACT_WRITES] += data.stream_words[g, strips.block[strip], strips.tap_block[strip], image, y]
    else:
        cost[:] = 0
    totals[BUSY] += nonzeros
    if tiling.compressed:
        totals[BUBBLE] += macs * (cost.sum() - words)
        totals[IACT_ADDRESS_READS] += strips.segments[strip] * shape.out_cols
        totals[IACT_READS] += inputs
        totals[MACS] += nonzeros
        totals[GATED_MACS] += entries - nonzeros
        totals[WEIGHT_READS] += words
        totals[INEFFECTUAL] += entries - nonzeros
        totals[SIMD_IDLE] += macs * words - entries
        return nonzeros
    positions, words = taps * channels * shape.out_cols, -(-filters // macs)
    cost[:] = taps * channels * words
    totals[IACT_READS] += positions
    totals[MACS] += inputs * filters
    totals[GATED_MACS] += (positions - inputs) * filters
    totals[WEIGHT_READS] += inputs * words
    totals[INEFFECTUAL] += positions * filters - nonzeros
    totals[SIMD_IDLE] += positions * (words * macs - filters)
    return nonzeros


@njit(cache=True)
def _scan(plane, columns, shape, strips, strip, cost):
    """Cycles of each window of a row of inputs [column, channel] on weight columns [tap, channel], compressed.

    Returns (non-zero inputs, words, entries, non-zero products).
    """
    first, end = strips.first_channel[strip], strips.end_channel[strip]
    inputs, words, packed = np.int64(0), np.int64(0), np.int64(0)
    for q in range(shape.out_cols):
        start, spent = np.int64(0), np.int64(0)  # when the address stage, and the weight stage, are free
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
                        start = max(start, spent)
                        spent = start + column
                        words += column
                    start += 1
        cost[q] = max(start, spent)
    return inputs, words, (packed >> ENTRIES_AT) & SUM, packed >> NONZEROS_AT
