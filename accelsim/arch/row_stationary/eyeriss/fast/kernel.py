"""The fast engine of Eyeriss: passes in order, the lanes of each by a recurrence over their windows.

A window's cost is a scan of its real inputs against the weight columns they meet; a lane's PEs are bound together by
max and plus. Networks are loads per link and pass (`network_loads`).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    BARRIER,
    COLUMN,
    COMPUTE_CYCLES,
    CYCLES,
    DRAINED,
    FRAGMENTATION,
    GLB_PSUM_READS,
    GLB_PSUM_WRITES,
    IACT,
    IACT_HOP_BITS,
    MAPPED_PES,
    OUTPUTS,
    PSUM,
    PSUM_HOP_BITS,
    PSUM_PASSES,
    WAITS_FOR,
    WEIGHT,
    WEIGHT_BITS,
    WEIGHT_CYCLES,
    WEIGHT_HOP_BITS,
    WEIGHT_WRITES,
    Counters,
    Pass,
)
from accelsim.arch.row_stationary.eyeriss.fast.network_loads import (
    iact_network,
    lane_at,
    network_scratch,
    psum_network,
    weight_network,
)
from accelsim.arch.row_stationary.eyeriss.fast.windows import row_of_windows


class LaneScratch(NamedTuple):
    """Buffers of one lane: cost [PE, output column]; slowest [window in flight].

    PEs whose windows all take the same time move in step: heads [n] is one of them, alike [n] how many there are, end
    [n] when they end.
    """

    cost: np.ndarray
    heads: np.ndarray
    alike: np.ndarray
    end: np.ndarray
    slowest: np.ndarray


@njit(cache=True)
def simulate(job, per_pass, totals, busy):
    """Fill per_pass [pass, column], totals [total] and busy [PE], all int64 zeros before."""
    shape, tiling, design, routes = job.shape, job.tiling, job.design, job.routes
    counters = Counters(totals, busy)
    lanes = LaneScratch(
        np.zeros((tiling.column, shape.out_cols), np.int64), np.zeros(tiling.column, np.int64),
        np.zeros(tiling.column, np.int64), np.zeros(tiling.column, np.int64), np.zeros(design.psum_words, np.int64))
    lane_ends = np.zeros(design.rows // tiling.column * design.cols, np.int64)
    loads = network_scratch(tiling, design, routes, job.data.stream_bits.shape)
    number = 0
    for tg in range(tiling.group_rounds):
        for tm in range(tiling.filter_rounds):
            for chunk in range(tiling.chunks):
                for z in range(tiling.steps):
                    now = pass_at(tiling, tg, tm, chunk, z)
                    _run_pass(job, now, loads, lanes, lane_ends, per_pass[number], counters)
                    number += 1


@njit(cache=True)
def pass_at(tiling, group_round, filter_round, chunk, z):
    """The pass at this place of the order of passes."""
    item, strip = chunk * tiling.chunk, z * tiling.column
    number = (group_round * tiling.filter_rounds + filter_round) * tiling.chunks + chunk
    return Pass(number, group_round * tiling.group_lanes, filter_round * tiling.filter_lanes, item,
                min(tiling.chunk, tiling.items - item), strip, min(tiling.column, tiling.strips - strip), z == 0,
                z == tiling.steps - 1)


@njit(cache=True)
def _run_pass(job, now, loads, lanes, lane_ends, row, counters):
    """Networks, lanes and the books of one pass; `row` is its row of `per_pass`."""
    data, shape, tiling, design, totals = job.data, job.shape, job.tiling, job.design, counters.totals
    weight_cycles, row[WEIGHT_BITS], hops = weight_network(data, shape, tiling, design, now, loads)
    totals[WEIGHT_HOP_BITS] += hops
    iact_cycles, hops = iact_network(job, now, loads, row)
    totals[IACT_HOP_BITS] += hops
    psum_cycles, hops = psum_network(shape, tiling, design, now, loads)
    totals[PSUM_HOP_BITS] += hops
    compute_cycles = np.int64(0)
    for lane in range(len(lane_ends)):
        lane_ends[lane] = _lane(job, now, lane, lanes, row, counters)
        compute_cycles = max(compute_cycles, lane_ends[lane])
    cycles = max(compute_cycles, iact_cycles, psum_cycles)
    mapped = np.int64(0)
    for lane in range(len(lane_ends)):
        if lane_ends[lane] >= 0:
            mapped += now.strips
            totals[BARRIER] += design.macs_per_pe * now.strips * (compute_cycles - lane_ends[lane])
    slots = design.macs_per_pe * mapped
    totals[WEIGHT] += slots * weight_cycles
    row[WAITS_FOR] = PSUM if psum_cycles > iact_cycles else IACT
    totals[row[WAITS_FOR]] += slots * (cycles - compute_cycles)
    totals[FRAGMENTATION] += (design.rows * design.cols * design.macs_per_pe - slots) * (weight_cycles + cycles)
    row[WEIGHT_CYCLES], row[COMPUTE_CYCLES], row[CYCLES] = weight_cycles, compute_cycles, weight_cycles + cycles
    row[MAPPED_PES] = mapped


@njit(cache=True)
def lane_work(shape, tiling, now, lane):
    """(group, filter tile, filters, place of the first item in the chunk) of a lane; no filters: nothing to do."""
    e, f, h = lane_at(lane, tiling)
    g, t = now.group + h, now.filter_tile + f
    if h >= tiling.group_lanes or g >= shape.groups or t >= tiling.filter_tiles or e >= now.items:
        return g, t, 0, e
    return g, t, min(tiling.m0, shape.filters - t * tiling.m0), e


@njit(cache=True)
def _lane(job, now, lane, scratch, row, counters):
    """Cycle at which the lane's last sums have left; -1 for a lane without work."""
    shape, tiling, design, totals = job.shape, job.tiling, job.design, counters.totals
    band, array_col = lane // design.cols, lane % design.cols
    g, t, filters, e = lane_work(shape, tiling, now, lane)
    if filters == 0:
        return np.int64(-1)
    items = -(-(now.items - e) // tiling.row_lanes)
    drain = -(-filters // design.sums_per_cycle)
    scratch.end[:] = 0
    scratch.slowest[:] = -design.latency  # no window has to be out before the first ones
    heads = _heads(tiling, now, job.strips, scratch)
    w = np.int64(0)
    for place in range(e, now.items, tiling.row_lanes):
        image, p = (now.item + place) // shape.out_rows, (now.item + place) % shape.out_rows
        for i in range(now.strips):
            pe = (band * tiling.column + i) * design.cols + array_col
            counters.busy[pe] += row_of_windows(job, now.strip + i, (g, t, filters), (image, p), scratch.cost[i],
                                                totals)
        w = _columns_meet(shape, tiling, design, heads, scratch, (w, drain), totals)
    slowest = scratch.end[:heads].max()
    for n in range(heads):
        totals[COLUMN] += design.macs_per_pe * scratch.alike[n] * (slowest - scratch.end[n])
    for i in range(now.strips):
        totals[WEIGHT_WRITES] += job.data.tile_words[g, t, now.strip + i]
    totals[PSUM] += design.macs_per_pe * now.strips * (w * drain + design.latency)
    _count_sums(shape, now, items * shape.out_cols * filters, row, totals)
    return slowest + design.latency


@njit(cache=True)
def _heads(tiling, now, strips, scratch):
    """Fill heads and alike; returns how many. In dense mode windows of equal strips take the same time."""
    count = 0
    for i in range(now.strips):
        n = count if tiling.compressed else 0
        while n < count and strips.positions[now.strip + scratch.heads[n]] != strips.positions[now.strip + i]:
            n += 1
        if n == count:
            scratch.heads[n], scratch.alike[n] = i, 0
            count += 1
        scratch.alike[n] += 1
    return count


@njit(cache=True)
def _columns_meet(shape, tiling, design, heads, scratch, state, totals):
    """Run the windows of one output row through the column; state = (windows before, drain cycles).

    Returns the windows after it.
    """
    w, drain = state
    ahead = design.psum_words // tiling.m0
    place, for_column, for_sums = w % ahead, np.int64(0), np.int64(0)
    for q in range(shape.out_cols):
        slowest, held = np.int64(0), scratch.slowest[place]
        free = held + design.latency
        for n in range(heads):
            end = scratch.end[n]
            if free > end:
                behind = max(held - end, 0)
                for_column += scratch.alike[n] * behind
                for_sums += scratch.alike[n] * (free - end - behind)
                end = free
            end += scratch.cost[scratch.heads[n], q] + drain
            scratch.end[n] = end
            slowest = max(slowest, end)
        scratch.slowest[place] = slowest
        place = place + 1 if place + 1 < ahead else 0
    totals[COLUMN] += design.macs_per_pe * for_column
    totals[PSUM] += design.macs_per_pe * for_sums
    return w + shape.out_cols


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
