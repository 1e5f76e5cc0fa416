"""The fast engine of eyeriss: a layer is lowered, simulated and accounted."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout, traffic
from accelsim.arch.row_stationary.eyeriss.fast.counting import Met, issued, layer_counts, met_of, tile_filters
from accelsim.arch.row_stationary.eyeriss.fast.kernel import LaneScratch, run_lanes
from accelsim.arch.row_stationary.eyeriss.fast.lowering import Lowered, design_of, lower
from accelsim.arch.row_stationary.eyeriss.fast.network_loads import run_networks
from accelsim.arch.row_stationary.eyeriss.legality import mapping_for, tiling_of
from accelsim.arch.row_stationary.eyeriss.machine import Eyeriss
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, shape_of
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

STALLS, COUNTS = names(Eyeriss.stalls), names(Eyeriss.counts)


class SimulatedPasses(NamedTuple):
    """What the kernels say of every pass: loads of the networks, work of the lanes, both [pass, column]; busy [PE].
    config_cycles: before the first pass."""

    loads: np.ndarray
    work: np.ndarray
    busy: np.ndarray
    config_cycles: int

    @property
    def flow_cycles(self) -> np.ndarray:
        """[pass]: from the last weight on; data flow while the PEs work."""
        networks = np.maximum(self.loads[:, layout.IACT_CYCLES], self.loads[:, layout.PSUM_CYCLES])
        return np.maximum(networks, self.work[:, layout.COMPUTE_CYCLES])

    @property
    def load_cycles(self) -> np.ndarray:
        """[pass]: until its weights are in the PEs; the first pass is behind the layer's configuration."""
        cycles = self.loads[:, layout.WEIGHT_CYCLES].copy()
        cycles[0] += self.config_cycles
        return cycles

    @property
    def cycles(self) -> np.ndarray:
        """[pass]."""
        return self.load_cycles + self.flow_cycles

    @property
    def psums_last(self) -> np.ndarray:
        """bool [pass]: of the networks, that of the sums is the slower one."""
        return self.loads[:, layout.PSUM_CYCLES] > self.loads[:, layout.IACT_CYCLES]


def run(layer: Layer, config: EyerissConfig, policy: Policy) -> LayerRun:
    """Raises ConfigError for a mapping that is not legal, CapacityError when none is."""
    shape = shape_of(layer)
    mapping = mapping_for(layer, config, policy)
    tiling = tiling_of(shape, mapping, config)
    lowered = lower(layer, shape, tiling, config)
    passes = simulated(lowered, shape, tiling, config)
    met = met_of(lowered.lanes, shape, tiling.compressed)
    fetched = traffic.fetched(tiling, config, passes.loads)
    last_step = np.arange(tiling.passes) % tiling.steps == tiling.steps - 1
    output_bits = passes.work[:, layout.SUMS] * last_step * config.value_bits
    loads, cycles = passes.loads.sum(axis=0), int(passes.cycles.sum())
    stalls = _stalls(passes, met, shape, tiling, config)
    counts = layer_counts(lowered, met, shape, tiling, config) | {
        "glb_iact_read_bits": int(loads[layout.STREAM_BITS]), "glb_iact_write_bits": int(fetched[:, 0].sum()),
        "iact_hop_bits": int(loads[layout.IACT_HOP_BITS]), "weight_hop_bits": int(loads[layout.WEIGHT_HOP_BITS]),
        "psum_hop_bits": int(loads[layout.PSUM_HOP_BITS]), "dram_weight_bits": int(loads[layout.WEIGHT_BITS]),
        "dram_activation_bits": int(fetched[:, 1].sum()), "dram_output_bits": int(output_bits.sum()),
        "pe_cycles": config.pes * cycles}
    return LayerRun(
        cycles=cycles, slots=config.slots, stalls={name: stalls[name] for name in STALLS},
        counts={name: counts[name] for name in COUNTS},
        mapping=mapping.model_dump() | {"passes": tiling.passes,
                                        "mapped_pes": int(passes.work[0, layout.MAPPED_PES])},
        tiles=traffic.tiles((passes.cycles, passes.load_cycles), passes.loads, fetched[:, 1], output_bits),
        work=PeWork.of(passes.busy.reshape(config.rows, config.cols)))


def simulated(lowered: Lowered, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> SimulatedPasses:
    """All passes through both kernels."""
    work, busy = np.zeros((tiling.passes, layout.WORK), np.int64), np.zeros(config.pes, np.int64)
    loads = run_networks(lowered.moved, shape, tiling, config, tiling.passes)
    run_lanes(lowered.lanes, shape, tiling, design_of(config), (0, tiling.passes),
              lane_scratch(shape, tiling, config), (work, busy), None)
    return SimulatedPasses(loads, work, busy, config.config_cycles)


def lane_scratch(shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> LaneScratch:
    """Room for the lanes of a filter tile."""
    return LaneScratch.of(shape.out_cols, tiling.column, tiling.row_lanes, config.psum_words // tiling.m0)


def _stalls(passes: SimulatedPasses, met: Met, shape: LayerShape, tiling: LoopTiling,
            config: EyerissConfig) -> dict[str, int]:
    """Slot-cycles by name."""
    macs = config.macs_per_pe
    work, mapped, flow = passes.work.sum(axis=0), passes.work[:, layout.MAPPED_PES], passes.flow_cycles
    words, entries = issued(met, shape, tiling, config)
    drains = -(-tile_filters(shape, tiling) // (config.psum_port_bits // config.psum_bits))
    drained = int(drains.sum()) * shape.groups * tiling.strips * tiling.items * shape.out_cols
    compute = passes.work[:, layout.COMPUTE_CYCLES]
    strips = np.minimum(tiling.column, tiling.strips - np.arange(tiling.passes) % tiling.steps * tiling.column)
    exits = config.exit_cycles + config.hop_cycles * (strips - 1)
    waits = mapped * (flow - compute)
    for_sums = int((waits * passes.psums_last).sum())
    psum_cycles = drained + int((mapped * exits).sum()) + int(work[layout.PSUM_WAITS]) + for_sums
    return {
        "busy": met.products, "ineffectual": entries - met.products, "simd_idle": macs * words - entries,
        "bubble": macs * (int(work[layout.WINDOW_CYCLES]) - words), "column": macs * int(work[layout.COLUMN_WAITS]),
        "psum": macs * psum_cycles, "barrier": macs * int((mapped * compute).sum() - work[layout.LANE_ENDS]),
        "iact": macs * (int(waits.sum()) - for_sums),
        "weight": macs * int((mapped * passes.loads[:, layout.WEIGHT_CYCLES]).sum()),
        "config": config.slots * config.config_cycles,
        "fragmentation": macs * int(((config.pes - mapped) * (passes.loads[:, layout.WEIGHT_CYCLES] + flow)).sum())}
