"""The fast memory timeline: an event loop that serves one DRAM request after the other. Rules: docs/memory.md.

What is not limited by the channel (computing, requests of 0 bits) is advanced first. Any request that is not known
then waits for a known one, so it is asked at least a cycle later: the earliest known request is always the next one.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)

READS = 2  # queues 0 and 1 read (weights, activations), queue 2 writes (outputs)
CAUSES = 4  # columns of `waits`: weights, handover (a needed layer still drains), activations, writeback


class TileSchedule(NamedTuple):
    """All tiles of a run: bits[queue, tile] in whole bursts, compute_cycles[tile], load_cycles[tile] of these, and what
    they wait for.

    needs[tile]: the tile that must be written before this one's activations are asked for, -1 for none.
    gate[tile]: the tile that must have computed before its weights are asked for, -1 for none.
    """

    bits: np.ndarray
    compute_cycles: np.ndarray
    load_cycles: np.ndarray
    needs: np.ndarray
    gate: np.ndarray


class Times(NamedTuple):
    """Per tile: start and end of computing, when a load in it has ended (start if there is none), when it is written,
    and waits[tile, cause] before the start.

    Per request: asked[queue, tile], there[queue, tile] (a write: when it is written), and from when to when the channel
    moves it, moved[queue, tile, 2] in ticks (0 bits: not set).
    """

    start: np.ndarray
    loaded: np.ndarray
    end: np.ndarray
    written: np.ndarray
    waits: np.ndarray
    asked: np.ndarray
    there: np.ndarray
    moved: np.ndarray


@njit(inline="always")
def _row_cost(row, queue, open_rows, channel):
    """Ticks to have `row` of a queue's stream open in its bank."""
    bank = row % channel.banks
    name = row * 3 + queue
    before = open_rows[bank]
    open_rows[bank] = name
    if before == name:
        return np.int64(0)
    return channel.activate_ticks + (channel.precharge_ticks if before >= 0 else 0)


@njit(cache=True)
def transfer_ticks(queue, bits, position, open_rows, channel):
    """How long the channel is taken; position[queue] (bits of the stream so far) and open_rows[bank] move on."""
    ticks = bits * channel.bit_ticks
    if channel.row_bits == 0:
        return ticks
    at, end = position[queue], position[queue] + bits
    before = np.int64(0)  # bits moved from the row before: its transfer hides the next row's opening
    while at < end:
        row = at // channel.row_bits
        part = min(end, (row + 1) * channel.row_bits) - at
        hidden = before * channel.bit_ticks if channel.banks > 1 else 0
        ticks += max(0, _row_cost(row, queue, open_rows, channel) - hidden)
        at += part
        before = part
    position[queue] = end
    return ticks


@njit(cache=True)
def _asked(queue, tile, schedule, last_asked, computed, written_count, end, written, buffering):
    """When the request at the head of a queue is asked for, or -1 when that is not known yet."""
    if tile >= len(end):
        return np.int64(-1)
    if queue == READS:
        return end[tile] if tile < computed else np.int64(-1)
    time = last_asked[queue]
    if tile >= buffering:
        if tile - buffering >= computed:
            return np.int64(-1)
        time = max(time, end[tile - buffering])
    if queue == 0 and schedule.gate[tile] >= 0:
        if schedule.gate[tile] >= computed:
            return np.int64(-1)
        time = max(time, end[schedule.gate[tile]])
    if queue == 1 and schedule.needs[tile] >= 0:
        if schedule.needs[tile] >= written_count:
            return np.int64(-1)
        time = max(time, written[schedule.needs[tile]])
    return time


@njit(cache=True)
def _compute(tile, schedule, ready, times, buffering):
    """Tile `tile` computes; its wait is split by cause."""
    start, end, written, waits = times.start, times.end, times.written, times.waits
    begin, load = end[tile - 1] if tile > 0 else np.int64(0), schedule.load_cycles[tile]
    weights = begin if load else ready[0, tile]
    start[tile] = max(begin, weights, ready[1, tile])
    if tile >= buffering:
        start[tile] = max(start[tile], written[tile - buffering])
    times.loaded[tile] = max(start[tile] + load, ready[0, tile]) if load else start[tile]
    end[tile] = times.loaded[tile] + schedule.compute_cycles[tile] - load
    drained = np.int64(0)
    if schedule.needs[tile] >= 0 and schedule.bits[1, tile] > 0:
        drained = written[schedule.needs[tile]]
    at = begin
    for cause, over in enumerate((weights, drained, ready[1, tile], start[tile])):
        until = min(max(over, at), start[tile])
        waits[tile, cause] = until - at
        at = until


@njit(cache=True)
def run_timeline(schedule, channel, buffering):
    """The Times of `schedule` on a Channel with `buffering` tiles in flight."""
    tiles = len(schedule.compute_cycles)
    times = Times(np.zeros(tiles, np.int64), np.zeros(tiles, np.int64), np.zeros(tiles, np.int64),
                  np.zeros(tiles, np.int64), np.zeros((tiles, CAUSES), np.int64), np.zeros((3, tiles), np.int64),
                  np.zeros((3, tiles), np.int64), np.zeros((3, tiles, 2), np.int64))
    ready = times.there
    head, last_asked = np.zeros(3, np.int64), np.zeros(3, np.int64)  # per queue: next tile, time of the request before
    position, open_rows = np.zeros(3, np.int64), np.full(channel.banks, -1, np.int64)
    asked = np.zeros(3, np.int64)
    computed, free = 0, np.int64(0)  # free: tick at which the channel is free
    while head[READS] < tiles:
        moved = False
        for queue in range(3):
            tile = head[queue]
            asked[queue] = _asked(queue, tile, schedule, last_asked, computed, head[READS], times.end, times.written,
                                  buffering)
            if asked[queue] >= 0 and schedule.bits[queue, tile] == 0:
                _arrive(queue, tile, asked[queue], times)
                last_asked[queue] = asked[queue]
                head[queue] += 1
                moved = True
        if computed < min(head[0], head[1]) and computed - buffering < head[READS]:
            _compute(computed, schedule, ready, times, buffering)
            computed += 1
            moved = True
        if moved:
            continue
        queue = -1
        for q in range(3):
            if asked[q] >= 0 and (queue < 0 or asked[q] < asked[queue]):
                queue = q
        tile, now = head[queue], asked[queue]
        times.moved[queue, tile, 0] = max(free, now * channel.cycle_ticks)
        free = times.moved[queue, tile, 0] + transfer_ticks(queue, schedule.bits[queue, tile], position, open_rows,
                                                            channel)
        times.moved[queue, tile, 1] = free
        seen = (free + channel.cycle_ticks - 1) // channel.cycle_ticks
        times.asked[queue, tile] = now
        _arrive(queue, tile, seen + (channel.latency_cycles if queue < READS else 0), times)
        last_asked[queue] = now
        head[queue] += 1
    return times


@njit(cache=True)
def _arrive(queue, tile, time, times):
    """Data of a read are there, or a tile is written (in order)."""
    if queue == READS:
        times.written[tile] = max(time, times.written[tile - 1]) if tile > 0 else time
        time = times.written[tile]
    times.there[queue, tile] = time
