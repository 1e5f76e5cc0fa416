"""The mapper's last step: its best candidates again, with the loads that their ports and links really have.

The networks are those of the engine, fed with the mean bits of the layer's weight tiles and streams, in the first and
the second step of the first chunk; everything else is the estimate's.
"""

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout
from accelsim.arch.row_stationary.eyeriss.fast.estimate import lane_cycles
from accelsim.arch.row_stationary.eyeriss.fast.lowering import MovedBits
from accelsim.arch.row_stationary.eyeriss.fast.network_loads import run_networks
from accelsim.arch.row_stationary.eyeriss.fast.search import Candidate, TileChoice, candidates
from accelsim.arch.row_stationary.eyeriss.legality import tiling_of
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling, RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, shape_of
from accelsim.workload.layer import Layer

LENGTH = 12  # candidates that are looked at again


def best_mapping(layer: Layer, config: EyerissConfig, most_pes: bool) -> RowStationaryMapping:
    """The candidate with the fewest cycles; with `most_pes` only those with the most mapped PEs count.

    Raises CapacityError when nothing fits.
    """
    shape = shape_of(layer)
    found = candidates(layer, config, most_pes, LENGTH)
    first, fewest = found[0], np.inf
    for candidate in found:
        tiling = tiling_of(shape, candidate.mapping, config)
        windows = -(-tiling.chunk // tiling.row_lanes) * shape.out_cols
        compute = lane_cycles(windows, candidate.tile.window_cycles, tiling.m0, tiling.column, config)
        if _layer_cycles(tiling, [compute, compute]) >= fewest:
            continue  # whatever its networks take
        cycles = _layer_cycles(tiling, _pass_cycles(candidate, shape, tiling, config, compute))
        if cycles < fewest:
            first, fewest = candidate, cycles
    return first.mapping


def _layer_cycles(tiling: LoopTiling, steps: list[float]) -> float:
    """Of passes like the two steps looked at."""
    chunk = steps[0]
    if tiling.steps > 1:
        chunk += (tiling.steps - 1) * steps[1]
    return tiling.group_rounds * tiling.filter_rounds * tiling.chunks * chunk


def _pass_cycles(candidate: Candidate, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig,
                 compute: float) -> list[float]:
    """Of the first steps of the first chunk, two if there are as many."""
    loads = run_networks(_mean_bits(candidate.tile, shape, tiling), shape, tiling, config, min(2, tiling.steps))
    return [float(row[layout.WEIGHT_CYCLES] + max(compute, row[layout.IACT_CYCLES], row[layout.PSUM_CYCLES]))
            for row in loads]


def _mean_bits(tile: TileChoice, shape: LayerShape, tiling: LoopTiling) -> MovedBits:
    """Every tile and stream of the mean size."""
    streams = np.full((shape.groups, tiling.channel_blocks, tiling.tap_blocks, shape.images, shape.height),
                      round(tile.stream_bits), np.int64)
    return MovedBits(np.full((shape.groups, tiling.filter_tiles, tiling.strips), round(tile.tile_bits), np.int64),
                     streams, streams)
