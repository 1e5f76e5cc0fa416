"""One pass of one layer: the list packed into tiles, time, and what each tile reads and moves."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.fast import kernel
from accelsim.arch.training.eager_pruning.fast.lowering import Extents, Pass, pass_of
from accelsim.arch.training.shared.passes import Phase
from accelsim.errors import ModelError
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class Packed(NamedTuple):
    """tiles int64 [tile, kernel.FIELDS], work int64 [multiplier] in products, owners without a weight."""

    tiles: np.ndarray
    work: np.ndarray
    empty_owners: int

    def field(self, index: int) -> np.ndarray:
        """One field of all tiles."""
        values: np.ndarray = self.tiles[:, index]
        return values


class PassRun(NamedTuple):
    """What one pass took."""

    cycles: int
    stalls: Counter[str]
    counts: Counter[str]
    tiles: Tiles
    packed: Packed


def run_pass(layer: Layer, extents: Extents, phase: Phase, config: EagerPruningConfig, policy: Policy) -> PassRun:
    """Simulate one pass. Raises ModelError when the policy loses an owner."""
    walk = pass_of(layer, extents, phase, config.sparse)
    group = config.group if config.gates == "fixed" else 1
    one_run_each = config.gates == "fixed" and config.group == 1
    packed: Packed = derived(layer, ("eager pruning tiles", phase == "backward", config.sparse, config.multipliers,
                                     group, policy), lambda: _packed(walk, extents, config.multipliers, group, policy))
    positions = walk.owner_words
    ends = kernel.stream_ends(packed.field(kernel.WEIGHTS), positions, config.load_width, config.double_buffer)
    cycles = int(ends[-1]) + config.drain_cycles if len(ends) else 0
    runs = packed.field(kernel.WEIGHTS if one_run_each else kernel.RUNS)
    counts = _counts(packed, runs, walk, positions, phase, config)
    tiles = _dram(packed, walk, extents, np.diff(ends, prepend=0), phase, config)
    counts.update(dram_weight_bits=int(tiles.weight_bits.sum()), dram_activation_bits=int(tiles.activation_bits.sum()),
                  dram_output_bits=int(tiles.output_bits.sum()))
    return PassRun(cycles, _stalls(packed, positions, cycles, config), counts, tiles, packed)


def _packed(walk: Pass, extents: Extents, multipliers: int, group: int, policy: Policy) -> Packed:
    nonzeros = kernel.owner_weights(walk.mask)
    order = np.asarray(policy(nonzeros.copy()), np.int64)
    if not np.array_equal(np.sort(order), np.arange(len(nonzeros))):
        raise ModelError(f"the policy gave an order of {len(order)} kernels; wanted each of 0 .. {len(nonzeros) - 1} "
                         "just once")
    tiles, work = kernel.pack(walk.mask, order, walk.owners_per_group, extents.meets, multipliers, group)
    return Packed(tiles, work, int((nonzeros == 0).sum()))


def _stalls(packed: Packed, positions: int, cycles: int, config: EagerPruningConfig) -> Counter[str]:
    """Slot-cycles of a pass; its products are all in `busy` here, those of zero weights too."""
    number, slots = len(packed.tiles), config.multipliers
    weights, fragments = (int(packed.field(which).sum()) for which in (kernel.WEIGHTS, kernel.FRAGMENTS))
    products, drain = int(packed.work.sum()), config.drain_cycles if number else 0
    return Counter(busy=products, outside=weights * positions - products, fragmented=fragments * positions,
                   unused=(number * slots - weights - fragments) * positions,
                   load=(cycles - drain - number * positions) * slots, drain=drain * slots)


def _counts(packed: Packed, runs: np.ndarray, walk: Pass, positions: int, phase: Phase,
            config: EagerPruningConfig) -> Counter[str]:
    weights, all_runs = int(packed.field(kernel.WEIGHTS).sum()), int(runs.sum())
    counts = Counter(macs=int(packed.work.sum()), mask_bits=walk.mask.size if config.sparse else 0,
                     activation_reads=int(packed.field(kernel.READS).sum()))
    if phase == "weight_update":
        counts.update(activation_reads=positions * int(packed.field(kernel.OWNERS).sum()), sum_writes=weights)
    else:
        owners = len(walk.mask) - packed.empty_owners
        counts.update(tree_adds=positions * (weights - all_runs), weight_reads=weights,
                      sum_writes=positions * (all_runs + packed.empty_owners),
                      sum_reads=positions * (all_runs - owners))
    return counts


def _dram(packed: Packed, walk: Pass, extents: Extents, cycles: np.ndarray, phase: Phase,
          config: EagerPruningConfig) -> Tiles:
    """The tiles as DRAM sees them; one where there is no weight."""
    if not len(packed.tiles):
        packed = packed._replace(tiles=np.zeros((1, len(kernel.FIELDS)), np.int64))
        cycles = np.zeros(1, np.int64)
    else:
        cycles[-1] += config.drain_cycles
    update, word = phase == "weight_update", config.word_bits
    mask_ends = packed.field(kernel.MASK_END).copy()
    mask_ends[-1] = walk.mask.size
    mask = np.diff(mask_ends, prepend=0) * config.sparse
    weights = packed.field(kernel.WEIGHTS) * word
    x, dy = extents.channels * extents.input_words, extents.filters * extents.output_words
    once = {"forward": x, "backward": dy, "weight_update": x + dy}[phase] <= config.glb_words
    fetched = packed.field(kernel.NEW_CHANNELS if once else kernel.CHANNELS) * walk.streamed_words
    if update:
        fetched = fetched + packed.field(kernel.BEGUN if once else kernel.OWNERS) * extents.output_words
        return Tiles.of(cycles, mask, fetched * word, weights + mask)
    written = packed.field(kernel.ENDED) * walk.owner_words
    written[-1] += packed.empty_owners * walk.owner_words
    return Tiles.of(cycles, weights + mask, fetched * word, written * word)


def mapping_of(runs: dict[Phase, PassRun]) -> dict[str, Any]:
    """Cycles and tiles of every pass."""
    return {f"{phase}_{what}": value for phase, run in runs.items()
            for what, value in (("cycles", run.cycles), ("tiles", len(run.packed.tiles)))}
