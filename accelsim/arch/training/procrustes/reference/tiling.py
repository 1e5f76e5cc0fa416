"""What runs in space, and the PE tile that is chosen for it."""

from dataclasses import dataclass

from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.loops import Loops
from accelsim.errors import UnsupportedLayerError

LARGEST_FILTER = 65535  # R x S


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


@dataclass(frozen=True)
class Axes:
    """How a pass lies on the array: which weight axis its lanes are, how long both are, over how many places.

    lanes: A (of one group for `ck`, else of all). lanes_per_group: A_g. depth: D. groups: that lanes may touch.
    """

    filters_in_lanes: bool
    lanes: int
    lanes_per_group: int
    depth: int
    groups: int
    lane_places: int
    depth_places: int
    input_plane: bool

    def groups_touched(self, lanes: int) -> int:
        """g(l): groups that l neighbouring lanes may touch."""
        return min(self.groups, ceil_div(lanes - 1, self.lanes_per_group) + 1)


def axes_of(loops: Loops, config: ProcrustesConfig, phase: str) -> Axes:
    """How `phase` lies on the array. `kn` runs its backward pass as C,N and `cn` as K,N."""
    backward, dataflow = phase == "backward", config.dataflow
    k_g, c_g = loops.filters_per_group, loops.channels_per_group
    if dataflow == "ck":
        return Axes(True, k_g, k_g, c_g, 1, config.pe_cols, config.pe_rows, backward)
    places = 1 if dataflow == "pq" else config.pe_rows
    input_plane = backward and dataflow != "pq"
    if backward == (dataflow == "cn"):
        return Axes(True, loops.filters, k_g, c_g, loops.groups, places, 1, input_plane)
    return Axes(False, loops.channels, c_g, k_g, loops.groups, places, 1, input_plane)


@dataclass(frozen=True)
class OperandWords:
    """Words of one channel for a plane tile of p x q positions."""

    p: int
    q: int
    lane: int
    depth: int


@dataclass(frozen=True)
class PeTiling:
    """The chosen tile: L lanes x E depth channels, `words` of the operands, and weight_words, B, left for weights."""

    axes: Axes
    lanes: int
    depth: int
    words: OperandWords
    weight_words: int
    plane_rows: int
    plane_cols: int

    @property
    def tile_rows(self) -> int:
        """Plane tiles, one below the other."""
        return ceil_div(self.plane_rows, self.words.p)

    @property
    def tile_cols(self) -> int:
        """Plane tiles, side by side."""
        return ceil_div(self.plane_cols, self.words.q)

    @property
    def plane_tiles(self) -> int:
        """T."""
        return self.tile_rows * self.tile_cols


class Chooser:
    """The search for the tile of one pass of a layer."""

    def __init__(self, loops: Loops, config: ProcrustesConfig, phase: str) -> None:
        self.loops, self.config, self.phase = loops, config, phase
        self.axes = axes_of(loops, config, phase)
        rows, cols = loops.rows, loops.cols
        self.plane = (rows.inputs, cols.inputs) if self.axes.input_plane else (rows.outputs, cols.outputs)
        self.fill_percent = config.weight_fill_percent if config.sparse else 100

    def words(self, side: int) -> OperandWords:
        """Operand words of a plane tile of at most `side` x `side` positions."""
        limits = self.plane
        if self.config.dataflow == "pq":
            limits = (ceil_div(self.plane[0], self.config.pe_rows), ceil_div(self.plane[1], self.config.pe_cols))
        p, q = (min(side, limit) for limit in limits)
        rows, cols = self.loops.rows, self.loops.cols
        if self.axes.input_plane:
            x_words, y_words = p * q, rows.outputs_over(p) * cols.outputs_over(q)
        else:
            x_words, y_words = rows.inputs_under(p) * cols.inputs_under(q), p * q
        if self.axes.filters_in_lanes:
            return OperandWords(p, q, lane=y_words, depth=x_words)
        return OperandWords(p, q, lane=x_words, depth=y_words)

    def operand_words(self, lanes: int, depth: int, words: OperandWords) -> int:
        """Register file words that a tile's operands take."""
        return lanes * words.lane + self.axes.groups_touched(lanes) * depth * words.depth

    def fits(self, lanes: int, depth: int, words: OperandWords) -> bool:
        """Whether a tile's operands and its mean non-zeros fit the register file."""
        slices = self.loops.filters * self.loops.channels_per_group
        weights = max(1, ceil_div(lanes * depth * self.loops.kept * 100, slices * self.fill_percent))
        return self.operand_words(lanes, depth, words) + weights <= self.config.register_file_words

    def choose(self) -> PeTiling:
        """Raises UnsupportedLayerError when no weight fits beside the operands of the smallest tile."""
        axes = self.axes
        most_lanes, words = self._first_fit()
        blocks = ceil_div(axes.lanes, axes.lane_places * most_lanes)
        lanes = ceil_div(axes.lanes, axes.lane_places * blocks)
        e_max = min(self.config.tile_depth, ceil_div(axes.depth, axes.depth_places))
        deepest = max((e for e in range(1, e_max + 1) if self.fits(lanes, e, words)), default=1)
        blocks = ceil_div(axes.depth, axes.depth_places * deepest)
        depth = ceil_div(axes.depth, axes.depth_places * blocks)
        left = self.config.register_file_words - self.operand_words(lanes, depth, words)
        return PeTiling(axes, lanes, depth, words, left, *self.plane)

    def _first_fit(self) -> tuple[int, OperandWords]:
        """The most lanes, and for them the largest plane tile, that fit with one depth channel.

        Where none does, one lane and one position: its weights spill.
        """
        of_side = {t: self.words(t) for t in range(self.config.tile_plane, 0, -1)}
        for lanes in range(min(self.config.tile_lanes, ceil_div(self.axes.lanes, self.axes.lane_places)), 0, -1):
            for words in of_side.values():
                if self.fits(lanes, 1, words):
                    return lanes, words
        smallest = self.words(1)
        operands = self.operand_words(1, 1, smallest)
        if operands + 1 > self.config.register_file_words:
            raise UnsupportedLayerError(
                f"layer {self.loops.name!r}: one lane, one depth channel and one position of the {self.phase} "
                f"pass take {operands} words of operands and at least one for a weight, register_file_words is "
                f"{self.config.register_file_words}; raise register_file_words")
        return 1, smallest


def choose_tile(loops: Loops, config: ProcrustesConfig, phase: str) -> PeTiling:
    """The tile of a pass. Raises UnsupportedLayerError when none fits or the filter is too large."""
    if loops.taps > LARGEST_FILTER:
        raise UnsupportedLayerError(f"layer {loops.name!r}: a filter of {loops.rows.taps} x {loops.cols.taps} has more "
                                    f"than {LARGEST_FILTER:,} weights per channel; give a layer with smaller filters")
    return Chooser(loops, config, phase).choose()
