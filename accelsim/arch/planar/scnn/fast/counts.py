"""Where SCNN's slot-cycles go, and what it counts: from the rounds' cycles and sums over blocks."""

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.kernel import RoundOutcome
from accelsim.arch.planar.scnn.fast.lowering import ScnnWork
from accelsim.arch.planar.scnn.fast.post_processing import RoundTimes
from accelsim.arch.planar.scnn.fast.products import Products
from accelsim.arch.planar.shared.fast.traffic import outputs_stay


def stalls(layer: ScnnWork, config: ScnnConfig, outcome: RoundOutcome, products: Products,
           timeline: RoundTimes) -> dict[str, int]:
    """Slot-cycles by name."""
    parts = layer.plan.assignment.parts
    holds = np.tile(layer.plan.positions > 0, (layer.conv.images, parts))  # [sequence, PE]
    computing = outcome.compute_cycles.sum(axis=0)
    waited = (computing[:, None] * holds).sum() - (outcome.work_cycles * holds).sum()
    idle = (computing * (config.pes - holds.sum(axis=1))).sum()
    busy, stepped, drained = int(products.useful.sum()), steps(layer), int(outcome.drain_cycles.sum())
    return {
        "busy": busy,
        "fragmentation": config.lanes * stepped - products.pairs,
        "placeholder": products.pairs - products.multiplies,
        "outside": products.multiplies - busy,
        "bank_conflict": config.lanes * (int(outcome.work_cycles.sum()) - stepped - drained),
        "drain": config.lanes * drained,
        "barrier": config.lanes * int(waited),
        "idle_tile": config.lanes * int(idle),
        "halo": config.pes * config.lanes * timeline.halo_cycles,
        "post": config.pes * config.lanes * timeline.post_cycles,
    }


def steps(layer: ScnnWork) -> int:
    """Pairs of an activation vector and a weight vector that meet, over the whole layer."""
    return int((_activation_vectors(layer) * _weight_vectors(layer).sum(axis=0)).sum())


def counts(layer: ScnnWork, config: ScnnConfig, products: Products) -> dict[str, int]:
    """Everything counted, by name."""
    conv, plan, busy = layer.conv, layer.plan, int(products.useful.sum())
    vectors, stepped = _weight_vectors(layer), steps(layer)
    chunks = -(-vectors // config.weight_fifo_entries) if config.weight_fifo_entries else vectors > 0
    holders = int((plan.positions > 0).sum()) * conv.images  # of one part
    spilled = 0 if plan.resident else len(layer.activations.classes) * config.entry_bits
    kept = outputs_stay(plan, config.oaram_bits, config.entry_bits)
    return {
        "macs": busy,
        "multiplies": products.multiplies,
        "steps": stepped,
        "crossbar_transfers": busy,
        "accumulator_updates": busy,
        "iaram_vector_reads": int((_activation_vectors(layer) * chunks.sum(axis=0)).sum()),
        "weight_vector_reads": stepped,
        "weight_fifo_writes": int(vectors.sum()) * holders,
        "halo_entries": int(plan.sent.sum()) * conv.filters * conv.images,
        "oaram_writes": int(plan.own.sum()) * conv.filters * conv.images,
        "dram_weight_bits": len(layer.weights.taps) * config.entry_bits * conv.images * plan.temporal_tiles,
        "dram_activation_bits": spilled * (plan.rounds if plan.streamed else 1),
        "dram_output_bits": 0 if kept else conv.outputs * config.entry_bits,
    }


def _activation_vectors(layer: ScnnWork) -> np.ndarray:
    """[channel, phase] over all units."""
    vectors: np.ndarray = (-(-layer.entries // layer.lanes.activation_vector)).sum(axis=(2, 3, 4, 5, 6))
    return vectors


def _weight_vectors(layer: ScnnWork) -> np.ndarray:
    """[output-channel group, channel, phase]."""
    return -(-layer.weights.counts // layer.lanes.weight_vector)
