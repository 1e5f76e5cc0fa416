"""Where DCNN's slot-cycles go, what it counts, and the work of its PEs."""

import numpy as np

from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.lowering import DcnnWork, meeting_taps, over_pieces
from accelsim.arch.planar.dcnn.fast.traffic import activation_bits
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.plan import PlanarPlan
from accelsim.arch.planar.shared.fast.traffic import outputs_stay
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer


def stalls(layer: Layer, work: DcnnWork, config: DcnnConfig) -> dict[str, int]:
    """Slot-cycles by name."""
    plan, formed, width = work.plan, work.formed, config.dot_width
    cycles, worked = int(work.round_cycles.sum()) * work.conv.images, work.worked_cycles
    holders = (plan.positions > 0).sum(axis=1) * plan.assignment.parts  # PEs [temporal tile]
    held = int((work.round_cycles.sum(axis=1) * holders).sum()) * work.conv.images
    return {
        "busy": layer.macs_effectual,
        "zero_operand": formed.inside - layer.macs_effectual,
        "outside": formed.filled - formed.inside,
        "fragmentation": worked * width - formed.filled,
        "barrier": (held - worked) * width,
        "idle_tile": (cycles * config.pes - held) * width,
    }


def counts(layer: Layer, work: DcnnWork, config: DcnnConfig) -> dict[str, int]:
    """Everything counted, by name."""
    conv, plan, formed, blocks = work
    multiplies = formed.nonzero if config.zero_gating else formed.filled
    met = plan.per_piece(over_pieces(plan.rows, (meeting_taps(conv.rows) > 0).astype(np.int64)),
                         over_pieces(plan.cols, (meeting_taps(conv.cols) > 0).astype(np.int64)))
    holders = int((plan.positions > 0).sum()) * conv.images
    kept = outputs_stay(plan, config.oaram_bits, config.value_bits)
    fetches = 0 if plan.resident else plan.rounds if plan.streamed else 1
    return {
        "macs": layer.macs_effectual,
        "multiplies": multiplies,
        "gated_multiplies": formed.filled - multiplies,
        "accumulator_updates": formed.inside_positions * conv.filters * blocks * conv.images,
        "activation_vector_reads": int(met.sum()) * blocks * _group_visits(conv, plan) * conv.images,
        "weight_vector_reads": work.worked_cycles,
        "weight_fifo_writes": conv.rows.taps * conv.cols.taps * conv.filters * blocks * holders,
        "halo_entries": int(plan.sent.sum()) * conv.filters * conv.images,
        "oaram_writes": int(plan.own.sum()) * conv.filters * conv.images,
        "dram_weight_bits": conv.weight.size * config.value_bits * conv.images * plan.temporal_tiles,
        "dram_activation_bits": fetches * int(activation_bits(layer, work, config).sum()) if fetches else 0,
        "dram_output_bits": 0 if kept else conv.outputs * config.value_bits,
    }


def _group_visits(conv: PatternConvolution, plan: PlanarPlan) -> int:
    """Over all output-channel groups: conv groups that have filters in the group."""
    first = np.arange(plan.groups) * plan.kc
    last = np.minimum(first + plan.kc, conv.filters) - 1
    per_group = conv.filters // conv.groups
    return int((last // per_group - first // per_group + 1).sum())


def work_of_pes(work: DcnnWork, config: DcnnConfig) -> PeWork:
    """Products that each PE forms, whatever their operands."""
    conv, plan = work.conv, work.plan
    formed = np.outer(plan.channels_of.sum(axis=0), work.formed.tap_positions.sum(axis=0))  # [part, tile]
    return plan.assignment.on_mesh(formed * (conv.weight.shape[1] * conv.images), (config.pe_rows, config.pe_cols),
                                   ("busy", "zero_operand", "outside"))
