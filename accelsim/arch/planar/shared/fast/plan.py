"""How a layer is laid out on a planar machine: planes to PEs, temporal tiles, output-channel groups."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.planar.shared.assignment import Assignment
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.planes import AxisPieces, cut_axis
from accelsim.arch.planar.shared.notes import layout_notes
from accelsim.arch.planar.shared.policies import output_channels_first
from accelsim.errors import ConfigError, UnsupportedLayerError

Fits = Callable[[AxisPieces, AxisPieces], bool]


@dataclass(frozen=True)
class GroupRule:
    """What bounds Kc, the output channels of a group: the keys of the configuration with these names."""

    accumulator_entries: int
    kc_max: int
    kc_rule: str = "accumulators"


@dataclass(frozen=True, eq=False)
class PlanarPlan:
    """The layout of one layer.

    resident: the activations stay in the PEs' RAM without temporal tiles; streamed: single positions are too large.
    """

    assignment: Assignment
    rows: AxisPieces
    cols: AxisPieces
    kc: int
    filters: int
    resident: bool
    streamed: bool

    @property
    def temporal_tiles(self) -> int:
        """Temporal tiles of one image."""
        return self.rows.splits * self.cols.splits

    @property
    def rounds(self) -> int:
        """Rounds of one image and temporal tile: each part does one output-channel group in each."""
        return -(-self.groups // self.assignment.parts)

    @property
    def groups(self) -> int:
        """Output-channel groups of the layer."""
        return -(-self.filters // self.kc)

    def per_piece(self, by_row: np.ndarray, by_col: np.ndarray) -> np.ndarray:
        """The product of a row figure and a column figure [tile, piece] as [temporal tile, tile]."""
        grid = np.einsum("iu,jv->uvij", by_row, by_col)
        return grid.reshape(self.temporal_tiles, -1)

    @property
    def positions(self) -> np.ndarray:
        """Input positions [temporal tile, tile]."""
        return self.per_piece(self.rows.size, self.cols.size)

    @property
    def own(self) -> np.ndarray:
        """Outputs of one channel that belong to each piece [temporal tile, tile]."""
        return self.per_piece(self.rows.own, self.cols.own)

    @property
    def sent(self) -> np.ndarray:
        """Partial sums of one channel that each piece computes for others [temporal tile, tile]."""
        inside = self.per_piece(self.rows.own_inside, self.cols.own_inside)
        return self.per_piece(self.rows.extent, self.cols.extent) - inside

    @property
    def channels_of(self) -> np.ndarray:
        """Output channels [round, part] of each part's group, 0 where a part has none."""
        parts = self.assignment.parts
        first = np.arange(self.rounds * parts).reshape(self.rounds, parts) * self.kc
        return np.clip(self.filters - first, 0, self.kc)

    def notes(self) -> tuple[str, ...]:
        """What the user should know when the layer does not fit the PEs' memories."""
        return layout_notes(self.temporal_tiles, self.streamed)

    def mapping(self) -> dict[str, object]:
        """What results report of the layout."""
        return {"kc": self.kc, "rounds": self.rounds, "parts": self.assignment.parts,
                "grid": list(self.assignment.grid), "temporal_tiles": [self.rows.splits, self.cols.splits]}


def assign(conv: PatternConvolution, policy: Policy, rim: tuple[int, int], mesh: tuple[int, int]) -> Assignment:
    """The policy's assignment, checked. A plane of one position cannot be divided: its output channels are."""
    size = (conv.rows.size, conv.cols.size)
    chosen = output_channels_first if size == (1, 1) else policy
    parts, row_cuts, col_cuts = chosen(conv.plane_nonzeros, rim, *mesh, conv.filters)
    assignment = Assignment(int(parts), tuple(map(int, row_cuts)), tuple(map(int, col_cuts)))
    for cuts, extent in ((assignment.row_cuts, size[0]), (assignment.col_cuts, size[1])):
        if cuts[0] != 0 or cuts[-1] != extent or list(cuts) != sorted(cuts):
            raise ConfigError(f"layer {conv.name!r}: the policy cut {extent} positions at {list(cuts)}; "
                              f"wanted ascending cuts from 0 to {extent}")
    if assignment.parts < 1 or assignment.pes > mesh[0] * mesh[1]:
        raise ConfigError(f"layer {conv.name!r}: the policy wants {assignment.parts} parts of {assignment.grid} tiles, "
                          f"the machine has {mesh[0] * mesh[1]} PEs")
    return assignment


def make_plan(conv: PatternConvolution, assignment: Assignment, rule: GroupRule, fits: Fits) -> PlanarPlan:
    """Temporal tiles are halved along their longer side until accumulators and activation RAM hold a piece.

    Raises UnsupportedLayerError when one position's outputs do not fit the accumulators.
    """
    requested = [1, 1]
    resident = None
    while True:
        rows = cut_axis(conv.rows, assignment.row_cuts, requested[0])
        cols = cut_axis(conv.cols, assignment.col_cuts, requested[1])
        kc, holds = _kc(conv, assignment, rule, rows, cols), fits(rows, cols)
        resident = holds if resident is None else resident
        if (kc >= 1 and holds) or rows.step == cols.step == 1:
            break
        requested[0 if rows.step >= cols.step else 1] *= 2
    if kc < 1:
        raise UnsupportedLayerError(
            f"layer {conv.name!r}: one position's products reach {rows.extent.max()} x {cols.extent.max()} outputs, "
            f"more than accumulator_entries = {rule.accumulator_entries}; raise accumulator_entries")
    return PlanarPlan(assignment, rows, cols, kc, conv.filters, resident, not holds)


def _kc(conv: PatternConvolution, assignment: Assignment, rule: GroupRule, rows: AxisPieces, cols: AxisPieces) -> int:
    if rule.kc_rule == "accumulators":
        outputs = max(1, int(rows.extent.max())) * max(1, int(cols.extent.max()))
    else:
        grid = assignment.grid
        outputs = -(-conv.rows.out // (grid[0] * rows.splits)) * -(-conv.cols.out // (grid[1] * cols.splits))
    kc = min(rule.accumulator_entries // outputs, -(-conv.filters // assignment.parts))
    return min(kc, rule.kc_max) if rule.kc_max else kc
