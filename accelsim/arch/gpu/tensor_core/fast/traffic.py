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

    def behind(self, dram: tuple[int, int, int, int]) -> "Rates":
        """The same L2 and ports before another DRAM: its rate, what that is per, latency and burst."""
        return self._replace(dram=dram[0], dram_per=dram[1], dram_latency=dram[2], dram_burst=dram[3])


class MemoryState(NamedTuple):
    """blocks[block], recency[block] and meters: see above; they change as bytes are booked."""

    blocks: np.ndarray
    recency: np.ndarray
    meters: np.ndarray


def new_memory(blocks: np.ndarray, sms: int) -> MemoryState:
    """No block in L2, all byte clocks at 0; `blocks` is copied."""
    return MemoryState(blocks.copy(), np.full((len(blocks) + 1, 2), len(blocks)), np.zeros(PORTS + sms, np.int64))


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
def _fill(rates, memory, block, now):
    """Read a block from DRAM and insert it, the least recently used leaving until it fits; the cycle it is in L2."""
    blocks, recency, meters = memory
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
def _in_l2(rates, memory, block, now):
    """The cycle a block is in L2, where it is now the most recently used."""
    filled = memory.blocks[block, FILLED]
    if filled < 0:
        return _fill(rates, memory, block, now)
    _unlink(memory.recency, block)
    _append(memory.recency, block)
    return filled


@njit(inline="always")
def _booked(rates, meters, amount, sm, now):
    """Book bytes on L2 and port; the cycle both are done with them and, as the counters only grow, with all before."""
    l2, port = max(meters[L2], now * rates.l2) + amount, max(meters[PORTS + sm], now * rates.port) + amount
    meters[L2], meters[PORTS + sm] = l2, port
    return max((l2 + rates.l2 - 1) // rates.l2, (port + rates.port - 1) // rates.port)


@njit(**HOT)
def _copied(rates, memory, a, b, sm, now):
    """Book a block of A and one of B (-1: none), each of which may be empty; their bytes, and when all are in shared
    memory.
    """
    blocks = memory.blocks
    amount, filled = blocks[a, BYTES], now
    if amount > 0:
        filled = _in_l2(rates, memory, a, now)
    if b >= 0 and blocks[b, BYTES] > 0:
        amount += blocks[b, BYTES]
        filled = max(filled, _in_l2(rates, memory, b, now))
    if amount == 0:
        return amount, now
    memory.meters[L2_READ] += amount
    return amount, max(filled, _booked(rates, memory.meters, amount, sm, now)) + rates.l2_latency


@njit(inline="always")
def copy_step(rates, memory, row, column, sm, now):
    """Book the copy of one k-step (A, B, EA, EB); the cycles its values and its metadata arrive.

    row, column: block of A and of B, counted within their kinds.
    """
    _, values_at = _copied(rates, memory, row, rates.first_b + column, sm, now)
    if rates.first_ea == len(memory.blocks):
        return values_at, now
    amount, indices_at = _copied(rates, memory, rates.first_ea + row,
                                 rates.first_eb + column if rates.first_eb < len(memory.blocks) else -1, sm, now)
    memory.meters[METADATA] += amount
    return values_at, indices_at


@njit(**HOT)
def write_tile(rates, memory, amount, sm, now):
    """Book a CTA's part of C; the cycle L2 and port are done with it."""
    memory.meters[L2_WRITE] += amount
    return _booked(rates, memory.meters, amount, sm, now)


@njit(inline="always")
def step_bytes(rates, memory, row, column):
    """Bytes of a step's copy: those of A with its metadata, those of B with its metadata."""
    blocks = memory.blocks
    a, b = blocks[row, BYTES], blocks[rates.first_b + column, BYTES]
    if rates.first_ea < len(blocks):
        a += blocks[rates.first_ea + row, BYTES]
    if rates.first_eb < len(blocks):
        b += blocks[rates.first_eb + column, BYTES]
    return a, b
