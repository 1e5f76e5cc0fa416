"""The work of each PE in a layer, in memory and in files: for the imbalance, heat maps and histograms of a result."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from accelsim.result.format import Amount, Count, FileRecord, Side

MAX_PES = 1 << 16  # kept one by one in memory
MAX_CELLS = 1 << 10  # kept in a file
BINS = 32  # of a histogram

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class PeWork:
    """The work of each PE of a grid (rows, columns), in slot-cycles, in the machine's own order.

    stalls: names of the run's slot-cycles that are divided among the PEs. cells int64 [cell row, cell column]: work of
    `block` (rows, columns) PEs each, fewer at the lower and right edge; a block is one PE up to `MAX_PES` of them.
    """

    grid: Grid
    stalls: tuple[str, ...]
    block: Grid
    cells: np.ndarray

    @classmethod
    def of(cls, work: np.ndarray, stalls: tuple[str, ...] = ("busy",)) -> "PeWork":
        """From work int64 [row, column] of each PE."""
        rows, cols = work.shape
        return cls((rows, cols), stalls, (1, 1), work).within(MAX_PES)

    @classmethod
    def of_products(cls, terms: Sequence[tuple[np.ndarray, np.ndarray]], stalls: tuple[str, ...]) -> "PeWork":
        """From the sum of outer products (rows [row], columns [column]), never as one array of many PEs."""
        grid = (len(terms[0][0]), len(terms[0][1]))
        block = _block(grid, MAX_PES)
        cells = sum(np.outer(_blocks_of(rows, block[0]), _blocks_of(cols, block[1])) for rows, cols in terms)
        return cls(grid, stalls, block, np.asarray(cells, np.int64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PeWork) or (self.grid, self.stalls) != (other.grid, other.stalls):
            return False
        return np.array_equal(self.cells, other.cells)

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        """Slot-cycles of all PEs."""
        return int(self.cells.sum())

    @property
    def imbalance(self) -> float:
        """Most over mean work of a PE (of a block, a PE's share): 1 is perfect; 1 also where there is no work."""
        total = self.total
        if not total:
            return 1.0
        most = int(self.cells.max()) if self.block == (1, 1) else float((self.cells / self._pes_of_cells).max())
        return most * self.grid[0] * self.grid[1] / total

    @property
    def _pes_of_cells(self) -> np.ndarray:
        sides = [_blocks_of(np.ones(size, np.int64), block) for size, block in zip(self.grid, self.block, strict=True)]
        return np.outer(*sides)

    def within(self, cells: int) -> "PeWork":
        """The same in at most `cells` cells: neighbours are added up, a block's sides doubling."""
        block = _block(self.cells.shape, cells)
        if block == (1, 1):
            return self
        merged = _merged(_merged(self.cells, block[0], 0), block[1], 1)
        return PeWork(self.grid, self.stalls, (self.block[0] * block[0], self.block[1] * block[1]), merged)

    @property
    def record(self) -> "WorkRecord":
        """What result files hold of it."""
        small = self.within(MAX_CELLS)
        return WorkRecord(
            stalls=list(self.stalls), grid=list(self.grid), total=self.total, imbalance=self.imbalance,
            block=list(small.block), cells=small.cells.ravel().tolist(),
            histogram=Histogram.of_cells(self.cells, self.block))

    def to_dict(self) -> dict[str, Any]:
        """The record as plain numbers, strings and lists."""
        return self.record.to_dict()


def added(works: Sequence[PeWork | None]) -> PeWork | None:
    """The work of several layers on one design; None unless every layer reports it, on one grid."""
    known = [work for work in works if work is not None]
    if not known or len(known) < len(works) or len({(work.grid, work.stalls) for work in known}) > 1:
        return None
    first = known[0]
    return PeWork(first.grid, first.stalls, first.block, np.sum([work.cells for work in known], axis=0))


_Sides = Annotated[list[Side], Field(min_length=2, max_length=2)]
_Cells = Annotated[list[Count], Field(min_length=1, max_length=1 << 20)]


class Histogram(FileRecord):
    """Bin i counts the blocks of PEs with i x width .. (i + 1) x width - 1 slot-cycles of work."""

    block: _Sides
    width: Side
    cells: _Cells

    @classmethod
    def of_cells(cls, cells: np.ndarray, block: Sequence[int]) -> Self:
        """At most `BINS` bins of the work in `cells`, of `block` PEs each."""
        width = int(cells.max()) // BINS + 1
        return cls(block=list(block), width=width, cells=np.bincount(cells.ravel() // width).tolist())


class WorkRecord(FileRecord):
    """The work of the PEs in result files (docs/results.md): that of each block of PEs row by row, and the histogram.

    A file has at most `MAX_CELLS` cells; the histogram is of the cells that were in memory.
    """

    format: Literal[1] = 1
    stalls: Annotated[list[str], Field(min_length=1)]
    grid: _Sides
    total: Count
    imbalance: Amount
    block: _Sides
    cells: _Cells
    histogram: Histogram

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        rows, cols = (math.ceil(size / block) for size, block in zip(self.grid, self.block, strict=True))
        return rows, cols

    def with_cells(self, cells: np.ndarray) -> Self:
        """The same PEs with other work."""
        histogram = Histogram.of_cells(cells, self.block)
        return self.model_copy(update={"cells": cells.tolist(), "total": int(cells.sum()), "histogram": histogram})

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rows, cols = self.blocks
        if len(self.cells) != rows * cols:
            raise ValueError(f"{len(self.cells)} cells, wanted {rows} x {cols} for grid and block")
        return self


def _block(shape: Sequence[int], most: int) -> Grid:
    """Sides of blocks that leave at most `most` of them: the side with more blocks is doubled first."""
    block = [1, 1]
    blocks = list(shape)
    while blocks[0] * blocks[1] > most:
        side = 0 if blocks[0] >= blocks[1] else 1
        block[side] *= 2
        blocks[side] = -(-shape[side] // block[side])
    return block[0], block[1]


def _blocks_of(values: np.ndarray, size: int) -> np.ndarray:
    """Sums over runs of `size` of `values` [n]."""
    return _merged(values, size, 0)


def _merged(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    if size == 1:
        return values
    sums: np.ndarray = np.add.reduceat(values, np.arange(0, values.shape[axis], size), axis=axis)
    return sums
