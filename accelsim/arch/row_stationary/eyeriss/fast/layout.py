"""The kernel's tables: what stands at which place of its counters, and the scalars that it is told."""

from typing import NamedTuple

import numpy as np
from numba import njit

# places in `totals`
(BUSY, INEFFECTUAL, SIMD_IDLE, BUBBLE, COLUMN, PSUM, BARRIER, IACT, WEIGHT, FRAGMENTATION,
 MACS, GATED_MACS, IACT_ADDRESS_READS, IACT_READS, IACT_WRITES, WEIGHT_READS, WEIGHT_WRITES, DRAINED,
 PSUM_PASSES, GLB_PSUM_READS, GLB_PSUM_WRITES, IACT_HOP_BITS, WEIGHT_HOP_BITS, PSUM_HOP_BITS, TOTALS) = range(25)
# columns of `per_pass`; WAITS_FOR: PSUM or IACT, where cycles go that the PEs wait for a network. Streams that a pass
# needs, in the network's form and in DRAM's: all, those that no pass of its chunk needed before, that none did
(WEIGHT_CYCLES, COMPUTE_CYCLES, CYCLES, WEIGHT_BITS, OUTPUTS, MAPPED_PES, WAITS_FOR, STREAM_BITS, STREAM_DRAM_BITS,
 CHUNK_BITS, CHUNK_DRAM_BITS, NEW_BITS, NEW_DRAM_BITS, COLUMNS) = range(14)


class Design(NamedTuple):
    """The scalars of a config, int but `flat`. latency: pipeline stages less one; sums_per_cycle: of a psum port;
    address_cycles: of the address stage for an input."""

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
    address_cycles: int
    flat: bool


class Pass(NamedTuple):
    """A pass: the number of its chunk over all rounds, its first group, filter tile, item and strip, how many items and
    strips, and whether it is the first step of its chunk, and the last."""

    chunk: int
    group: int
    filter_tile: int
    item: int
    items: int
    strip: int
    strips: int
    first: bool
    last: bool


class Strips(NamedTuple):
    """What each strip holds, int64 [strip]; segments, positions: of a window."""

    block: np.ndarray
    tap_block: np.ndarray
    row: np.ndarray
    first_tap: np.ndarray
    end_tap: np.ndarray
    first_channel: np.ndarray
    end_channel: np.ndarray
    segments: np.ndarray
    positions: np.ndarray


@njit(cache=True)
def strips_of(shape, tiling):
    """The strips of a tiling."""
    each = np.zeros((9, tiling.strips), np.int64)
    for strip in range(tiling.strips):
        b, rest = strip % tiling.tap_blocks, strip // tiling.tap_blocks
        r, k = rest % shape.rows, rest // shape.rows
        first, end = b * tiling.s0, min(shape.taps, (b + 1) * tiling.s0)
        channel, last = k * tiling.c0, min(shape.channels, (k + 1) * tiling.c0)
        each[:, strip] = (k, b, r, first, end, channel, last, -(-(end - first) // shape.col_stride),
                          (end - first) * (last - channel))
    return Strips(each[0], each[1], each[2], each[3], each[4], each[5], each[6], each[7],
                  each[8])


class Job(NamedTuple):
    """All that stays the same from pass to pass: what to run, on what. Members are the classes of their names."""

    data: NamedTuple
    shape: NamedTuple
    tiling: NamedTuple
    design: NamedTuple
    routes: NamedTuple
    strips: NamedTuple


class Counters(NamedTuple):
    """What is counted over the passes, int64: totals [total]; busy [PE], effectual multiplications."""

    totals: np.ndarray
    busy: np.ndarray
