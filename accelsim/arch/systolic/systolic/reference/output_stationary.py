"""The array whose outputs stay while both operands are streamed (`os`).

Source: docs/machines/systolic.md, section Time of os. In each cycle every PE computes from the registers of the cycle
before; then all registers change at once.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.systolic.config import SystolicConfig
from accelsim.arch.systolic.systolic.reference.grid import (
    BETWEEN,
    DRAIN,
    FILL,
    AxisSpan,
    MovingOperand,
    Waits,
    cut,
    entering,
    tile_height,
)
from accelsim.arch.systolic.systolic.reference.traffic import TileTraffic
from accelsim.errors import ModelError


@dataclass(frozen=True)
class OutputTile:
    """A tile of outputs: matrix rows along the rows of the array, vectors along its columns."""

    number: int
    outs: AxisSpan
    vectors: AxisSpan


@dataclass(frozen=True)
class FinishedOutput:
    """An output on its way down. number: None where the tile has no such output."""

    tile: int
    out: int
    vector: int
    number: int | None


class OutputStationary:
    """matrix [out, input], vectors [vector, input], preset [vector, out]. Use it once: `run`, then read."""

    def __init__(self, matrix: np.ndarray, vectors: np.ndarray, preset: np.ndarray, config: SystolicConfig,
                 policy: Policy, traffic: TileTraffic) -> None:
        self.matrix, self.vectors, self.preset = matrix, vectors, preset.astype(np.int64)
        self.sums = np.zeros_like(self.preset)
        self.double, self.traffic = config.double_buffer, traffic
        self.inputs = matrix.shape[1]
        self.rows = tile_height(policy, len(matrix), config.rows)
        self.cols = tile_height(policy, len(vectors), config.cols)
        spans = [(o, v) for o in cut(len(matrix), self.rows) for v in cut(len(vectors), self.cols)]
        self.tiles = [OutputTile(number, o, v) for number, (o, v) in enumerate(spans)]
        self.out_spans = [tile.outs for tile in self.tiles]
        self.vector_spans = [tile.vectors for tile in self.tiles]
        self.idle_pes = config.rows * config.cols - self.rows * self.cols
        self.waits = Waits(self.rows, self.cols, FILL)
        self.counts: Counter[str] = Counter()
        self.cycle = 0
        self.begins: list[int] = []  # cycle of the first multiplication of each tile begun
        self.left = 0  # outputs, real or not, that have left the array
        grid = range(self.rows)
        self.right: list[list[MovingOperand | None]] = [[None] * self.cols for _ in grid]  # matrix elements
        self.down: list[list[MovingOperand | None]] = [[None] * self.cols for _ in grid]  # vector elements
        self.partial = [[0] * self.cols for _ in grid]
        self.finished: list[list[FinishedOutput | None]] = [[None] * self.cols for _ in grid]
        self.shifts_left = [0] * self.cols  # of each column that is shifting its outputs down

    def run(self) -> None:
        """Tick until the last output has left."""
        while self.left < len(self.tiles) * self.rows * self.cols:
            if len(self.begins) < len(self.tiles) and self._may_begin():
                self._begin(self.tiles[len(self.begins)])
                if not self.double:
                    self.waits.reset(FILL)
            self._tick()
            self.traffic.ledger.tick()
            self.cycle += 1
        self.stalls = self.waits.stalls + Counter(unused=self.idle_pes * self.cycle)

    def _begin(self, tile: OutputTile) -> None:
        self.begins.append(self.cycle)
        if tile.vectors.first == 0:
            self.traffic.begin_pass()
        self.traffic.begin(tile.outs.elements, tile.vectors.elements, range(self.inputs))

    def _may_begin(self) -> bool:
        """Whether the next tile's first operands enter now."""
        if not self.begins:
            return True
        if not self.double:
            return self.left == len(self.begins) * self.rows * self.cols
        stream_has_entered = self.cycle >= self.begins[-1] + self.inputs
        columns_are_shifted_in_time = self.cycle >= self.begins[-1] + self.rows
        return stream_has_entered and columns_are_shifted_in_time

    def _tick(self) -> None:
        self._shift()
        right: list[list[MovingOperand | None]] = [[None] * self.cols for _ in range(self.rows)]
        down: list[list[MovingOperand | None]] = [[None] * self.cols for _ in range(self.rows)]
        for row, col in np.ndindex(self.rows, self.cols):
            weight = self._fed(self.matrix, self.out_spans, row) if col == 0 else self.right[row][col - 1]
            activation = self._fed(self.vectors, self.vector_spans, col) if row == 0 else self.down[row - 1][col]
            if weight is None and activation is None:
                self.waits.book_wait(row, col)
                continue
            if weight is None or activation is None or weight.index != activation.index:
                raise ModelError(f"cycle {self.cycle}: PE ({row}, {col}) gets {weight} and {activation}, no pair")
            right[row][col], down[row][col] = weight, activation
            self._multiply(row, col, weight, activation)
        self.right, self.down = right, down
        self._begin_shifts()

    def _fed(self, operands: np.ndarray, spans: list[AxisSpan], lane: int) -> MovingOperand | None:
        """What enters the row or column `lane` in this cycle, skewed by lane; `spans`: the tiles on that axis."""
        found = entering(self.begins, self.cycle - lane, self.inputs)
        if found is None:
            return None
        tile, k = found
        number = None
        if lane < spans[tile].size:
            number = int(operands[spans[tile].first + lane, k])
            self.counts["streaming_reads"] += 1
        return MovingOperand(number, tile, k, k == self.inputs - 1)

    def _multiply(self, row: int, col: int, weight: MovingOperand, activation: MovingOperand) -> None:
        tile = self.tiles[weight.tile]
        out, vector = tile.outs.first + row, tile.vectors.first + col
        real = weight.number is not None and activation.number is not None
        if weight.index == 0:
            self.partial[row][col] = int(self.preset[vector, out]) if real else 0
        self.waits.book_multiplication(row, col, (weight.number, activation.number))
        if weight.number is not None and activation.number is not None:
            self.partial[row][col] += weight.number * activation.number
            self.counts["dense_macs"] += 1
            self.counts["operand_moves"] += 2
            self.counts["psum_moves"] += 1
            self.counts["macs"] += weight.number != 0 and activation.number != 0
        if not weight.last:
            return
        if self.finished[row][col] is not None:
            raise ModelError(f"cycle {self.cycle}: PE ({row}, {col}) overwrites a finished output on its way out")
        self.finished[row][col] = FinishedOutput(tile.number, out, vector, self.partial[row][col] if real else None)
        more = self.double and tile.number + 1 < len(self.tiles)
        self.waits.why[row][col] = BETWEEN if more else DRAIN

    def _begin_shifts(self) -> None:
        """From the next cycle on outputs move down: a column at a time, or all when all have finished."""
        waiting = [col for col in range(self.cols) if not self.shifts_left[col] and self._column_has_finished(col)]
        if self.double or len(waiting) == self.cols:
            for col in waiting:
                self.shifts_left[col] = self.rows

    def _column_has_finished(self, col: int) -> bool:
        return all(row[col] is not None for row in self.finished)

    def _shift(self) -> None:
        """One step down in the columns that shift; the bottom output leaves the array.

        What is above the outputs that leave stays: it belongs to the next tile.
        """
        for col in range(self.cols):
            if not self.shifts_left[col]:
                continue
            leaving_rows = self.finished[self.rows - self.shifts_left[col]:]
            column = [row[col] for row in leaving_rows]
            self.counts["psum_moves"] += sum(one is not None and one.number is not None for one in column)
            leaving = column[-1]
            if leaving is not None and leaving.number is not None:
                self.sums[leaving.vector, leaving.out] = leaving.number
                self.counts["outputs_written"] += 1
                self.traffic.write(leaving.tile)
            for row, one in zip(leaving_rows, [None, *column[:-1]], strict=True):
                row[col] = one
            self.shifts_left[col] -= 1
            self.left += 1
