"""Words that one pass moves between registers, global buffer and DRAM: the last sections of the rules."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.training.procrustes.config import WORD_BITS, ProcrustesConfig
from accelsim.arch.training.procrustes.fast.geometry import LoopExtents, PassMapping, ceil_div
from accelsim.arch.training.shared.passes import Phase


class Extents(NamedTuple):
    """What lies in each set, int64 [set]: channels of both axes, distinct groups of its lanes, the same summed over
    the places that own lanes, and how many places own something along each axis.
    """

    lanes: np.ndarray
    depth: np.ndarray
    groups: np.ndarray
    place_groups: np.ndarray
    lane_tiles: np.ndarray
    depth_tiles: np.ndarray


class Words(NamedTuple):
    """32-bit words of one pass; the fields are the counts of the rules."""

    glb_reads: int
    glb_writes: int
    mask_words: int
    pointer_reads: int
    displaced_words: int
    spilled_words: int
    dram_weight_reads: int
    dram_activation_reads: int
    dram_writes: int

    @property
    def glb_total(self) -> int:
        """All that the banks move."""
        return sum(self[:6])


class BalancedSets(NamedTuple):
    """The sets that ran, [set]: mask bits, lanes not at their owner, bits over the weight space; live marks them."""

    bits: np.ndarray
    displaced: np.ndarray
    excess: np.ndarray
    live: np.ndarray


def extents_of(mapping: PassMapping) -> Extents:
    """Extents of all sets, in the order of the sets."""
    lanes, depth = mapping.lanes, mapping.depth
    starts = np.arange(mapping.lane_blocks * mapping.lane_places, dtype=np.int64) * lanes
    ends = np.minimum(starts + lanes, mapping.axis_lanes)
    owned = (ends > starts).reshape(mapping.lane_blocks, -1)
    groups = np.where(ends > starts, (ends - 1) // mapping.group_lanes - starts // mapping.group_lanes + 1, 0)
    block_start = starts.reshape(owned.shape)[:, 0]
    block_end = np.minimum(block_start + mapping.lane_places * lanes, mapping.axis_lanes)
    block_groups = (block_end - 1) // mapping.group_lanes - block_start // mapping.group_lanes + 1
    span = mapping.depth_places * depth
    depths = np.minimum(span, mapping.axis_depth - np.arange(mapping.depth_blocks, dtype=np.int64) * span)

    def by_lane_block(values: np.ndarray) -> np.ndarray:
        return np.tile(np.repeat(values, mapping.depth_blocks), mapping.runs)

    def by_depth_block(values: np.ndarray) -> np.ndarray:
        return np.tile(values, mapping.lane_blocks * mapping.runs)

    return Extents(by_lane_block(block_end - block_start), by_depth_block(depths), by_lane_block(block_groups),
                   by_lane_block(groups.reshape(owned.shape).sum(axis=1)), by_lane_block(owned.sum(axis=1)),
                   by_depth_block(-(-depths // depth)))


def words_of(loops: LoopExtents, mapping: PassMapping, extents: Extents, sets: BalancedSets, phase: Phase,
             config: ProcrustesConfig) -> Words:
    """All words of one pass."""
    updates, bits = phase == "weight_update", int(sets.bits.sum())
    live = Extents(*(column[sets.live] for column in extents))
    reads, writes = _operand_words(loops, mapping, live, phase, config)
    loads = _loads(loops, mapping, phase, config)
    if updates:
        sharers = _gradient_sharers(loops, mapping, config)
        reads, writes = reads + bits * (sharers - 1), writes + bits * sharers
    else:
        reads += bits * loads
    mask_words, pointers = _format_words(loops, extents, sets.live, loads) if config.sparse else (0, 0)
    waves = mapping.plane_tiles * loops.images
    per_lane = mapping.lane_words if _lanes_cut(mapping, config) else mapping.depth_words
    spills = 2 * waves if updates else waves if config.dataflow == "ck" else loads
    weights, activations, written = _dram_words(loops, bits, phase, config)
    return Words(
        reads + written, writes + weights + activations, mask_words, pointers,
        0 if updates else int(sets.displaced.sum()) * per_lane * waves, int(sets.excess.sum()) * spills,
        weights, activations, written)


def _lanes_cut(mapping: PassMapping, config: ProcrustesConfig) -> bool:
    """True when policies work on lanes; `ck` takes the larger of both axes of a tile."""
    return config.dataflow != "ck" or mapping.lanes >= mapping.depth


def _loads(loops: LoopExtents, mapping: PassMapping, phase: Phase, config: ProcrustesConfig) -> int:
    """How often each set's weights are brought in."""
    if phase == "weight_update" or config.dataflow == "ck":
        return 1
    if config.dataflow == "pq":
        return loops.images * (ceil_div(loops.out_plane[0], mapping.plane[0] * config.pe_rows)
                               * ceil_div(loops.out_plane[1], mapping.plane[1] * config.pe_cols))
    return mapping.plane_tiles * ceil_div(loops.images, config.pe_cols)


def _gradient_sharers(loops: LoopExtents, mapping: PassMapping, config: ProcrustesConfig) -> int:
    """PEs that hold a sum of the same weight's gradient when a set ends."""
    if config.dataflow == "ck":
        return 1
    if config.dataflow == "pq":
        return (min(config.pe_rows, ceil_div(loops.out_plane[0], mapping.plane[0]))
                * min(config.pe_cols, ceil_div(loops.out_plane[1], mapping.plane[1])))
    return min(loops.images, config.pe_cols)


def _format_words(loops: LoopExtents, extents: Extents, live: np.ndarray, loads: int) -> tuple[int, int]:
    """Mask words and pointers of compressed sparse blocks; a set without bits is looked at once."""
    times = np.where(live, loads, 1)
    masks = -(-(extents.lanes * extents.depth * loops.slice_weights) // WORD_BITS)
    return int(times @ masks), int(times @ (extents.lane_tiles * extents.depth_tiles)) * 4


def _operand_words(loops: LoopExtents, mapping: PassMapping, live: Extents, phase: Phase,
                   config: ProcrustesConfig) -> tuple[int, int]:
    """Reads and writes of X and Y at the global buffer."""
    waves = mapping.plane_tiles * loops.images
    lane_wave, depth_wave = mapping.lane_words * waves, mapping.depth_words * waves
    lanes, depth = int(live.lanes.sum()) * lane_wave, int(live.groups @ live.depth) * depth_wave
    if config.dataflow == "ck":
        depth = int(live.depth.sum()) * depth_wave  # one group at a time
    if phase == "weight_update":
        return lanes + depth, 0
    if config.dataflow == "ck":
        return _stationary_weights(loops, mapping, live, phase, waves)
    resident = mapping.axis_lanes * lane_wave
    if config.dataflow == "cn":  # sums leave the PEs in each wave, those of every row
        writes = int(live.place_groups @ live.depth) * depth_wave
        return resident + max(0, writes - loops.groups * mapping.axis_depth * depth_wave), writes
    again = 0
    if config.dataflow == "pq" and phase == "backward":  # neighbouring PEs have sums of the same dL/dx
        again = max(0, resident - loops.x_words)
    return depth + again, resident


def _stationary_weights(loops: LoopExtents, mapping: PassMapping, live: Extents, phase: Phase,
                        waves: int) -> tuple[int, int]:
    """`ck`, forward or backward: weights stay; in each wave inputs come and the sums of every PE leave."""
    x_sets, y_sets = live.depth, live.lanes
    if phase == "forward":
        read = int(x_sets.sum()) * mapping.depth_words
        write = int(live.depth_tiles @ y_sets) * mapping.lane_words
        own = loops.groups * loops.filters * mapping.lane_words
    else:
        read = int(y_sets.sum()) * mapping.lane_words
        write = int(live.lane_tiles @ x_sets) * mapping.depth_words
        own = loops.groups * loops.channels * mapping.depth_words
    return (read + max(0, write - own)) * waves, write * waves


def _dram_words(loops: LoopExtents, bits: int, phase: Phase, config: ProcrustesConfig) -> tuple[int, int, int]:
    """Weights read, activations and gradients read, and words written, by the blocks that move the least."""
    dense = loops.groups * loops.filters * loops.channels * loops.slice_weights
    weights = bits + (ceil_div(dense, WORD_BITS) if config.sparse else 0)
    room = loops.groups * max(1, config.glb_words // 2)
    x, y = loops.x_words, loops.y_words
    if phase == "weight_update":
        return bits, sum(_blocks_stay(x, y, weights, room, loops.filters)), weights
    source, target, lanes = (x, y, loops.filters) if phase == "forward" else (y, x, loops.channels)
    activations, again = _blocks_stay(source, weights, target, room, lanes)
    weights_stay = (weights, source * _rounds(weights, room))
    return *min((again, activations), weights_stay, key=sum), target


def _blocks_stay(cut: int, passing: int, staying: int, room: int, lanes: int) -> tuple[int, int]:
    """Words moved while blocks of `staying` words lie in `room`: of `cut` once for each cut along the lanes, of
    `passing` once for each along the other axis. The cuts with the least sum, of equal ones the fewest.
    """
    best, cuts = (cut, passing * _rounds(staying, room)), 1
    while cuts < lanes and cut * (cuts + 1) < sum(best):  # further cuts alone move more
        cuts += 1
        best = min(best, (cut * cuts, passing * _rounds(staying, room * cuts)), key=sum)
    return best


def _rounds(words: int, room: int) -> int:
    """How often something passes by `words` of which `room` stay at a time."""
    return max(1, ceil_div(words, room))
