"""Who gets which part of the plane and which filters: the policy's tiles, temporal pieces, regions, owners, groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.shared.reference.convolution import PhasedAxis, PhasedConvolution
from accelsim.errors import ModelError, UnsupportedLayerError

Tiles = tuple[int, Sequence[int], Sequence[int]]  # parts, row cuts, column cuts
PlanePolicy = Callable[[np.ndarray, tuple[int, int], int, int, int], Tiles]


@dataclass(frozen=True)
class TilingRules:
    """What a layout asks of a design; see docs/machines/scnn.md, "Parameters"."""

    pe_rows: int
    pe_cols: int
    accumulator_entries: int
    kc_max: int
    tiling: str = "input_plane"
    kc_rule: str = "accumulators"

    @property
    def pes(self) -> int:
        return self.pe_rows * self.pe_cols

    def rim(self, conv: PhasedConvolution) -> tuple[int, int]:
        """Padding rows and columns that are divided among PEs as if they were input."""
        return (conv.rows.padding, conv.cols.padding) if self.tiling == "padded_plane" else (0, 0)


class PlaneSpan(NamedTuple):
    """A piece along one axis: its input positions, the outputs it touches, the outputs it owns (maybe others)."""

    inputs: range
    touched: range
    owned: list[int]


class Piece(NamedTuple):
    """What a PE holds of the plane during one temporal tile."""

    rows: PlaneSpan
    cols: PlaneSpan

    @property
    def empty(self) -> bool:
        return not self.rows.inputs or not self.cols.inputs

    def region(self) -> list[tuple[int, int]]:
        """The outputs (p, q) the piece may have partial sums of: its part of the plane and the output halo."""
        return [] if self.empty else list(product(self.rows.touched, self.cols.touched))

    def own(self) -> list[tuple[int, int]]:
        """The outputs (p, q) the piece is responsible for."""
        return [] if self.empty else list(product(self.rows.owned, self.cols.owned))


NOWHERE = Piece(PlaneSpan(range(0), range(0), []), PlaneSpan(range(0), range(0), []))


@dataclass(frozen=True)
class CutAxis:
    """One axis in tiles, each tile in temporal pieces."""

    step: int  # positions in the largest piece
    pieces: int  # temporal pieces of each tile
    spans: list[list[PlaneSpan]]  # [tile][piece]
    tile_of_output: list[int]  # the tile that owns each output position

    @property
    def tiles(self) -> int:
        return len(self.spans)

    @property
    def widest_touched(self) -> int:
        """Output positions that the piece with the most of them touches, at least 1."""
        return max(1, *(len(span.touched) for tile in self.spans for span in tile))


def cut_axis(axis: PhasedAxis, cuts: list[int], pieces: int) -> CutAxis:
    """The tiles between `cuts`, each in at most `pieces` pieces of one step's length."""
    largest = max(high - low for low, high in pairwise(cuts))
    step = -(-largest // pieces)
    pieces = -(-largest // step)
    spans = []
    for low, high in pairwise(cuts):
        bounds = [min(low + u * step, high) for u in range(pieces + 1)]
        spans.append([_span(axis, range(first, end)) for first, end in pairwise(bounds)])
    homes = [axis.home(output) for output in range(axis.outputs)]
    tile_of_output = [next(i for i, (low, high) in enumerate(pairwise(cuts)) if low <= home < high) for home in homes]
    return CutAxis(step, pieces, spans, tile_of_output)


def _span(axis: PhasedAxis, inputs: range) -> PlaneSpan:
    if not inputs:
        return PlaneSpan(inputs, range(0), [])
    return PlaneSpan(inputs, axis.touched(inputs), [p for p in range(axis.outputs) if axis.home(p) in inputs])


@dataclass(frozen=True)
class TilePlan:
    """How a layer is laid out. PE number = (part * tile rows + tile row) * tile columns + tile column."""

    parts: int
    rows: CutAxis
    cols: CutAxis
    kc: int
    filters: int
    rim: tuple[int, int]
    activations_resident: bool  # uncut tiles fit the IARAM
    activations_streamed: bool  # not even the final pieces do

    @property
    def pes(self) -> list[tuple[int, int, int]]:
        """(part, tile row, tile column) of each PE that has a tile (maybe an empty one)."""
        return list(product(range(self.parts), range(self.rows.tiles), range(self.cols.tiles)))

    @property
    def temporal_tiles(self) -> list[tuple[int, int]]:
        """(row piece, column piece) in the order of work."""
        return list(product(range(self.rows.pieces), range(self.cols.pieces)))

    @property
    def rounds(self) -> list[list[range | None]]:
        """For each round, the filters of each part; None where a part has no group."""
        groups: list[range | None] = [range(first, min(self.filters, first + self.kc))
                                      for first in range(0, self.filters, self.kc)]
        groups += [None] * (-len(groups) % self.parts)
        return [groups[first:first + self.parts] for first in range(0, len(groups), self.parts)]

    def piece(self, tile_row: int, tile_col: int, temporal_tile: tuple[int, int]) -> Piece:
        return Piece(self.rows.spans[tile_row][temporal_tile[0]], self.cols.spans[tile_col][temporal_tile[1]])

    def owner(self, part: int, p: int, q: int) -> int:
        """The PE that owns output (p, q) of a part's channels."""
        return (part * self.rows.tiles + self.rows.tile_of_output[p]) * self.cols.tiles + self.cols.tile_of_output[q]


def plan(conv: PhasedConvolution, rules: TilingRules, policy: PlanePolicy,
         fits: Callable[[CutAxis, CutAxis], bool]) -> TilePlan:
    """The policy's tiles, cut further until the layer fits.

    fits(rows, cols): whether the activations of every piece fit a PE's IARAM.
    Raises ModelError for cuts that do not cover the plane, UnsupportedLayerError when even single positions have more
    partial sums than the accumulators hold.
    """
    parts, row_cuts, col_cuts = _tiles(conv, rules, policy)
    resident, row_pieces, col_pieces = None, 1, 1
    while True:
        rows, cols = cut_axis(conv.rows, row_cuts, row_pieces), cut_axis(conv.cols, col_cuts, col_pieces)
        sums = _sums_per_filter(conv, rules, rows, cols)
        kc = min(rules.accumulator_entries // sums, -(-conv.filters // parts))
        fits_iaram = fits(rows, cols)
        if resident is None:
            resident = fits_iaram
        if (kc >= 1 and fits_iaram) or rows.step * cols.step == 1:
            break
        if rows.step >= cols.step:
            row_pieces = 2 * row_pieces
        else:
            col_pieces = 2 * col_pieces
    if kc < 1:
        raise UnsupportedLayerError(
            f"layer {conv.name!r}: with one input position to a PE a filter still takes {sums} accumulator entries, "
            f"accumulator_entries is {rules.accumulator_entries}; raise accumulator_entries")
    if rules.kc_max:
        kc = min(kc, rules.kc_max)
    return TilePlan(parts, rows, cols, kc, conv.filters, rules.rim(conv), resident, not fits_iaram)


def _tiles(conv: PhasedConvolution, rules: TilingRules, policy: PlanePolicy) -> tuple[int, list[int], list[int]]:
    if conv.rows.inputs == conv.cols.inputs == 1:
        parts, *both_cuts = _one_position(conv, rules)
    else:
        nonzeros = (conv.activation != 0).sum(axis=(0, 1), dtype=np.int64)
        parts, *both_cuts = policy(nonzeros, rules.rim(conv), rules.pe_rows, rules.pe_cols, conv.filters)
    row_cuts, col_cuts = ([int(cut) for cut in cuts] for cuts in both_cuts)
    covered = all(len(cuts) > 1 and cuts[0] == 0 and cuts[-1] == axis.inputs and cuts == sorted(cuts)
                  for cuts, axis in ((row_cuts, conv.rows), (col_cuts, conv.cols)))
    if not covered or not 1 <= parts * (len(row_cuts) - 1) * (len(col_cuts) - 1) <= rules.pes:
        raise ModelError(f"layer {conv.name!r}: the policy returned parts={parts!r:.20}, row cuts {row_cuts!r:.80}, "
                         f"column cuts {col_cuts!r:.80}; wanted ascending cuts from 0 to {conv.rows.inputs} and 0 to "
                         f"{conv.cols.inputs}, and no more tiles over all parts than PEs, {rules.pes}; correct the "
                         "policy")
    return int(parts), row_cuts, col_cuts


def _one_position(conv: PhasedConvolution, rules: TilingRules) -> Tiles:
    """One position cannot be divided among PEs, so that the filters are, whatever the policy."""
    parts = max(n for n in range(1, rules.pes + 1) if rules.pes % n == 0 and n <= conv.filters)
    rest = rules.pes // parts
    rows = max(n for n in range(1, rest + 1) if rest % n == 0 and n * n <= rest)
    row_cuts, col_cuts = ([min(max(i * -(-(1 + 2 * rim) // tiles) - rim, 0), 1) for i in range(tiles + 1)]
                          for tiles, rim in zip((rows, rest // rows), rules.rim(conv), strict=True))
    return parts, row_cuts, col_cuts


def _sums_per_filter(conv: PhasedConvolution, rules: TilingRules, rows: CutAxis, cols: CutAxis) -> int:
    """Accumulator entries that one filter takes in the PE with the largest region, or (DNNsim) output tile."""
    if rules.kc_rule == "accumulators":
        return rows.widest_touched * cols.widest_touched
    return (-(-conv.rows.outputs // (rows.tiles * rows.pieces))
            * -(-conv.cols.outputs // (cols.tiles * cols.pieces)))
