"""The kernels' tables: what stands at which place of what they count, and the scalars that they are told."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

# sizes are never zero: without the checks for it, the code is half as large and compiles as much faster
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
COMPILED = njit(**_OPTIONS)
# called by compiled code alone: without the wrapper that unpacks Python's arguments, as much again to compile
INNER = njit(**_OPTIONS | {"no_cpython_wrapper": True})

# columns of `loads`, a row per pass. What the networks take; streams that a pass needs, in the network's form and in
# DRAM's: all, those that no pass of its chunk needed before, those that none did
(WEIGHT_CYCLES, IACT_CYCLES, PSUM_CYCLES, WEIGHT_BITS, STREAM_BITS, STREAM_DRAM_BITS, CHUNK_BITS, CHUNK_DRAM_BITS,
 NEW_BITS, NEW_DRAM_BITS, WEIGHT_HOP_BITS, IACT_HOP_BITS, PSUM_HOP_BITS, LOADS) = range(14)
# columns of `work`, a row per pass: its compute cycles, its mapped PEs, the ends of their lanes summed over them, sums
# that leave the columns; cycles of PEs spent in windows, for slower ones of the column and for room for sums
(COMPUTE_CYCLES, MAPPED_PES, LANE_ENDS, SUMS, WINDOW_CYCLES, COLUMN_WAITS, PSUM_WAITS, WORK) = range(8)
# columns of the record of a pass, a row per PE: what it works on (-1: it is not mapped), cycles of computing until its
# last window is over, the slowest's of its column, and its lane; what its windows took, and the waits between them
(GROUP, FILTER_TILE, STRIP, WORKED, SLOWEST, LEFT, WINDOW, COLUMN_WAIT, PSUM_WAIT, PRODUCTS, WORDS, ENTRIES,
 RECORD) = range(13)


class DesignScalars(NamedTuple):
    """The scalars of a config, int but `flat` and `batch`. latency: from a column's last window to its sums at the
    lowest PE's exit; sums_per_cycle: of a psum port; address_cycles: of the address stage for an input; hop_cycles: of
    sums past a PE; batch: sums leave when the scratchpad is full."""

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
    hop_cycles: int
    flat: bool
    batch: bool


class PassBounds(NamedTuple):
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


@INNER
def pass_at(tiling, number):
    """The pass of this number in the order of passes: groups, filter tiles, chunks, steps."""
    z, chunk = number % tiling.steps, number // tiling.steps
    filter_round = chunk // tiling.chunks % tiling.filter_rounds
    group_round = chunk // tiling.chunks // tiling.filter_rounds
    item, strip = chunk % tiling.chunks * tiling.chunk, z * tiling.column
    return PassBounds(
        chunk, group_round * tiling.group_lanes, filter_round * tiling.filter_lanes, item,
        min(tiling.chunk, tiling.items - item), strip, min(tiling.column, tiling.strips - strip), z == 0,
        z == tiling.steps - 1)


@INNER
def lane_number(tiling, e, f, h):
    """The lane of row lane e, filter lane f and group lane h."""
    inner = f * tiling.row_lanes + e if tiling.inner_rows else e * tiling.filter_lanes + f
    return h * tiling.row_lanes * tiling.filter_lanes + inner


def strip_parts(channels: int, rows: int, taps: int, c0: int, s0: int) -> np.ndarray:
    """What each strip holds, int64 [strip, (first channel, end, filter row, first tap, end)]."""
    first_channel, row, first_tap = (axis.reshape(-1) for axis in np.meshgrid(
        np.arange(0, channels, c0), np.arange(rows), np.arange(0, taps, s0), indexing="ij"))
    return np.stack([first_channel, np.minimum(first_channel + c0, channels), row,
                     first_tap, np.minimum(first_tap + s0, taps)], axis=1).astype(np.int64)
