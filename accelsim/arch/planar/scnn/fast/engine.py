"""The fast engine of scnn: a layer is lowered, simulated and accounted."""

import math
from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast import kernel
from accelsim.arch.planar.scnn.fast.bound import any_plane_policy_cycles
from accelsim.arch.planar.scnn.fast.post_processing import Timeline, lay_out
from accelsim.arch.planar.shared.fast import lowering
from accelsim.arch.planar.shared.fast.convolution import Convolution, convolution_of
from accelsim.arch.planar.shared.fast.plan import GroupRule, Plan, assign, make_plan
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.arch.planar.shared.fast.traffic import entries_by_tile, outputs_stay, round_tiles
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

UNQUEUED_CHUNK_VECTORS = 64  # without queues the order of steps moves no number, so tables may stay small


def run(layer: Layer, config: ScnnConfig, policy: Policy) -> LayerRun:
    """Simulate with the fast kernel. Raises UnsupportedLayerError if the accumulators cannot hold one position."""
    conv, plan, activations, landing, weights, lanes = lowered(layer, config, policy)
    sequence = conv.images * plan.temporal_tiles
    work_cycles = np.zeros((plan.rounds, sequence, plan.assignment.pes), np.int64)
    compute_cycles = np.zeros((plan.rounds, sequence), np.int64)
    useful = np.zeros((plan.rounds, plan.assignment.parts, plan.assignment.pes // plan.assignment.parts), np.int64)
    totals = np.zeros((plan.rounds, kernel.TOTALS), np.int64)
    kernel.simulate(activations, weights, landing, lanes, work_cycles, compute_cycles, useful, totals)
    timeline = lay_out(compute_cycles.T.reshape(-1), *post_processing(conv, plan, config),
                       config.post == "overlapped")
    stalls = _stalls(conv, plan, config, work_cycles, compute_cycles, totals.sum(axis=0), timeline)
    return LayerRun(timeline.cycles, config.pes * config.lanes, stalls,
                    _counts(conv, plan, config, activations, weights, totals.sum(axis=0)), plan.notes(),
                    plan.mapping() | {"oracle_cycles": -(-stalls["busy"] // (config.pes * config.lanes))},
                    tiles=_tiles(layer, conv, plan, config, weights, timeline),
                    work=plan.assignment.on_mesh(useful.sum(axis=0), (config.pe_rows, config.pe_cols)))


class Lowered(NamedTuple):
    """A layer on a design, as the kernel reads it."""

    conv: Convolution
    plan: Plan
    activations: lowering.Activations
    landing: lowering.Landing
    weights: lowering.Weights
    lanes: lowering.LaneShape


def lowered(layer: Layer, config: ScnnConfig, policy: Policy) -> Lowered:
    """Raises UnsupportedLayerError if the accumulators cannot hold one position."""
    conv = convolution_of(layer)
    plan = _plan(layer, conv, config, policy)
    activations, landing = _activations(layer, conv, plan, config)
    weights: lowering.Weights = derived(
        layer, ("scnn weights", plan.kc, config.weight_order, config.index_bits),
        lambda: lowering.lower_weights(conv, plan.kc, config.weight_order == "taps_outer", config.index_bits))
    return Lowered(conv, plan, activations, landing, weights, _lane_shape(config, plan, weights))


def _plan(layer: Layer, conv: Convolution, config: ScnnConfig, policy: Policy) -> Plan:
    rim = (conv.rows.padding, conv.cols.padding) if config.tiling == "padded_plane" else (0, 0)
    assignment = assign(conv, policy, rim, (config.pe_rows, config.pe_cols))

    def fits(rows: AxisPieces, cols: AxisPieces) -> bool:
        if config.iaram_bits == 0:
            return True
        entries = lowering.kept_entries(layer, conv, rows, cols, config.index_bits)
        return int(entries.sum(axis=(0, 1)).max()) * config.entry_bits <= config.iaram_bits

    return make_plan(conv, assignment, GroupRule(config.accumulator_entries, config.kc_max, config.kc_rule), fits)


def _activations(layer: Layer, conv: Convolution, plan: Plan,
                 config: ScnnConfig) -> tuple[lowering.Activations, lowering.Landing]:
    xor_hash, rows, cols = config.bank_hash == "xor", plan.rows, plan.cols

    def lower() -> tuple[lowering.Activations, lowering.Landing]:
        landing, classes = lowering.lower_landing(conv, rows, cols, plan.kc, config.banks, xor_hash)
        counts = lowering.kept_entries(layer, conv, rows, cols, config.index_bits)
        return lowering.lower_activations(conv, rows, cols, config.index_bits, counts, classes), landing

    key = ("scnn activations", lowering.pieces_key(rows, cols), config.index_bits, config.bank_hash,
           () if xor_hash else (config.banks, plan.kc))
    activations, landing = derived(layer, key, lower)
    return activations, landing._replace(bank_of=lowering.bank_of(config.banks, xor_hash))


def _tiles(layer: Layer, conv: Convolution, plan: Plan, config: ScnnConfig, weights: lowering.Weights,
           timeline: Timeline) -> Tiles:
    parts = plan.assignment.parts
    by_group = weights.counts.sum(axis=(1, 2)) * config.entry_bits
    by_round = np.add.reduceat(by_group, np.arange(0, len(by_group), parts))
    entries = entries_by_tile(lowering.kept_entries(layer, conv, plan.rows, plan.cols, config.index_bits))
    return round_tiles(conv, plan, timeline.round_cycles, by_round, entries * config.entry_bits,
                       config.entry_bits, outputs_stay(plan, config.oaram_bits, config.entry_bits))


def _lane_shape(config: ScnnConfig, plan: Plan, weights: lowering.Weights) -> lowering.LaneShape:
    largest = max(1, -(-weights.entries_max // config.weight_vector))
    unbounded = UNQUEUED_CHUNK_VECTORS if config.bank_queue_entries == 0 else largest
    chunk = min(largest, config.weight_fifo_entries or unbounded)
    return lowering.LaneShape(config.weight_vector, config.activation_vector, config.banks, config.bank_queue_entries,
                              chunk, config.weight_fifo_entries > 0, plan.assignment.parts, config.bank_hash == "xor",
                              config.barrier == "channel")


def post_processing(conv: Convolution, plan: Plan, config: ScnnConfig) -> tuple[np.ndarray, np.ndarray]:
    """Cycles of the halo exchange and of the rest, int64 [round in time]."""
    channels = plan.channels_of.max(axis=1)
    halo = np.zeros((plan.temporal_tiles, plan.rounds), np.int64)
    if config.halo == "exchange":
        halo += -(-plan.sent.max(axis=1)[:, None] * channels // config.halo_entries_per_cycle)
    elif config.halo == "widest_neighbour":
        sides = []
        for axis, pieces, tiles in ((conv.rows, plan.rows, plan.assignment.grid[0]),
                                    (conv.cols, plan.cols, plan.assignment.grid[1])):
            rim = axis.padding if config.tiling == "padded_plane" else 0
            tile = math.ceil(math.ceil((axis.size + 2 * rim) / tiles) / pieces.splits)
            sides.append((max(0, (axis.taps - 1) * axis.dilation - axis.padding), tile, axis.padding))
        neighbours = [x * y for i, x in enumerate(sides[0]) for j, y in enumerate(sides[1]) if (i, j) != (1, 1)]
        halo += max(neighbours) * channels
    post = np.zeros_like(halo)
    if config.post_entries_per_cycle:
        post += -(-plan.own.max(axis=1)[:, None] * channels // config.post_entries_per_cycle)
    return np.tile(halo.reshape(-1), conv.images), np.tile(post.reshape(-1), conv.images)


def _stalls(conv: Convolution, plan: Plan, config: ScnnConfig, work_cycles: np.ndarray, compute_cycles: np.ndarray,
            totals: np.ndarray, timeline: Timeline) -> dict[str, int]:
    holds = np.tile(plan.positions > 0, (conv.images, plan.assignment.parts))  # [sequence, PE]
    waited = ((compute_cycles[:, :, None] - work_cycles) * holds).sum()
    idle = (compute_cycles * (config.pes - holds.sum(axis=1))).sum()
    busy, multiplies, pairs = (int(totals[i]) for i in (kernel.USEFUL, kernel.MULTIPLIES, kernel.PAIRS))
    return {
        "busy": busy,
        "fragmentation": config.lanes * int(totals[kernel.STEPS]) - pairs,
        "placeholder": pairs - multiplies,
        "outside": multiplies - busy,
        "bank_conflict": config.lanes * int(totals[kernel.CONFLICT_CYCLES]),
        "drain": config.lanes * int(totals[kernel.DRAIN_CYCLES]),
        "barrier": config.lanes * int(waited),
        "idle_tile": config.lanes * int(idle),
        "halo": config.pes * config.lanes * timeline.halo_cycles,
        "post": config.pes * config.lanes * timeline.post_cycles,
    }


def _counts(conv: Convolution, plan: Plan, config: ScnnConfig, activations: lowering.Activations,
            weights: lowering.Weights, totals: np.ndarray) -> dict[str, int]:
    macs, steps = int(totals[kernel.USEFUL]), int(totals[kernel.STEPS])
    vectors = int((-(-weights.counts // config.weight_vector)).sum())
    holders = int((plan.positions > 0).sum()) * conv.images  # of one part
    spilled = 0 if plan.resident else len(activations.classes) * config.entry_bits
    kept = outputs_stay(plan, config.oaram_bits, config.entry_bits)
    return {
        "macs": macs,
        "multiplies": int(totals[kernel.MULTIPLIES]),
        "steps": steps,
        "crossbar_transfers": macs,
        "accumulator_updates": macs,
        "iaram_vector_reads": int(totals[kernel.IARAM_READS]),
        "weight_vector_reads": steps,
        "weight_fifo_writes": vectors * holders,
        "halo_entries": int(plan.sent.sum()) * conv.filters * conv.images,
        "oaram_writes": int(plan.own.sum()) * conv.filters * conv.images,
        "dram_weight_bits": len(weights.taps) * config.entry_bits * conv.images * plan.temporal_tiles,
        "dram_activation_bits": spilled * (plan.rounds if plan.streamed else 1),
        "dram_output_bits": 0 if kept else conv.outputs * config.entry_bits,
    }


def bound_cycles(layer: Layer, config: ScnnConfig, run: LayerRun) -> int:
    conv = convolution_of(layer)
    return any_plane_policy_cycles(conv, config, run.stalls["busy"])
