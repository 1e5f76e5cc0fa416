"""What a mapping would cost: from shapes and exact totals of non-zeros, spread evenly. It ranks mappings, no more.

What it leaves out: uneven work, ragged ends of tiles, and the routes themselves (`shortlist`). Many mappings are looked
at together: sizes are arrays [tile choice, sides], whole numbers held as floats, whose quotients round exactly.
"""

from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape

Size = Any  # a number, or an array of them


class TileSizes(NamedTuple):
    """Tile choices, arrays [tile choice, 1]: sizes in filters, channels and taps; means: cycles of a window, bits of a
    weight tile and of a stream."""

    m0: np.ndarray
    c0: np.ndarray
    s0: np.ndarray
    window_cycles: np.ndarray
    tile_bits: np.ndarray
    stream_bits: np.ndarray


class Sides(NamedTuple):
    """The sides of mappings: PEs of a column, and lanes; [sides] or [tile choice, sides]."""

    column: Size
    row_lanes: Size
    filter_lanes: Size
    group_lanes: Size

    @property
    def pes(self) -> Size:
        """PEs that there is work for at most."""
        return self.column * self.row_lanes * self.filter_lanes * self.group_lanes


def sides_of(tiles: TileSizes, shape: LayerShape, config: EyerissConfig) -> Sides:
    """All that are looked at: of every height of a column and every number of rounds over the items the fewest row
    lanes, beside them as many filter lanes as fit, then group lanes, as even as they come."""
    heights = np.arange(1, min(config.rows, int(_strips(tiles, shape).max())) + 1)
    even = np.unique(-(-shape.items // np.arange(1, shape.items + 1)))[::-1]
    height, place = np.nonzero(even <= (config.rows // heights * config.cols)[:, None])
    column, beside = heights[height].astype(float), even[place].astype(float)
    lanes = np.floor(config.rows / column) * config.cols
    filter_tiles = np.ceil(shape.filters / tiles.m0)
    filter_lanes = np.minimum(filter_tiles, np.floor(lanes / beside))
    filter_lanes = np.ceil(filter_tiles / np.ceil(filter_tiles / filter_lanes))
    group_lanes = np.minimum(shape.groups, np.floor(lanes / (beside * filter_lanes)))
    return Sides(column, beside, filter_lanes, np.ceil(shape.groups / np.ceil(shape.groups / group_lanes)))


def estimate(tiles: TileSizes, sides: Sides, shape: LayerShape, config: EyerissConfig) -> np.ndarray:
    """Cycles [inner rows, tile choice, sides]; infinite where the column is higher than there are strips, or one row of
    sums does not fit the global buffer."""
    column, row_lanes, filter_lanes, group_lanes = sides
    strips = _strips(tiles, shape)
    steps = np.ceil(strips / column)
    room = np.floor(config.glb_psums / (shape.out_cols * filter_lanes * tiles.m0 * group_lanes))
    chunk = np.where(steps > 1, np.minimum(shape.items, room), shape.items)
    fits = (chunk >= 1) & (column <= strips)
    chunk = np.where((row_lanes <= chunk) & (chunk < shape.items), np.floor(chunk / row_lanes) * row_lanes,
                     np.maximum(chunk, 1))
    passes = steps * np.ceil(shape.items / chunk) * np.ceil(np.ceil(shape.filters / tiles.m0) / filter_lanes) \
        * np.ceil(shape.groups / group_lanes)
    windows = np.ceil(chunk / row_lanes) * shape.out_cols
    compute = lane_cycles(windows, tiles.window_cycles, tiles.m0, column, config)
    used = strips / steps  # PEs of a column at work, mean over the steps
    apart = np.minimum(used, shape.rows)  # filter rows at a time; inputs are shared along diagonals, but for the stride
    distinct = (chunk * np.minimum(apart, shape.row_stride) + apart - 1) * np.maximum(1.0, used / shape.rows) \
        * group_lanes
    sums = windows * tiles.m0 * config.psum_bits
    if config.network == "flat":
        weight = used * filter_lanes * group_lanes * tiles.tile_bits / config.weight_port_bits
        psum = row_lanes * filter_lanes * group_lanes * sums / config.psum_port_bits
        iact = distinct * tiles.stream_bits / config.iact_port_bits
        cycles = passes * (np.ceil(weight) + np.maximum(np.maximum(compute, iact), psum))
        return np.where(fits, np.stack([cycles, cycles]), np.inf)
    psum = np.maximum(1, np.floor(config.pe_rows / column)) * sums / config.psum_port_bits
    iact_bits_per_cycle = config.iact_port_bits * config.glb_iact_banks
    tall = np.where(column >= config.pe_rows, config.pe_rows, np.floor(config.pe_rows / column) * column)
    both = []
    for inner_rows in (False, True):
        if inner_rows:
            unlike, alike = np.ceil(config.pe_cols / row_lanes), config.pe_cols
        else:
            unlike = np.minimum(config.pe_cols, filter_lanes * group_lanes)
            alike = np.ceil(config.pe_cols / filter_lanes)
            # tiles that cross the middle of a row, on their way to the next copy
            crossing = np.maximum(unlike, np.minimum(filter_lanes, config.cols - filter_lanes))
            unlike = np.where(row_lanes > 1, crossing, unlike)
        weight = np.minimum(unlike, filter_lanes * group_lanes) * tiles.tile_bits / config.weight_port_bits
        entering = np.minimum(distinct, np.minimum(alike, row_lanes * group_lanes) * tall * chunk / row_lanes)
        iact = np.maximum(entering * tiles.stream_bits / iact_bits_per_cycle,
                          distinct * tiles.stream_bits * _links_share(sides, inner_rows, config) / iact_bits_per_cycle)
        both.append(passes * (np.ceil(weight) + np.maximum(np.maximum(compute, iact), psum)))
    return np.where(fits, np.stack(both), np.inf)


def lane_cycles(windows: Size, window_cycles: Size, m0: Size, column: Size, config: EyerissConfig) -> Size:
    """Estimated cycles of a lane with this many windows and PEs."""
    latency = config.exit_cycles + config.hop_cycles * (column - 1)
    worked = window_cycles + np.ceil(m0 / (config.psum_port_bits // config.psum_bits))
    in_flight = np.floor(config.psum_words / m0)
    if config.psum_flush == "batch":
        return windows * worked + np.ceil(windows / in_flight) * latency
    return windows * np.maximum(worked, (worked + latency) / in_flight) + latency


def _strips(tiles: TileSizes, shape: LayerShape) -> np.ndarray:
    return np.ceil(shape.channels / tiles.c0) * np.ceil(shape.taps / tiles.s0) * shape.rows


def _links_share(sides: Sides, inner_rows: bool, config: EyerissConfig) -> Size:
    """Share of a plane's links that a stream's route takes, for the copies of its filter lanes, evenly."""
    column, row_lanes, filter_lanes, _ = sides
    rows, cols = config.cluster_rows, config.cluster_cols
    links = 2 * (rows * (cols - 1) + cols * (rows - 1))
    if links == 0:
        return 0.0
    reach = (filter_lanes - 1) * row_lanes + 1 if inner_rows else filter_lanes  # lanes from first copy to last
    bands = np.ceil(reach / config.cols)
    high = np.minimum(rows, np.maximum(1, np.floor(bands * column / config.pe_rows)))
    across = np.minimum(cols, np.ceil(np.minimum(reach, config.cols) / config.pe_cols)) - 1.0
    if inner_rows:  # one copy in a row of lanes, anywhere: the mean distance
        across = np.where(row_lanes >= config.cols, (cols - 1) / 3, across)
    return (high * across + high - 1) / links
