"""What a mapping would cost: from shapes and exact totals of non-zeros, spread evenly. It ranks mappings, no more.

What it leaves out: uneven work, ragged ends of tiles, and the routes themselves (`shortlist`).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.shape import Shape


class LayerBounds(NamedTuple):
    """What the estimate knows of a layer, all int; as in `Shape`."""

    groups: int
    filters: int
    channels: int
    rows: int
    taps: int
    items: int
    out_cols: int
    row_stride: int

    @classmethod
    def of(cls, shape: Shape) -> "LayerBounds":
        return cls(shape.groups, shape.filters, shape.channels, shape.rows, shape.taps, shape.items, shape.out_cols,
                   shape.row_stride)


class DesignBounds(NamedTuple):
    """What the estimate knows of a design, all int but `flat`; latency: pipeline stages less one."""

    rows: int
    cols: int
    pe_rows: int
    pe_cols: int
    cluster_rows: int
    cluster_cols: int
    flat: bool
    latency: int
    psum_words: int
    glb_psums: int
    psum_bits: int
    iact_bits_per_cycle: int
    weight_bits_per_cycle: int
    psum_port_bits: int

    @classmethod
    def of(cls, config: EyerissConfig) -> "DesignBounds":
        flat = config.network == "flat"
        return cls(config.rows, config.cols, config.pe_rows, config.pe_cols, config.cluster_rows,
                   config.cluster_cols, flat, config.pipeline_stages - 1,
                   config.psum_words, config.glb_psums, config.psum_bits,
                   config.iact_port_bits * (1 if flat else config.glb_iact_banks), config.weight_port_bits,
                   config.psum_port_bits)


@njit(cache=True)
def best(ints, means, layer, design, most_pes):
    """For each tile choice the best mapping with `inner` filters and with rows: sides int64 [choice, inner rows,
    (column, row, filter, group lanes)] and estimated cycles [choice, inner rows], infinite where there is none.

    ints [choice] of m0, c0, s0; means [choice] of window cycles, weight tile bits, stream bits.
    """
    sides, found = np.zeros((len(ints), 2, 4), np.int64), np.full((len(ints), 2), np.inf)
    found_pes = np.full((len(ints), 2), -1)
    for i in range(len(ints)):
        m0, c0, s0 = ints[i]
        tiles = -(-layer.filters // m0)
        strips = -(-layer.channels // c0) * layer.rows * -(-layer.taps // s0)
        for column in range(1, min(design.rows, strips) + 1):
            lanes = design.rows // column * design.cols
            rounds_before = 0
            for wide in range(min(lanes, layer.items), 0, -1):
                rounds = -(-layer.items // wide)
                row_lanes = -(-layer.items // rounds)
                if rounds == rounds_before:
                    continue  # a wider choice takes as many rounds
                rounds_before = rounds
                filter_lanes = min(tiles, lanes // row_lanes)
                filter_lanes = -(-tiles // -(-tiles // filter_lanes))
                group_lanes = min(layer.groups, lanes // (row_lanes * filter_lanes))
                group_lanes = -(-layer.groups // -(-layer.groups // group_lanes))
                side = (column, row_lanes, filter_lanes, group_lanes)
                pes = column * row_lanes * filter_lanes * group_lanes
                for inner in range(2):
                    if most_pes and pes < found_pes[i, inner]:
                        continue
                    cycles = _estimate(ints[i], means[i], side, inner == 1, layer, design)
                    if cycles == np.inf:
                        continue
                    if cycles < found[i, inner] or (most_pes and pes > found_pes[i, inner]):
                        found[i, inner], found_pes[i, inner] = cycles, pes
                        sides[i, inner] = side
    return sides, found


@njit(cache=True)
def _estimate(tile, means, side, inner_rows, layer, design):
    """Estimated cycles of a mapping; infinite when one row of sums does not fit the global buffer."""
    m0, c0, s0 = tile
    window_cycles, tile_bits, stream_bits = means
    column, row_lanes, filter_lanes, group_lanes = side
    per_filter = -(-layer.taps // s0) * layer.rows
    strips = -(-layer.channels // c0) * per_filter
    steps = -(-strips // column)
    chunk = np.int64(layer.items)
    if steps > 1:
        chunk = min(chunk, design.glb_psums // (layer.out_cols * filter_lanes * m0 * group_lanes))
        if chunk < 1:
            return np.inf
        if row_lanes <= chunk < layer.items:
            chunk = chunk // row_lanes * row_lanes
    tiles = -(-layer.filters // m0)
    passes = steps * -(-layer.items // chunk) * -(-tiles // filter_lanes) * -(-layer.groups // group_lanes)
    windows = -(-chunk // row_lanes) * layer.out_cols
    compute = lane_cycles(windows, window_cycles, m0, design)
    lanes, needed = row_lanes * filter_lanes * group_lanes, 0.0
    used = strips / steps  # PEs of a column at work, mean over the steps
    apart = min(used, layer.rows)  # filter rows at a time; inputs are shared along diagonals, but for the stride
    distinct = (chunk * min(apart, layer.row_stride) + apart - 1) * max(1.0, used / layer.rows) * group_lanes
    if design.flat:
        weight = used * filter_lanes * group_lanes * tile_bits / design.weight_bits_per_cycle
        psum = lanes * windows * m0 * design.psum_bits / design.psum_port_bits
    else:
        unlike = -(-design.pe_cols // row_lanes) if inner_rows else min(design.pe_cols, filter_lanes * group_lanes)
        if not inner_rows and row_lanes > 1:  # tiles that cross the middle of a row, on their way to the next copy
            unlike = max(unlike, min(filter_lanes, design.cols - filter_lanes))
        weight = min(unlike, filter_lanes * group_lanes) * tile_bits / design.weight_bits_per_cycle
        psum = max(1, design.pe_rows // column) * windows * m0 * design.psum_bits / design.psum_port_bits
        alike = -(-design.pe_cols // filter_lanes) if not inner_rows else design.pe_cols
        tall = design.pe_rows if column >= design.pe_rows else design.pe_rows // column * column
        needed = distinct
        distinct = min(distinct, min(alike, row_lanes * group_lanes) * tall * chunk / row_lanes)
    iact = distinct * stream_bits / design.iact_bits_per_cycle
    if not design.flat:
        iact = max(iact, needed * stream_bits * _links_share(side, inner_rows, design) / design.iact_bits_per_cycle)
    return passes * (np.ceil(weight) + max(compute, iact, psum))


@njit(cache=True)
def lane_cycles(windows, window_cycles, m0, design):
    """Estimated cycles of a lane with this many windows."""
    worked = window_cycles + np.ceil(m0 / (design.psum_port_bits // design.psum_bits))
    return windows * max(worked, (worked + design.latency) / (design.psum_words // m0)) + design.latency


@njit(cache=True)
def _links_share(side, inner_rows, design):
    """Share of a plane's links that a stream's route takes, for the copies of its filter lanes, evenly."""
    column, row_lanes, filter_lanes, _ = side
    links = 2 * (design.cluster_rows * (design.cluster_cols - 1) + design.cluster_cols * (design.cluster_rows - 1))
    if links == 0:
        return 0.0
    reach = filter_lanes if not inner_rows else (filter_lanes - 1) * row_lanes + 1  # lanes from first copy to last
    bands = -(-reach // design.cols)
    high = min(design.cluster_rows, max(1, bands * column // design.pe_rows))
    across = min(design.cluster_cols, -(-min(reach, design.cols) // design.pe_cols)) - 1.0
    if inner_rows and row_lanes >= design.cols:
        across = (design.cluster_cols - 1) / 3  # one copy in a row of lanes, anywhere: the mean distance
    return (high * across + high - 1) / links
