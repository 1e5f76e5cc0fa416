"""The work of each PE in a layer: what imbalance, heat maps and histograms of a result are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FORMAT = 1  # of `PeWork.to_dict`
MAX_PES = 1 << 16  # kept one by one in memory
MAX_CELLS = 1 << 10  # kept in a file
BINS = 32  # of a histogram

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class PeWork:
    """Slot-cycles at work of the PEs of a grid (rows, columns), in the machine's own order.

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

    def histogram(self) -> tuple[int, list[int]]:
        """(width, cells[bin]): bin i has the cells with work in i x width .. (i + 1) x width - 1."""
        width = int(self.cells.max()) // BINS + 1
        return width, np.bincount(self.cells.ravel() // width).tolist()

    def to_dict(self) -> dict[str, Any]:
        """What result files hold (docs/results.md): at most `MAX_CELLS` cells row by row, and the histogram of all."""
        width, counts = self.histogram()
        small = self.within(MAX_CELLS)
        return {
            "format": FORMAT, "stalls": list(self.stalls), "grid": list(self.grid), "total": self.total,
            "imbalance": self.imbalance, "block": list(small.block), "cells": small.cells.ravel().tolist(),
            "histogram": {"block": list(self.block), "width": width, "cells": counts},
        }


def added(works: Sequence[PeWork | None]) -> PeWork | None:
    """The work of several layers on one design; None unless every layer tells it, on one grid."""
    known = [work for work in works if work is not None]
    if not known or len(known) < len(works) or len({(work.grid, work.stalls) for work in known}) > 1:
        return None
    first = known[0]
    return PeWork(first.grid, first.stalls, first.block, np.sum([work.cells for work in known], axis=0))


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
