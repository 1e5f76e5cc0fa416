"""From a layer and a design to what the kernel reads: convolution, plan, compressed blocks, where products land."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.landing import LandingClasses, bank_of, lower_landing
from accelsim.arch.planar.scnn.fast.weights import WeightBlocks, lower_weights
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution, convolution_of
from accelsim.arch.planar.shared.fast.entries import kept_entries, write_entries
from accelsim.arch.planar.shared.fast.plan import GroupRule, PlanarPlan, assign, make_plan
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

UNQUEUED_CHUNK_VECTORS = 64  # without queues the order of steps moves no number, so tables may stay small
BANKS_PER_WORD = 8  # a byte each


class ActivationBlocks(NamedTuple):
    """Compressed activation blocks, those without an entry left out.

    begins [channel x phase + 1]: its blocks; units [block]: the unit that holds it, a tile of one image and temporal
    tile; starts, ends [block]: its entries; classes [entry]: 1 + landing class within the phase, 0 for a placeholder.
    """

    begins: np.ndarray
    units: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    classes: np.ndarray


class Lanes(NamedTuple):
    """What the kernel needs of the design. chunk_vectors: weight vectors that all activation vectors meet before the
    next ones come. words: of 8 banks each, in fours; bank_word, bank_one [mixed code]: the word of the bank of both
    parts of a code put together, and one product in it.
    """

    weight_vector: int
    activation_vector: int
    queue_entries: int
    chunk_vectors: int
    parts: int
    xor_hash: bool
    channel_barrier: bool
    words: int
    bank_word: np.ndarray
    bank_one: np.ndarray


class ScnnWork(NamedTuple):
    """A layer on a design. entries: of activation blocks, as in entries.py."""

    conv: PatternConvolution
    plan: PlanarPlan
    entries: np.ndarray
    activations: ActivationBlocks
    weights: WeightBlocks
    landing: LandingClasses
    lanes: Lanes

    @property
    def sequences(self) -> int:
        """Images x temporal tiles."""
        return self.conv.images * self.plan.temporal_tiles


def lowered(layer: Layer, config: ScnnConfig, policy: Policy) -> ScnnWork:
    """Raises UnsupportedLayerError if the accumulators cannot hold one position."""
    conv = convolution_of(layer)
    plan = _plan(layer, conv, config, policy)
    entries = kept_entries(layer, conv, plan.rows, plan.cols, config.index_bits)
    activations, landing = _activations(layer, conv, plan, config, entries)
    weights: WeightBlocks = derived(
        layer, ("scnn weights", plan.kc, config.weight_order, config.index_bits),
        lambda: lower_weights(conv, plan.kc, config.weight_order == "taps_outer", config.index_bits))
    return ScnnWork(conv, plan, entries, activations, weights, landing, _lanes(config, plan, weights))


def one_sequence(activations: ActivationBlocks, sequence: int, tiles: int) -> ActivationBlocks:
    """The blocks of one image and temporal tile alone."""
    own = activations.units // tiles == sequence
    before = np.concatenate([[0], np.cumsum(own)])
    return ActivationBlocks(before[activations.begins], activations.units[own] - sequence * tiles,
                            activations.starts[own], activations.ends[own], activations.classes)


def _plan(layer: Layer, conv: PatternConvolution, config: ScnnConfig, policy: Policy) -> PlanarPlan:
    rim = (conv.rows.padding, conv.cols.padding) if config.tiling == "padded_plane" else (0, 0)
    assignment = assign(conv, policy, rim, (config.pe_rows, config.pe_cols))

    def fits(rows: AxisPieces, cols: AxisPieces) -> bool:
        if config.iaram_bits == 0:
            return True
        entries = kept_entries(layer, conv, rows, cols, config.index_bits)
        return int(entries.sum(axis=(0, 1)).max()) * config.entry_bits <= config.iaram_bits

    return make_plan(conv, assignment, GroupRule(config.accumulator_entries, config.kc_max, config.kc_rule), fits)


def _activations(layer: Layer, conv: PatternConvolution, plan: PlanarPlan, config: ScnnConfig,
                 entries: np.ndarray) -> tuple[ActivationBlocks, LandingClasses]:
    xor_hash, rows, cols = config.bank_hash == "xor", plan.rows, plan.cols

    def lower() -> tuple[ActivationBlocks, LandingClasses]:
        landing, classes = lower_landing(conv, rows, cols, plan.kc, config.banks, xor_hash)
        names = write_entries(conv, rows, cols, config.index_bits, entries, classes + 1)
        blocks, counts = entries.shape[0] * entries.shape[1], entries.reshape(-1)
        held = np.flatnonzero(counts)
        units = counts.size // blocks
        ends = np.cumsum(counts, dtype=np.int64)[held]
        return ActivationBlocks(np.searchsorted(held, np.arange(blocks + 1) * units), (held % units).astype(np.int32),
                                ends - counts[held], ends, names), landing

    key = ("scnn activations", rows.key, cols.key, config.index_bits, config.bank_hash,
           () if xor_hash else (config.banks, plan.kc))
    found: tuple[ActivationBlocks, LandingClasses] = derived(layer, key, lower)
    return found


def _lanes(config: ScnnConfig, plan: PlanarPlan, weights: WeightBlocks) -> Lanes:
    largest = max(1, -(-weights.entries_max // config.weight_vector))
    unbounded = UNQUEUED_CHUNK_VECTORS if config.bank_queue_entries == 0 else largest
    xor_hash = config.bank_hash == "xor"
    bank = bank_of(config.banks, xor_hash)
    return Lanes(config.weight_vector, config.activation_vector, config.bank_queue_entries,
                 min(largest, config.weight_fifo_entries or unbounded), plan.assignment.parts, xor_hash,
                 config.barrier == "channel", 4 * -(-config.banks // (4 * BANKS_PER_WORD)), bank // BANKS_PER_WORD,
                 np.uint64(1) << (bank % BANKS_PER_WORD * 8).astype(np.uint64))
