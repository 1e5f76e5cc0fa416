"""One pass of one layer: sets, loads by the policy, the clock, and where every PE-cycle goes."""

from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.training.procrustes.config import WORD_BITS, ProcrustesConfig
from accelsim.arch.training.procrustes.fast import kernel
from accelsim.arch.training.procrustes.fast.geometry import LoopExtents, PassMapping, ceil_div, map_pass
from accelsim.arch.training.procrustes.fast.traffic import BalancedSets, Words, extents_of, words_of
from accelsim.arch.training.procrustes.policies.balance import Balance
from accelsim.arch.training.procrustes.policies.none import none
from accelsim.arch.training.shared.passes import Phase
from accelsim.errors import ModelError
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class Mask(NamedTuple):
    """bits[group, filter, channel] of each R x S slice as the machine sees it; their sum; the layer's non-zeros."""

    slices: np.ndarray
    bits: int
    nonzeros: int


class Sets(NamedTuple):
    """work[set, pe, lane] of the sets that have bits, and which of all sets those are."""

    work: np.ndarray
    live: np.ndarray


class Time(NamedTuple):
    """Cycles of each set that ran and of the whole pass, and PE-cycles by name."""

    set_cycles: np.ndarray
    cycles: int
    barrier: int
    unused: int
    threshold: int
    glb: int


class PassRun(NamedTuple):
    """What one pass took; work [row, column]: products of each PE."""

    time: Time
    words: Words
    mapping: PassMapping
    sets: int
    swaps: int
    work: np.ndarray


def mask_of(layer: Layer, loops: LoopExtents, sparse: bool) -> Mask:
    """The mask: the non-zero weights, or all of them for dense training."""
    shape = (loops.groups, loops.filters, loops.channels)
    slices = derived(layer, "procrustes slices",
                     lambda: kernel.count_slices(np.ascontiguousarray(layer.weight).reshape(-1, loops.slice_weights)))
    nonzeros = int(slices.sum(dtype=np.int64))
    if sparse:
        return Mask(slices.reshape(shape), nonzeros, nonzeros)
    return Mask(np.broadcast_to(np.uint16(loops.slice_weights), shape), slices.size * loops.slice_weights, nonzeros)


def run_pass(layer: Layer, loops: LoopExtents, mask: Mask, phase: Phase, config: ProcrustesConfig,
             policy: Policy) -> PassRun:
    """Simulate one pass."""
    mapping = map_pass(layer, loops, mask.bits, phase, config)
    extents = extents_of(mapping)
    sets = sets_of(layer, mask, mapping, config)
    balance = derived(layer, ("procrustes balance", policy, config.dataflow == "pq", *_sets_key(mapping, config)),
                      lambda: balanced(layer, sets.work, config, policy))
    bits = sets.work.sum(axis=(1, 2))
    excess = np.maximum(0, balance.load - mapping.weight_space).sum(axis=1)
    words = words_of(loops, mapping, extents, BalancedSets(bits, balance.displaced, excess, sets.live), phase, config)
    owned = owned_by(mapping, sets.live)
    time = _time(loops, mapping, balance.load, owned, phase, config)
    if config.glb_bound:
        lines = ceil_div(ceil_div(words.glb_total, config.glb_words_per_line), config.glb_banks)
        late = max(0, lines - time.cycles)
        time = time._replace(cycles=time.cycles + late, glb=late * config.slots)
    work = _work(loops, mapping, balance.load.sum(axis=0), config)
    return PassRun(time, words, mapping, len(bits), int(balance.swaps.sum()), work)


def pass_tiles(run: PassRun) -> Tiles:
    """One tile per set that ran (one if none did): its cycles, and an even share of the pass's DRAM words."""
    cycles = run.time.set_cycles if run.sets else np.zeros(1, np.int64)
    cycles = np.concatenate([cycles[:-1], [run.time.cycles - int(cycles[:-1].sum())]])  # the banks' time comes last
    shares = (np.diff(np.arange(len(cycles) + 1) * (words * WORD_BITS) // len(cycles)) for words in run.words[6:])
    return Tiles.of(cycles, *shares)


def sets_of(layer: Layer, mask: Mask, mapping: PassMapping, config: ProcrustesConfig) -> Sets:
    """The sets of a pass, found again by the next pass or design with the same tiles."""
    def fold() -> Sets:
        work = folded(mask, mapping, config)
        live = np.asarray(work.any(axis=(1, 2)))
        return Sets(work[live], live)

    return derived(layer, ("procrustes sets", *_sets_key(mapping, config)), fold)


def _sets_key(mapping: PassMapping, config: ProcrustesConfig) -> tuple[Any, ...]:
    """What the sets of a layer depend on."""
    return config.sparse, mapping.lanes_on_filters, mapping.runs, *_fold_shape(mapping, config)


def folded(mask: Mask, mapping: PassMapping, config: ProcrustesConfig) -> np.ndarray:
    """work[set, pe, lane] of all sets, those without bits among them."""
    slices = mask.slices if mapping.lanes_on_filters else mask.slices.transpose(0, 2, 1)
    if mapping.runs == 1:  # lanes run over all groups
        slices = slices.reshape(1, -1, slices.shape[2])
    work: np.ndarray = kernel.fold(slices, *_fold_shape(mapping, config))
    return work


def _fold_shape(mapping: PassMapping, config: ProcrustesConfig) -> tuple[int, int, int, int, bool]:
    by_depth = mapping.lanes < mapping.depth and config.dataflow == "ck"  # lanes of the larger axis are balanced
    return mapping.lanes, mapping.depth, mapping.lane_places, mapping.depth_places, by_depth


def balanced(layer: Layer, work: np.ndarray, config: ProcrustesConfig, policy: Policy) -> Balance:
    """Loads by the policy, checked: each set's bits are given out, all of them and no more."""
    if config.dataflow == "pq" or not config.sparse or not len(work):
        return none(work)
    balance = Balance(*(np.asarray(part, np.int64) for part in policy(work)))
    sets, pes, _ = work.shape
    if ([part.shape for part in balance] != [(sets, pes), (sets,), (sets,)] or min(map(np.min, balance)) < 0
            or (balance.load.sum(axis=1) != work.sum(axis=(1, 2))).any()):
        raise ModelError(f"layer {layer.name!r}: the policy's loads are not the work of their set, given out once; "
                         "see accelsim.arch.training.procrustes.policies for what it must return")
    return balance


def owned_by(mapping: PassMapping, live: np.ndarray) -> np.ndarray:
    """owned[set, pe]: PEs with at least one lane and one depth channel, for the sets that run."""
    lane_starts = np.arange(mapping.lane_blocks * mapping.lane_places) * mapping.lanes
    depth_starts = np.arange(mapping.depth_blocks * mapping.depth_places) * mapping.depth
    lane = (lane_starts < mapping.axis_lanes).reshape(mapping.lane_blocks, 1, 1, mapping.lane_places)
    depth = (depth_starts < mapping.axis_depth).reshape(1, mapping.depth_blocks, mapping.depth_places, 1)
    both = (lane & depth).reshape(mapping.lane_blocks * mapping.depth_blocks, -1)
    return np.tile(both, (mapping.runs, 1))[live]


def _time(loops: LoopExtents, mapping: PassMapping, load: np.ndarray, owned: np.ndarray, phase: Phase,
          config: ProcrustesConfig) -> Time:
    """The clock without the banks: barriers, idle PEs and the threshold unit."""
    if config.dataflow == "pq":
        rows, cols = (_patches(plane, tile, pes) for plane, tile, pes in zip(
            loops.out_plane, mapping.plane, (config.pe_rows, config.pe_cols), strict=True))
        steps = loops.images * rows[0] * cols[0]
        slowest, used = load[:, 0], loops.images * rows[1] * cols[1]
        barrier = int(slowest.sum()) * (used - loops.images * loops.positions)
        unused = int(slowest.sum()) * (config.slots * steps - used)
    else:
        slowest = load.max(axis=1) if len(load) else np.zeros(0, np.int64)
        taking_part = owned | (load > 0)
        waits = (slowest[:, None] - load).astype(np.int64)
        across = config.dataflow != "ck"  # each row's load is that of a PE in every column which has an image
        steps = loops.positions * (ceil_div(loops.images, config.pe_cols) if across else loops.images)
        copies = loops.positions * loops.images
        barrier, absent = int(waits[taking_part].sum()) * copies, int(waits[~taking_part].sum()) * copies
        unused = absent + int(slowest.sum()) * load.shape[1] * ((config.pe_cols if across else 1) * steps - copies)
    array_cycles = set_cycles = slowest * steps
    if phase == "weight_update" and config.sparse and config.threshold_unit:
        ends = kernel.threshold_ends(array_cycles, load.sum(axis=1), config.gradients_per_cycle)
        set_cycles = np.diff(ends, prepend=0)
    total = int(set_cycles.sum())
    return Time(set_cycles, total, barrier, unused, (total - int(array_cycles.sum())) * config.slots, 0)


def _work(loops: LoopExtents, mapping: PassMapping, load: np.ndarray, config: ProcrustesConfig) -> np.ndarray:
    """Products of each PE [row, column] from load[pe], the bits it multiplies over all sets."""
    if config.dataflow == "pq":
        own = [_positions(*axis) for axis in zip(loops.out_plane, mapping.plane, (config.pe_rows, config.pe_cols),
                                                 strict=True)]
        return np.outer(own[0], own[1]) * (int(load[0]) * loops.images)
    if config.dataflow == "ck":
        return load.reshape(config.pe_rows, config.pe_cols) * (loops.images * loops.positions)
    images = _positions(loops.images, 1, config.pe_cols)
    return np.outer(load, images) * loops.positions


def _positions(extent: int, tile: int, pes: int) -> np.ndarray:
    """[pe]: elements of an axis that are dealt to each PE, `tile` at a time."""
    turns, rest = divmod(extent, tile * pes)
    return turns * tile + np.clip(rest - np.arange(pes) * tile, 0, tile)


def _patches(extent: int, tile: int, pes: int) -> tuple[int, int]:
    """Along one axis, summed over patches: steps of the slowest PE, and the same times the PEs that have positions."""
    steps = used = 0
    for start in range(0, extent, tile * pes):
        longest = min(tile, extent - start)
        steps += longest
        used += longest * min(pes, ceil_div(extent - start, tile))
    return steps, used
