"""The lanes of every pass: what each window costs its PE, and the PEs of a column bound together by max and plus.

A strip's windows lie side by side: one scan over the taps and channels serves all of them, a vector at a time. What is
only counted is not here: it follows from totals over the layer (`counting`).
"""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    COLUMN_WAIT,
    COLUMN_WAITS,
    COMPILED,
    COMPUTE_CYCLES,
    ENTRIES,
    FILTER_TILE,
    GROUP,
    INNER,
    LANE_ENDS,
    LEFT,
    MAPPED_PES,
    PRODUCTS,
    PSUM_WAIT,
    PSUM_WAITS,
    SLOWEST,
    STRIP,
    SUMS,
    WINDOW,
    WINDOW_CYCLES,
    WORDS,
    WORKED,
    lane_number,
    pass_at,
)

BLOCK = 1024  # windows whose costs are worked out together, one output row at least


class LaneScratch(NamedTuple):
    """Buffers of the lanes of a filter tile.

    ends, column_waits, psum_waits int64 [row lane, PE], cycles so far; slowest [row lane, window in flight]; windows
    [row lane], how many it has run. Of a block of windows: cost int32 [window, PE]; looked_up, spent int32 [window],
    when the next lookup is over and the weight stage is free; sums int64 [output row].
    """

    ends: np.ndarray
    column_waits: np.ndarray
    psum_waits: np.ndarray
    slowest: np.ndarray
    windows: np.ndarray
    cost: np.ndarray
    looked_up: np.ndarray
    spent: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, out_cols: int, column: int, row_lanes: int, in_flight: int) -> "LaneScratch":
        rows = max(1, BLOCK // out_cols)
        pes = -(-column // 8) * 8  # whole vectors
        each, windows = (row_lanes, pes), rows * out_cols
        return cls(np.zeros(each, np.int64), np.zeros(each, np.int64), np.zeros(each, np.int64),
                   np.zeros((row_lanes, in_flight), np.int64), np.zeros(row_lanes, np.int64),
                   np.zeros((windows, pes), np.int32), np.zeros(windows, np.int32), np.zeros(windows, np.int32),
                   np.zeros(rows, np.int64))


@COMPILED
def run_lanes(data, shape, tiling, design, passes, scratch, counted, record):
    """Run passes[0] .. passes[1] - 1; counted = (work [pass, column], busy [PE], effectual multiplications), int64,
    zeros before. record [PE, column], of a single pass, or None.
    """
    work, busy = counted
    for number in range(passes[0], passes[1]):
        now = pass_at(tiling, number)
        latency = design.latency + design.hop_cycles * (now.strips - 1)
        filter_tiles = min(tiling.filter_lanes, tiling.filter_tiles - now.filter_tile)
        for tile in range(min(tiling.group_lanes, shape.groups - now.group) * filter_tiles):
            h, f = tile // filter_tiles, tile % filter_tiles
            g, t = now.group + h, now.filter_tile + f
            filters = min(tiling.m0, shape.filters - t * tiling.m0)
            drain = -(-filters // design.sums_per_cycle)
            _begin_tile(data.strips, tiling, latency, now, -(-filters // design.macs_per_pe), scratch)
            place = 0
            while place < now.items:
                image, p = (now.item + place) // shape.out_rows, (now.item + place) % shape.out_rows
                rows = min(len(scratch.sums), now.items - place)
                if data.rows > shape.out_rows:
                    rows = min(rows, shape.out_rows - p)  # rows of padding lie between the images
                first = image * data.rows + p
                for i in range(now.strips):
                    if tiling.compressed:
                        _skip_costs(data, shape.out_cols, (g, t), (now.strip + i, i), (first, rows),
                                    design.address_cycles, scratch)
                    _count_products(data, data.nonzeros, (g, t), now.strip + i, (first, rows), scratch.sums)
                    for n in range(rows):
                        lane = lane_number(tiling, (place + n) % tiling.row_lanes, f, h)
                        pe = (lane // design.cols * tiling.column + i) * design.cols + lane % design.cols
                        busy[pe] += scratch.sums[n]
                for n in range(rows):
                    _meet(scratch, (place + n) % tiling.row_lanes, n * shape.out_cols, shape.out_cols,
                          (tiling.compressed, design.batch), latency, drain)
                place += rows
            for e in range(min(tiling.row_lanes, now.items)):
                _end_lane(scratch, e, now.strips, filters, (latency, drain), work[number])
            if record is not None:
                _record(data, shape, tiling, design, (now, h, f), (latency, drain), scratch, record)


@INNER
def _begin_tile(strips, tiling, latency, now, words, scratch):
    """Empty the lanes. In dense mode every window of a PE takes as long: cost[0, PE]."""
    for e in range(len(scratch.windows)):
        scratch.windows[e] = 0
        for i in range(scratch.ends.shape[1]):
            scratch.ends[e, i] = scratch.column_waits[e, i] = scratch.psum_waits[e, i] = 0
        for place in range(scratch.slowest.shape[1]):
            scratch.slowest[e, place] = -latency  # no window has to be out before the first ones
    if now.strips < tiling.column:
        for q in range(len(scratch.cost)):
            for i in range(now.strips, tiling.column):
                scratch.cost[q, i] = 0
    if not tiling.compressed:
        for i in range(now.strips):
            strip = strips[now.strip + i]
            scratch.cost[0, i] = (strip[1] - strip[0]) * (strip[4] - strip[3]) * words


@INNER
def _skip_costs(data, out_cols, tile, strip, rows, address_cycles, scratch):
    """Cycles of the windows of (first row, rows) in a PE that skips zeros; strip = (its number, its PE)."""
    looked_up, spent, cost, strips = scratch.looked_up, scratch.spent, scratch.cost, data.strips
    g, t = tile
    j, pe = strip
    r = strips[j, 2]
    windows, per_lookup = rows[1] * out_cols, np.int32(address_cycles)
    begin = (rows[0] + data.filter_rows[r, 1]) * out_cols
    for q in range(windows):
        looked_up[q] = spent[q] = 0
    for s in range(strips[j, 3], strips[j, 4]):
        for c in range(strips[j, 0], strips[j, 1]):
            inputs = data.iacts[g, s, c, data.filter_rows[r, 0], begin:begin + windows]
            words = np.int32(data.words[g, t, c, r, s])
            if words == 0:
                for q in range(windows):
                    looked_up[q] += per_lookup * inputs[q]
                continue
            for q in range(windows):
                begins, met = max(looked_up[q], spent[q]), inputs[q]
                spent[q] = begins + words if met else spent[q]
                looked_up[q] = begins + per_lookup if met else looked_up[q]
    for q in range(windows):
        cost[q, pe] = max(looked_up[q] - address_cycles + 1, spent[q])


@INNER
def _count_products(data, columns, tile, strip, rows, sums):
    """sums [row]: inputs met in (first row, rows), each times its column's value of `columns`."""
    strips = data.strips
    g, t = tile
    r = strips[strip, 2]
    begin = rows[0] + data.filter_rows[r, 1]
    for n in range(rows[1]):
        sums[n] = 0
    for s in range(strips[strip, 3], strips[strip, 4]):
        for c in range(strips[strip, 0], strips[strip, 1]):
            met = data.met[g, s, c, data.filter_rows[r, 0], begin:begin + rows[1]]
            value = np.int64(columns[g, t, c, r, s])
            for n in range(rows[1]):
                sums[n] += value * met[n]


@INNER
def _meet(scratch, e, first, windows, ways, latency, drain):
    """Run windows of row lane e through its column; ways = (moving, batch). Their costs are those from cost[first] on,
    or, unless `moving`, all are the first. With `batch` only a batch's first window waits: for the batch before."""
    moving, batch = ways
    ends, column_waits, psum_waits = scratch.ends[e], scratch.column_waits[e], scratch.psum_waits[e]
    slowest_of = scratch.slowest[e]
    place = scratch.windows[e] % len(slowest_of)
    scratch.windows[e] += windows
    for q in range(windows):
        held, each, slowest = slowest_of[place], scratch.cost[first + q if moving else 0], np.int64(0)
        if batch:
            held = slowest_of[len(slowest_of) - 1] if place == 0 else -latency
        for i in range(len(ends)):  # PEs behind the last cost nothing, and are never the slowest
            end = ends[i]
            behind, wait = max(held - end, 0), max(held + latency - end, 0)
            end += wait + each[i] + drain
            column_waits[i] += behind
            psum_waits[i] += wait - behind
            ends[i] = end
            slowest = max(slowest, end)
        slowest_of[place] = slowest
        place = place + 1 if place + 1 < len(slowest_of) else 0


@INNER
def _end_lane(scratch, e, pes, filters, cycles, row):
    """Add row lane e to its pass's row of `work`; cycles = (latency, drain)."""
    latency, drain = cycles
    slowest, windows = _slowest(scratch, e, pes), scratch.windows[e]
    for i in range(pes):
        behind, wait = scratch.column_waits[e, i], scratch.psum_waits[e, i]
        row[WINDOW_CYCLES] += scratch.ends[e, i] - windows * drain - behind - wait
        row[COLUMN_WAITS] += behind + slowest - scratch.ends[e, i]
        row[PSUM_WAITS] += wait
    row[COMPUTE_CYCLES] = max(row[COMPUTE_CYCLES], slowest + latency)
    row[MAPPED_PES] += pes
    row[LANE_ENDS] += pes * (slowest + latency)
    row[SUMS] += windows * filters


@INNER
def _slowest(scratch, e, pes):
    """End of the last window of row lane e."""
    slowest = np.int64(0)
    for i in range(pes):
        slowest = max(slowest, scratch.ends[e, i])
    return slowest


@INNER
def _record(data, shape, tiling, design, at, cycles, scratch, record):
    """What the PEs of a filter tile's lanes did: at = (pass, group lane, filter lane), cycles = (latency, drain)."""
    (now, h, f), (latency, drain) = at, cycles
    g, t = now.group + h, now.filter_tile + f
    for place in range(now.items):
        e = place % tiling.row_lanes
        image, p = (now.item + place) // shape.out_rows, (now.item + place) % shape.out_rows
        lane, slowest = lane_number(tiling, e, f, h), _slowest(scratch, e, now.strips)
        for i in range(now.strips):
            one = record[(lane // design.cols * tiling.column + i) * design.cols + lane % design.cols]
            one[GROUP], one[FILTER_TILE], one[STRIP] = g, t, now.strip + i
            one[WORKED], one[SLOWEST], one[LEFT] = scratch.ends[e, i], slowest, slowest + latency
            one[COLUMN_WAIT] = scratch.column_waits[e, i]
            one[PSUM_WAIT] = scratch.psum_waits[e, i] + scratch.windows[e] * drain
            one[WINDOW] = scratch.ends[e, i] - one[PSUM_WAIT] - one[COLUMN_WAIT]
            for column, columns in ((PRODUCTS, data.nonzeros), (WORDS, data.words), (ENTRIES, data.entries)):
                _count_products(data, columns, (g, t), now.strip + i, (image * data.rows + p, 1), scratch.sums)
                one[column] += scratch.sums[0]
