"""Words that move: registers to global buffer, compressed weights, spills, DRAM."""

from collections import Counter

from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.balance import Share, policy_lanes_are_depth
from accelsim.arch.training.procrustes.reference.loops import Loops
from accelsim.arch.training.procrustes.reference.sets import WeightSet
from accelsim.arch.training.procrustes.reference.tiling import PeTiling, ceil_div

MASK_BITS_PER_WORD = 32
POINTERS_PER_TILE = 2 * 2  # end and start of each of two sub-tiles
BUFFER_COUNTS = ("glb_reads", "glb_writes", "mask_words", "pointer_reads", "displaced_words", "spilled_words")


class PassTraffic:
    """The words of one pass; `counts` grows with every set and wave."""

    def __init__(self, loops: Loops, tiling: PeTiling, config: ProcrustesConfig, phase: str) -> None:
        self.loops, self.tiling, self.config, self.phase = loops, tiling, config, phase
        self.counts: Counter[str] = Counter()
        self._updates = phase == "weight_update"
        self._lanes_are_sums = tiling.axes.filters_in_lanes == (phase == "forward")
        self._loads_every_wave = not self._updates and config.dataflow != "ck"
        self._sums_written = 0
        self._excess = 0  # weights beyond the PEs' space, of the set under way

    def read_index(self, one: WeightSet) -> None:
        """Masks and pointers of a set, wanted or not: only they tell that a set has no weights."""
        if self.config.sparse:
            self.counts["mask_words"] += ceil_div(one.dense, MASK_BITS_PER_WORD)
            self.counts["pointer_reads"] += POINTERS_PER_TILE * one.tiles_owned

    def begin_set(self, one: WeightSet, share: Share) -> None:
        """What a set costs once, before its waves."""
        self._excess = sum(max(0, len(weights) - self.tiling.weight_words) for weights in share.weights)
        if not self._loads_every_wave:
            self._load(one)
        self.counts["sort_swaps"] += share.swaps
        if not self._updates:
            words = self.tiling.words
            back = words.depth if policy_lanes_are_depth(self.tiling, self.config) else words.lane
            self.counts["displaced_words"] += share.displaced * back * self.tiling.plane_tiles * self.loops.images

    def wave(self, one: WeightSet, visits: int) -> None:
        """What a wave of the set under way costs. visits: its plane tiles, once for each image."""
        if self._loads_every_wave:
            self._load(one)
            self.counts["spilled_words"] += self._excess
        else:
            self.counts["spilled_words"] += self._excess * visits * (2 if self._updates else 1)
        self._move_operands(one, visits)

    def end_set(self, one: WeightSet, holders: int) -> None:
        """The finished gradients of a set. holders: PEs that each hold a sum of the same weight."""
        if self._updates:
            for holder in range(holders):
                self.counts["glb_writes"] += one.kept
                self.counts["glb_reads"] += one.kept if holder > 0 else 0  # to be added to

    def end_pass(self) -> None:
        """What a pass costs once, after all sets; then the DRAM side."""
        if not self._updates:
            if self.config.dataflow != "ck":
                self._move_lanes_of_pass()
            self.counts["glb_reads"] += max(0, self._sums_written - self._sums_size())
        weight_reads, activation_reads, writes = self._dram_words()
        self.counts.update(dram_weight_reads=weight_reads, dram_activation_reads=activation_reads, dram_writes=writes)
        self.counts["glb_writes"] += weight_reads + activation_reads
        self.counts["glb_reads"] += writes

    def bank_cycles(self) -> int:
        """Cycles that the banks need for the words of the pass."""
        words = sum(self.counts[name] for name in BUFFER_COUNTS)
        return ceil_div(ceil_div(words, self.config.glb_words_per_line), self.config.glb_banks)

    def _load(self, one: WeightSet) -> None:
        self.read_index(one)
        if not self._updates:
            self.counts["glb_reads"] += one.kept

    def _move_operands(self, one: WeightSet, visits: int) -> None:
        """Operands of `visits` plane tiles, besides the lanes that stay in the PEs over the depth blocks."""
        words, lanes, depth = self.tiling.words, len(one.lanes), len(one.depth)
        groups = one.groups_of(one.lanes)
        lane_words, depth_words = lanes * words.lane * visits, groups * depth * words.depth * visits
        if self._updates:
            self.counts["glb_reads"] += lane_words + depth_words
        elif self.config.dataflow == "ck":
            owned = [tile for tile in one.tiles if tile.owned]
            if self._lanes_are_sums:
                self.counts["glb_reads"] += depth_words
                self._write_sums(len({tile.depth for tile in owned}) * lane_words)  # a sum from each row of PEs
            else:
                self.counts["glb_reads"] += lane_words
                self._write_sums(len({tile.lanes for tile in owned}) * depth_words)  # a sum from each column
        elif self._lanes_are_sums or self.config.dataflow == "pq":
            self.counts["glb_reads"] += depth_words
        else:
            owners = sum(one.groups_of(tile.lanes) for tile in one.tiles if tile.owned)
            self._write_sums(owners * depth * words.depth * visits)

    def _move_lanes_of_pass(self) -> None:
        """The lanes' operand, once over the pass."""
        words = self.tiling.axes.lanes * self.tiling.words.lane * self.tiling.plane_tiles * self.loops.images
        if self._lanes_are_sums:
            self._write_sums(words)
        else:
            self.counts["glb_reads"] += words

    def _write_sums(self, words: int) -> None:
        self.counts["glb_writes"] += words
        self._sums_written += words

    def _sums_size(self) -> int:
        """Words of the accumulated operand: so many writes need no sum to be read before."""
        loops, words = self.loops, self.tiling.words
        visits = self.tiling.plane_tiles * loops.images
        if self.config.dataflow == "cn":
            return loops.groups * self.tiling.axes.depth * words.depth * visits
        if self.config.dataflow == "ck":
            return (loops.filters * words.lane if self.phase == "forward" else loops.channels * words.depth) * visits
        if self.config.dataflow == "pq" and self.phase == "backward":
            return loops.activation.size
        return self._sums_written  # `kn`, and `pq` forward: every sum is finished in its PE

    def _dram_words(self) -> tuple[int, int, int]:
        """Words of weights read, of activations read, and written."""
        loops = self.loops
        mask = ceil_div(loops.mask.size, MASK_BITS_PER_WORD) if self.config.sparse else 0
        weights, x = loops.kept + mask, loops.activation.size
        y = loops.images * loops.filters * loops.rows.outputs * loops.cols.outputs
        if self._updates:
            blocks = self._blocks(weights, loops.filters_per_group)
            return loops.kept, min(x * cuts + y * others for cuts, others in blocks), weights
        source, sums, channels = (x, y, loops.filters_per_group) if self.phase == "forward" else (
            y, x, loops.channels_per_group)
        choices = [(weights * others, source * cuts) for cuts, others in self._blocks(sums, channels)]  # sums stay
        _, rounds = self._blocks(weights, 1)[0]
        choices.append((weights, source * rounds))  # weights stay
        return *min(choices, key=sum), sums  # the first of equals

    def _blocks(self, staying: int, channels: int) -> list[tuple[int, int]]:
        """Ways to cut what stays into blocks for half of the buffer: cuts along its channels, and along the other axis.

        The groups come one after the other, so that each has the half buffer to itself.
        """
        room = self.loops.groups * max(1, self.config.glb_words // 2)
        return [(cuts, max(1, ceil_div(staying, room * cuts))) for cuts in range(1, channels + 1)]
