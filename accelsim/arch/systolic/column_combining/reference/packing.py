"""Weights of a product packed into groups. Rules 6 to 8 of docs/machines/column_combining.md."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.notes import refused
from accelsim.errors import ModelError


@dataclass(frozen=True)
class Cell:
    """weight 0: the group has none in this row. select: the place of the weight's column in its group."""

    weight: int
    select: int


@dataclass(frozen=True)
class PackedWeights:
    """cells [group][packed row]; groups: columns of each; rows: the filter of each packed row."""

    cells: list[list[Cell]]
    groups: list[list[int]]
    rows: list[int]
    lost: int
    rows_last_section: int

    @property
    def nonzeros_left(self) -> int:
        return sum(cell.weight != 0 for row in self.cells for cell in row)


def packed(name: str, matrix: np.ndarray, config: ColumnCombiningConfig, policy: Policy) -> PackedWeights:
    """The product's matrix [filter, column] as the array holds it."""
    groups = [[int(column) for column in group]
              for group in policy(matrix, config.alpha, config.gamma, config.section)]
    _check(matrix, groups, config.alpha)
    rows = [row for row in range(len(matrix)) if matrix[row].any()]
    cells, lost = [], 0
    for number, group in enumerate(groups):
        held = []
        for row in range(len(matrix)):
            present = [place for place, column in enumerate(group) if matrix[row, column] != 0]
            if len(present) > 1 and config.conflicts == "refuse":
                raise refused(name, number, group, row, len(present), config)
            lost += max(0, len(present) - 1)
            if row in rows:
                largest = max(present, key=lambda place: (abs(int(matrix[row, group[place]])), -place), default=0)
                held.append(Cell(int(matrix[row, group[largest]]), largest))
        cells.append(held)
    last = (matrix.shape[1] - 1) // config.section * config.section
    return PackedWeights(cells, groups, rows, lost, sum(bool(matrix[row, last:].any()) for row in range(len(matrix))))


def _check(matrix: np.ndarray, groups: list[list[int]], alpha: int) -> None:
    given = sorted(column for group in groups for column in group)
    wanted = [column for column in range(matrix.shape[1]) if matrix[:, column].any()]
    if given != wanted or any(not 1 <= len(group) <= alpha for group in groups):
        raise ModelError(f"the policy gave {len(groups)} groups of {len(given)} columns; wanted every one of the "
                         f"{len(wanted)} columns with a non-zero in just one group of 1 .. {alpha}")
