"""Where SCNN's slot-cycles go, and what it counts: from the rounds' cycles and sums over blocks."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.kernel import RoundOutcome
from accelsim.arch.planar.scnn.fast.lowering import ScnnWork
from accelsim.arch.planar.scnn.fast.post_processing import RoundTimes
from accelsim.arch.planar.scnn.fast.products import Products
from accelsim.arch.planar.shared.fast.traffic import outputs_stay


class Vectors(NamedTuple):
    """activations [channel, phase]: vectors in all units; weights [output-channel group, channel, phase]; steps: pairs
    that meet, over the whole layer."""

    activations: np.ndarray
    weights: np.ndarray
    steps: int


def count_vectors(layer: ScnnWork) -> Vectors:
    activations = (-(-layer.entries // layer.lanes.activation_vector)).sum(axis=(2, 3, 4, 5, 6))
    weights = -(-layer.weights.counts // layer.lanes.weight_vector)
    return Vectors(activations, weights, int((activations * weights.sum(axis=0)).sum()))


def stalls(layer: ScnnWork, config: ScnnConfig, outcome: RoundOutcome, products: Products, steps: int,
           timeline: RoundTimes) -> dict[str, int]:
    """Slot-cycles by name."""
    parts = layer.plan.assignment.parts
    holds = np.tile(layer.plan.positions > 0, (layer.conv.images, parts))  # [sequence, PE]
    computing = outcome.compute_cycles.sum(axis=0)
    waited = (computing[:, None] * holds).sum() - (outcome.work_cycles * holds).sum()
    idle = (computing * (config.pes - holds.sum(axis=1))).sum()
    busy, drained = int(products.useful.sum()), int(outcome.drain_cycles.sum())
    return {
        "busy": busy,
        "fragmentation": config.lanes * steps - products.pairs,
        "placeholder": products.pairs - products.multiplies,
        "outside": products.multiplies - busy,
        "bank_conflict": config.lanes * (int(outcome.work_cycles.sum()) - steps - drained),
        "drain": config.lanes * drained,
        "barrier": config.lanes * int(waited),
        "idle_tile": config.lanes * int(idle),
        "halo": config.pes * config.lanes * timeline.halo_cycles,
        "post": config.pes * config.lanes * timeline.post_cycles,
    }


def counts(layer: ScnnWork, config: ScnnConfig, products: Products, vectors: Vectors) -> dict[str, int]:
    """Everything counted, by name."""
    conv, plan, busy = layer.conv, layer.plan, int(products.useful.sum())
    fifo = config.weight_fifo_entries
    chunks = -(-vectors.weights // fifo) if fifo else vectors.weights > 0
    holders = int((plan.positions > 0).sum()) * conv.images  # of one part
    spilled = 0 if plan.resident else len(layer.activations.classes) * config.entry_bits
    kept = outputs_stay(plan, config.oaram_bits, config.entry_bits)
    return {
        "macs": busy,
        "multiplies": products.multiplies,
        "steps": vectors.steps,
        "crossbar_transfers": busy,
        "accumulator_updates": busy,
        "iaram_vector_reads": int((vectors.activations * chunks.sum(axis=0)).sum()),
        "weight_vector_reads": vectors.steps,
        "weight_fifo_writes": int(vectors.weights.sum()) * holders,
        "halo_entries": int(plan.sent.sum()) * conv.filters * conv.images,
        "oaram_writes": int(plan.own.sum()) * conv.filters * conv.images,
        "dram_weight_bits": len(layer.weights.taps) * config.entry_bits * conv.images * plan.temporal_tiles,
        "dram_activation_bits": spilled * (plan.rounds if plan.streamed else 1),
        "dram_output_bits": 0 if kept else conv.outputs * config.entry_bits,
    }
