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


class Design(NamedTuple):
    """The scalars of a config, all int but `flat`. latency: pipeline stages less one; sums_per_cycle: of a psum port."""

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


class LaneScratch(NamedTuple):
    """Buffers of one lane: end[PE]; out, slowest [window in flight]."""

    end: np.ndarray
    out: np.ndarray
    slowest: np.ndarray


@njit(cache=True)
def simulate(data, shape, tiling, design, routes, per_pass, totals, busy):
    """Fill per_pass [pass, column], totals [total] and busy [PE], all int64 zeros before."""
    lanes = LaneScratch(np.zeros(tiling.column, np.int64), np.zeros(design.psum_words, np.int64),
                        np.zeros(design.psum_words, np.int64))
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
                    _run_pass(data, shape, tiling, design, routes, now, loads, lanes, lane_ends, per_pass[number],
                              totals, busy)
                    number += 1


@njit(cache=True)
def _run_pass(data, shape, tiling, design, routes, now, loads, lanes, lane_ends, row, totals, busy):
    weight_cycles, row[WEIGHT_BITS], hops = weight_network(data, shape, tiling, design, now, loads)
    totals[WEIGHT_HOP_BITS] += hops
    iact_cycles, row[STREAM_BITS], row[STREAM_DRAM_BITS], hops = iact_network(data, shape, tiling, design, routes,
                                                                               now, loads)
    totals[IACT_HOP_BITS] += hops
    psum_cycles, hops = psum_network(shape, tiling, design, now, loads)
    totals[PSUM_HOP_BITS] += hops
    compute_cycles = np.int64(0)
    for lane in range(len(lane_ends)):
        lane_ends[lane] = _lane(data, shape, tiling, design, now, lane, lanes, row, totals, busy)
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
def _lane(data, shape, tiling, design, now, lane, scratch, row, totals, busy):
    """Cycle at which the lane's last sums have left; -1 for a lane without work."""
    band, array_col = lane // design.cols, lane % design.cols
    e, f, h = lane_at(lane, tiling)
    g, t = now.group + h, now.filter_tile + f
    if h >= tiling.group_lanes or g >= shape.groups or t >= tiling.filter_tiles or e >= now.items:
        return np.int64(-1)
    filters = min(tiling.m0, shape.filters - t * tiling.m0)
    items = -(-(now.items - e) // tiling.row_lanes)
    drain = -(-filters // design.sums_per_cycle)
    ahead = design.psum_words // tiling.m0
    scratch.end[:] = 0
    scratch.out[:] = 0
    scratch.slowest[:] = 0
    w, left = 0, np.int64(0)
    for place in range(e, now.items, tiling.row_lanes):
        image, p = (now.item + place) // shape.out_rows, (now.item + place) % shape.out_rows
        for i in range(now.strips):
            _count_stream(data, shape, tiling, now.strip + i, g, image, p, totals)
        for q in range(shape.out_cols):
            slowest = np.int64(0)
            free, held = scratch.out[w % ahead], scratch.slowest[w % ahead]
            for i in range(now.strips):
                waited = max(free - scratch.end[i], 0)
                for_column = min(waited, max(held - scratch.end[i], 0))
                totals[COLUMN] += design.macs_per_pe * for_column
                totals[PSUM] += design.macs_per_pe * (waited - for_column)
                pe = (band * tiling.column + i) * design.cols + array_col
                cost = _window(data, shape, tiling, design, now.strip + i, (g, t, filters), (image, p, q), totals,
                               busy, pe)
                scratch.end[i] += waited + cost
                slowest = max(slowest, scratch.end[i])
            left = max(slowest + design.latency, left) + drain
            scratch.out[w % ahead], scratch.slowest[w % ahead] = left, slowest
            w += 1
    slowest = scratch.end[:now.strips].max()
    for i in range(now.strips):
        totals[COLUMN] += design.macs_per_pe * (slowest - scratch.end[i])
        totals[WEIGHT_WRITES] += data.tile_words[g, t, now.strip + i]
    totals[PSUM] += design.macs_per_pe * now.strips * (left - slowest)
    _count_sums(shape, now, items * shape.out_cols * filters, row, totals)
    return left


@njit(cache=True)
def _count_stream(data, shape, tiling, strip, g, image, p, totals):
    """Words of a stream written into a PE's scratchpad."""
    b, r, k = strip % tiling.tap_blocks, strip // tiling.tap_blocks % shape.rows, \
        strip // (tiling.tap_blocks * shape.rows)
    y = p * shape.row_stride + r * shape.row_dilation - shape.row_padding
    if 0 <= y < shape.height:
        totals[IACT_WRITES] += data.stream_words[g, k, b, image, y]


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
def _window(data, shape, tiling, design, strip, weights, at, totals, busy, pe):
    """Cycles of one window in one PE; weights = (group, filter tile, filters), at = (image, output row, column)."""
    g, t, filters = weights
    image, p, q = at
    b, r, k = strip % tiling.tap_blocks, strip // tiling.tap_blocks % shape.rows, \
        strip // (tiling.tap_blocks * shape.rows)
    first_tap, first_channel = b * tiling.s0, k * tiling.c0
    end_tap, end_channel = min(shape.taps, first_tap + tiling.s0), min(shape.channels, first_channel + tiling.c0)
    y = p * shape.row_stride + r * shape.row_dilation - shape.row_padding
    start, spent = np.int64(0), np.int64(0)  # when the address stage, and the weight stage, are free
    inputs, words, entries, nonzeros = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    if 0 <= y < shape.height:
        plane, columns = data.iacts[g, image, y], data.columns[g, t, r]
        for s in range(first_tap, end_tap):
            x = q * shape.col_stride + s * shape.col_dilation - shape.col_padding
            if x < 0 or x >= shape.width:
                continue
            for c in range(first_channel, end_channel):
                if plane[x, c]:
                    column = np.int64(columns[s, c])
                    inputs += 1
                    entries += (column >> 8) & 255
                    nonzeros += column >> 16
                    column &= 255
                    if column == 0:
                        start += 1
                    else:
                        start = max(start, spent)
                        spent = start + column
                        start += 1
                        words += column
    busy[pe] += nonzeros
    totals[BUSY] += nonzeros
    totals[IACT_READS] += inputs
    if tiling.compressed:
        cost = max(start, spent)
        totals[BUBBLE] += design.macs_per_pe * (cost - words)
        totals[IACT_ADDRESS_READS] += -(-(end_tap - first_tap) // shape.col_stride)
        totals[MACS] += nonzeros
        totals[GATED_MACS] += entries - nonzeros
        totals[WEIGHT_READS] += words
        totals[INEFFECTUAL] += entries - nonzeros
        totals[SIMD_IDLE] += design.macs_per_pe * words - entries
        return cost
    positions = (end_tap - first_tap) * (end_channel - first_channel)
    words = -(-filters // design.macs_per_pe)
    totals[IACT_READS] += positions - inputs
    totals[MACS] += inputs * filters
    totals[GATED_MACS] += (positions - inputs) * filters
    totals[WEIGHT_READS] += inputs * words
    totals[INEFFECTUAL] += positions * filters - nonzeros
    totals[SIMD_IDLE] += positions * (words * design.macs_per_pe - filters)
    return positions * words
