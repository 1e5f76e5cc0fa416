"""The mapper's last step: its best candidates again, with the loads that their ports and links really have.

The networks are those of the engine, fed with the mean bits of the layer's weight tiles and streams, in the first and
the second step of the first chunk; everything else is the estimate's.
"""

from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout
from accelsim.arch.row_stationary.eyeriss.fast.estimate import DesignBounds, lane_cycles
from accelsim.arch.row_stationary.eyeriss.fast.kernel import pass_at
from accelsim.arch.row_stationary.eyeriss.fast.legality import tiling_of
from accelsim.arch.row_stationary.eyeriss.fast.lowering import design_of
from accelsim.arch.row_stationary.eyeriss.fast.network_loads import (
    iact_network,
    network_scratch,
    psum_network,
    weight_network,
)
from accelsim.arch.row_stationary.eyeriss.fast.networks import routes
from accelsim.arch.row_stationary.eyeriss.fast.search import Candidate, candidates, pes_of
from accelsim.arch.row_stationary.eyeriss.mapping import Mapping, Tiling
from accelsim.arch.row_stationary.eyeriss.shape import Shape, shape_of
from accelsim.workload.layer import Layer

LENGTH = 12  # candidates that are looked at again


class MeanBits(NamedTuple):
    """What the networks read of the kernel's data, every tile and stream of the mean size."""

    tile_bits: np.ndarray
    stream_bits: np.ndarray
    stream_dram_bits: np.ndarray


def best_mapping(layer: Layer, config: EyerissConfig, most_pes: bool) -> Mapping:
    """The candidate with the fewest cycles; with `most_pes` only those with the most mapped PEs count.

    Raises CapacityError when nothing fits.
    """
    found = candidates(layer, config, most_pes)
    if most_pes:
        found = [one for one in found if pes_of(one.mapping) == pes_of(found[0].mapping)]
    shape = shape_of(layer)
    return min(found[:LENGTH], key=lambda one: _cycles(shape, config, one)).mapping


def _cycles(shape: Shape, config: EyerissConfig, candidate: Candidate) -> float:
    """Cycles of the layer, of passes like those looked at."""
    tiling = tiling_of(shape, candidate.mapping, config)
    windows = -(-tiling.chunk // tiling.row_lanes) * shape.out_cols
    compute = lane_cycles(windows, candidate.tile.window_cycles, tiling.m0, DesignBounds.of(config))
    job = _job(shape, config, candidate, tiling)
    chunk = _pass_cycles(job, 0, compute)
    if tiling.steps > 1:
        chunk += (tiling.steps - 1) * _pass_cycles(job, 1, compute)
    return tiling.group_rounds * tiling.filter_rounds * tiling.chunks * chunk


def _job(shape: Shape, config: EyerissConfig, candidate: Candidate, tiling: Tiling) -> layout.Job:
    """What the networks are told of the layer and the design."""
    bits = MeanBits(
        np.broadcast_to(np.int64(round(candidate.tile.tile_bits)), (shape.groups, tiling.filter_tiles, tiling.strips)),
        *2 * (np.broadcast_to(np.int64(round(candidate.tile.stream_bits)), (
            shape.groups, tiling.channel_blocks, tiling.tap_blocks, shape.images, shape.height)),))
    return layout.Job(bits, shape, tiling, design_of(config), routes(config.cluster_rows, config.cluster_cols),
                      layout.strips_of(shape, tiling))


def _pass_cycles(job: layout.Job, z: int, compute: float) -> float:
    """Cycles of step z of the first chunk."""
    bits: Any = job.data
    shape, tiling, design = job.shape, job.tiling, job.design
    now, loads = pass_at(tiling, 0, 0, 0, z), network_scratch(tiling, design, job.routes, bits.stream_bits.shape)
    weights, _, _ = weight_network(bits, shape, tiling, design, now, loads)
    iacts, _ = iact_network(job, now, loads, np.zeros(layout.COLUMNS, np.int64))
    sums, _ = psum_network(shape, tiling, design, now, loads)
    return float(weights + max(compute, iacts, sums))
