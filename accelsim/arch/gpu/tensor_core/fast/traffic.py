"""Copies into shared memory, for the kernel: byte clocks, and an L2 of whole blocks from which the least recently
used leave.

A byte clock is a counter of bytes at a rate per cycle; booking takes the next bytes of now or later. Rules:
docs/machines/tensor_core.md, Machine.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

# For functions that allocate nothing: without numba's reference counting they run four times as fast. Nothing is
# divided by zero: every rate is at least 1.
HOT: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}

BYTES, SIZE, FILLED = 0, 1, 2  # of blocks[block]: bytes copied, size in L2, cycle its data is in L2 (ABSENT when not)
ABSENT = np.int64(-1)
# Of recency[block]: its neighbours in the order in which blocks in L2 were used last. The row behind all blocks closes
# the circle: LATER of it is the block used longest ago.
LATER, EARLIER = 0, 1
# Of meters: byte totals (DRAM_READ: in whole bursts, MISSED: without), what is in L2, and the byte clocks, an SM's port
# being PORTS + sm. The DRAM's is a cycle and parts of it, 1 / rates.dram each: its rate need not be whole.
L2_READ, L2_WRITE, DRAM_READ, MISSED, METADATA, L2_USED, DRAM_CYCLE, DRAM_PART, L2, PORTS = range(10)


class Rates(NamedTuple):
    """Bytes per cycle (the DRAM's: dram / dram_per), latencies, the capacity of the L2, and where the blocks of B, EA
    and EB begin.

    Blocks of A come first, then B, EA, EB, each [product, tile, step]; a kind that does not exist begins at the end.
    """

    port: int
    l2: int
    l2_latency: int
    l2_bytes: int
    dram: int
    dram_per: int
    dram_latency: int
    dram_burst: int
    first_b: int
    first_ea: int
    first_eb: int


@njit(cache=True)
def new_recency(blocks):
    """No block in L2."""
    return np.full((blocks + 1, 2), blocks)


@njit(inline="always")
def _done(counter, rate):
    return (counter + rate - 1) // rate


@njit(inline="always")
def _read(rates, meters, size, now):
    """Book the bursts of `size` bytes on the DRAM; the cycle the last of them has moved."""
    moved = (size + rates.dram_burst - 1) // rates.dram_burst * rates.dram_burst
    meters[DRAM_READ] += moved
    meters[MISSED] += size
    if meters[DRAM_CYCLE] < now:
        meters[DRAM_CYCLE], meters[DRAM_PART] = now, 0
    parts = meters[DRAM_PART] + moved * rates.dram_per
    meters[DRAM_CYCLE] += parts // rates.dram
    meters[DRAM_PART] = parts % rates.dram
    return meters[DRAM_CYCLE] + (meters[DRAM_PART] > 0)


@njit(**HOT)
def _fill(rates, blocks, recency, meters, block, now):
    """Read a block from DRAM and insert it, the least recently used leaving until it fits; the cycle it is in L2."""
    size = blocks[block, SIZE]
    filled = _read(rates, meters, size, now) + rates.dram_latency
    while meters[L2_USED] > 0 and meters[L2_USED] + size > rates.l2_bytes:
        oldest = recency[len(blocks), LATER]
        blocks[oldest, FILLED] = ABSENT
        meters[L2_USED] -= blocks[oldest, SIZE]
        _unlink(recency, oldest)
    if size <= rates.l2_bytes:
        _append(recency, block)
        meters[L2_USED] += size
        blocks[block, FILLED] = filled
    return filled


@njit(inline="always")
def _unlink(recency, block):
    later, earlier = recency[block, LATER], recency[block, EARLIER]
    recency[earlier, LATER], recency[later, EARLIER] = later, earlier


@njit(inline="always")
def _append(recency, block):
    """Make a block the most recently used."""
    end = len(recency) - 1
    latest = recency[end, EARLIER]
    recency[latest, LATER], recency[block, EARLIER] = block, latest
    recency[block, LATER], recency[end, EARLIER] = end, block


@njit(inline="always")
def _transfer(rates, blocks, recency, meters, block, sm, now):
    """Book one block on its way to an SM; the cycle it is in L2."""
    amount = blocks[block, BYTES]
    if amount == 0:
        return now
    filled = blocks[block, FILLED]
    if filled < 0:
        filled = _fill(rates, blocks, recency, meters, block, now)
    else:
        _unlink(recency, block)
        _append(recency, block)
    meters[L2] = max(meters[L2], now * rates.l2) + amount
    meters[PORTS + sm] = max(meters[PORTS + sm], now * rates.port) + amount
    meters[L2_READ] += amount
    return filled


@njit(inline="always")
def _arrival(rates, meters, sm, filled):
    """When what was booked last is in shared memory; both counters only grow, so they stand for all before."""
    return max(filled, _done(meters[L2], rates.l2), _done(meters[PORTS + sm], rates.port)) + rates.l2_latency


@njit(**HOT)
def copy_step(rates, blocks, recency, meters, row, column, sm, now):
    """Book the copy of one k-step (A, B, EA, EB); the cycles its values and its metadata arrive.

    row, column: block of A and of B, counted within their kinds.
    """
    before = meters[L2_READ]
    filled = max(_transfer(rates, blocks, recency, meters, row, sm, now),
                 _transfer(rates, blocks, recency, meters, rates.first_b + column, sm, now))
    values_at = _arrival(rates, meters, sm, filled) if meters[L2_READ] > before else now
    if rates.first_ea == len(blocks):
        return values_at, now
    before = meters[L2_READ]
    filled = _transfer(rates, blocks, recency, meters, rates.first_ea + row, sm, now)
    if rates.first_eb < len(blocks):
        filled = max(filled, _transfer(rates, blocks, recency, meters, rates.first_eb + column, sm, now))
    meters[METADATA] += meters[L2_READ] - before
    return values_at, _arrival(rates, meters, sm, filled)


@njit(**HOT)
def write_tile(rates, meters, amount, sm, now):
    """Book a CTA's part of C; the cycle L2 and port are done with it."""
    meters[L2] = max(meters[L2], now * rates.l2) + amount
    meters[PORTS + sm] = max(meters[PORTS + sm], now * rates.port) + amount
    meters[L2_WRITE] += amount
    return max(_done(meters[L2], rates.l2), _done(meters[PORTS + sm], rates.port))


@njit(inline="always")
def step_bytes(rates, blocks, row, column):
    """Bytes of a step's copy: those of A with its metadata, those of B with its metadata."""
    a, b = blocks[row, BYTES], blocks[rates.first_b + column, BYTES]
    if rates.first_ea < len(blocks):
        a += blocks[rates.first_ea + row, BYTES]
    if rates.first_eb < len(blocks):
        b += blocks[rates.first_eb + column, BYTES]
    return a, b
