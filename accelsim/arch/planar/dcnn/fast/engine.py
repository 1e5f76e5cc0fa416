"""The fast engine of dcnn: a layer is lowered, simulated and accounted."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.bound import any_plane_policy_cycles
from accelsim.arch.planar.shared.fast.convolution import Axis, Convolution, convolution_of
from accelsim.arch.planar.shared.fast.lowering import kept_entries
from accelsim.arch.planar.shared.fast.plan import GroupRule, Plan, assign, make_plan
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.arch.planar.shared.fast.traffic import entries_by_tile, outputs_stay, round_tiles
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


def run(layer: Layer, config: DcnnConfig, policy: Policy) -> LayerRun:
    """Simulate. Raises UnsupportedLayerError when the accumulators cannot hold one position's outputs."""
    conv = convolution_of(layer)
    plan = plan_of(conv, config, policy)
    lanes = lanes_of(layer, conv, plan, config)
    blocks = -(-conv.weight.shape[1] // config.dot_width)
    busiest = lanes.tap_positions.max(axis=1) * blocks  # [temporal tile], cycles per output channel
    cycles = int(busiest.sum() * plan.channels_of.max(axis=1).sum()) * conv.images
    worked = int(lanes.tap_positions.sum()) * conv.filters * blocks * conv.images
    holders = (plan.positions > 0).sum(axis=1) * plan.assignment.parts
    held = int((busiest * holders).sum() * plan.channels_of.max(axis=1).sum()) * conv.images
    slots = config.pes * config.dot_width
    stalls = {
        "busy": layer.macs_effectual,
        "zero_operand": lanes.inside - layer.macs_effectual,
        "outside": lanes.filled - lanes.inside,
        "fragmentation": worked * config.dot_width - lanes.filled,
        "barrier": (held - worked) * config.dot_width,
        "idle_tile": (cycles * config.pes - held) * config.dot_width,
    }
    by_round = np.outer(busiest, plan.channels_of.max(axis=1))
    tiles = _tiles(layer, conv, plan, config, by_round)
    return LayerRun(cycles, slots, stalls, _counts(layer, conv, plan, config, lanes, worked), plan.notes(),
                    plan.mapping(), tiles=tiles, work=_work(conv, plan, config, lanes))


@dataclass(frozen=True, eq=False)
class Lanes:
    """tap_positions [temporal tile, tile]: (position, tap) pairs of one phase; the layer's products formed, landing
    inside the output plane, and of two non-zeros wherever they land."""

    tap_positions: np.ndarray
    inside_positions: int
    filled: int
    inside: int
    nonzero: int


def plan_of(conv: Convolution, config: DcnnConfig, policy: Policy) -> Plan:
    assignment = assign(conv, policy, (0, 0), (config.pe_rows, config.pe_cols))

    def fits(rows: AxisPieces, cols: AxisPieces) -> bool:
        values = int(rows.size.max()) * int(cols.size.max()) * conv.channels
        return config.iaram_bits == 0 or values * config.value_bits <= config.iaram_bits

    return make_plan(conv, assignment, GroupRule(config.accumulator_entries, config.kc_max), fits)


def lanes_of(layer: Layer, conv: Convolution, plan: Plan, config: DcnnConfig) -> Lanes:
    formed = plan.per_piece(over_pieces(plan.rows, _meeting_taps(conv.rows)),
                            over_pieces(plan.cols, _meeting_taps(conv.cols)))
    landing = int(landing_taps(conv.rows).sum() * landing_taps(conv.cols).sum())
    depth = conv.weight.shape[1] * conv.filters * conv.images  # lanes of one (position, tap) pair over the layer
    nonzero: int = derived(layer, "products of two non-zeros", lambda: _nonzero_products(conv))
    return Lanes(formed, landing, int(formed.sum()) * depth, landing * depth, nonzero)


def _work(conv: Convolution, plan: Plan, config: DcnnConfig, lanes: Lanes) -> PeWork:
    """Products that each PE forms, whatever their operands."""
    formed = np.outer(plan.channels_of.sum(axis=0), lanes.tap_positions.sum(axis=0))  # [part, tile]
    return plan.assignment.on_mesh(formed * (conv.weight.shape[1] * conv.images), (config.pe_rows, config.pe_cols),
                                   ("busy", "zero_operand", "outside"))


def _meeting_taps(axis: Axis) -> np.ndarray:
    """[position]: taps of the position's own stride phase."""
    return np.bincount(axis.tap_phases, minlength=axis.stride)[axis.position_phases]


def reach(axis: Axis) -> np.ndarray:
    """[position, tap]: does their product land in the output plane?"""
    at = np.arange(axis.size)[:, None] + axis.padding - np.arange(axis.taps) * axis.dilation
    return (at >= 0) & (at % axis.stride == 0) & (at // axis.stride < axis.out)


def landing_taps(axis: Axis) -> np.ndarray:
    """[position]: taps whose product lands in the output plane."""
    return reach(axis).sum(axis=1)


def over_pieces(pieces: AxisPieces, per_position: np.ndarray) -> np.ndarray:
    """Sums of `per_position` over each piece [tile, piece]."""
    before = np.concatenate([[0], np.cumsum(per_position)])
    return before[pieces.end] - before[pieces.begin]


def _nonzero_products(conv: Convolution) -> int:
    """Products of two non-zeros of one channel, phase and conv group, wherever they land."""
    weights = conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:]).sum(axis=1)  # [groups, C/groups, R, S]
    weights = weights.reshape(conv.channels, conv.rows.taps, conv.cols.taps)
    active = conv.activation.sum(axis=0)  # [C, H, W]
    total = 0
    for a in range(conv.rows.stride):
        for b in range(conv.cols.stride):
            taps = weights[:, conv.rows.tap_phases == a][:, :, conv.cols.tap_phases == b].sum(axis=(1, 2))
            held = active[:, conv.rows.position_phases == a][:, :, conv.cols.position_phases == b].sum(axis=(1, 2))
            total += int(taps @ held)
    return total


def _counts(layer: Layer, conv: Convolution, plan: Plan, config: DcnnConfig, lanes: Lanes,
            worked: int) -> dict[str, int]:
    blocks = -(-conv.weight.shape[1] // config.dot_width)
    multiplies = lanes.nonzero if config.zero_gating else lanes.filled
    met = plan.per_piece(over_pieces(plan.rows, (_meeting_taps(conv.rows) > 0).astype(np.int64)),
                         over_pieces(plan.cols, (_meeting_taps(conv.cols) > 0).astype(np.int64)))
    holders = int((plan.positions > 0).sum()) * conv.images
    kept = outputs_stay(plan, config.oaram_bits, config.value_bits)
    fetches = 0 if plan.resident else plan.rounds if plan.streamed else 1
    return {
        "macs": layer.macs_effectual,
        "multiplies": multiplies,
        "gated_multiplies": lanes.filled - multiplies,
        "accumulator_updates": lanes.inside_positions * conv.filters * blocks * conv.images,
        "activation_vector_reads": int(met.sum()) * blocks * _group_visits(conv, plan) * conv.images,
        "weight_vector_reads": worked,
        "weight_fifo_writes": conv.rows.taps * conv.cols.taps * conv.filters * blocks * holders,
        "halo_entries": int(plan.sent.sum()) * conv.filters * conv.images,
        "oaram_writes": int(plan.own.sum()) * conv.filters * conv.images,
        "dram_weight_bits": conv.weight.size * config.value_bits * conv.images * plan.temporal_tiles,
        "dram_activation_bits": fetches * int(_activation_bits(layer, conv, plan, config).sum()) if fetches else 0,
        "dram_output_bits": 0 if kept else conv.outputs * config.value_bits,
    }


def _group_visits(conv: Convolution, plan: Plan) -> int:
    """Over all output-channel groups: conv groups that have filters in the group."""
    first = np.arange(plan.groups) * plan.kc
    last = np.minimum(first + plan.kc, conv.filters) - 1
    per_group = conv.filters // conv.groups
    return int((last // per_group - first // per_group + 1).sum())


def _activation_bits(layer: Layer, conv: Convolution, plan: Plan, config: DcnnConfig) -> np.ndarray:
    """Bits of the input as it travels [image, temporal tile]."""
    if config.compress_dram:
        entries = entries_by_tile(kept_entries(layer, conv, plan.rows, plan.cols, config.index_bits))
        return entries * (config.value_bits + config.index_bits)
    positions = plan.positions.sum(axis=1) * conv.channels * config.value_bits
    return np.tile(positions, (conv.images, 1))


def _tiles(layer: Layer, conv: Convolution, plan: Plan, config: DcnnConfig, round_cycles: np.ndarray) -> Tiles:
    """round_cycles [temporal tile, round]."""
    weights = plan.channels_of.sum(axis=1) * conv.weight[0].size * config.value_bits
    return round_tiles(conv, plan, np.tile(round_cycles.reshape(-1), conv.images), weights,
                       _activation_bits(layer, conv, plan, config), config.value_bits,
                       outputs_stay(plan, config.oaram_bits, config.value_bits))


def bound_cycles(layer: Layer, config: DcnnConfig, run: LayerRun) -> int:
    conv = convolution_of(layer)
    return any_plane_policy_cycles(conv, _meeting_taps(conv.rows), _meeting_taps(conv.cols), config.pes,
                                   config.dot_width)
