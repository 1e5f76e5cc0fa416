"""The array whose stationary values stay while vectors are streamed: weights (`ws`) or inputs (`is`).

Source: docs/machines/systolic.md, section Time of ws and is. In each cycle every PE computes from the registers of the
cycle before; then all registers change at once.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.systolic.reference.grid import (
    BETWEEN,
    DRAIN,
    FILL,
    LOAD,
    AxisSpan,
    MovingOperand,
    Waits,
    cut,
    entering,
    tile_height,
)
from accelsim.errors import ModelError
from accelsim.parts.ledger import Ledger


class ArrayShape(Protocol):
    """What the array knows of a design."""

    @property
    def rows(self) -> int: ...

    @property
    def cols(self) -> int: ...

    @property
    def double_buffer(self) -> bool: ...


class TileLedger(Protocol):
    """Who is told what the array does to its tiles; see `traffic.py`."""

    ledger: Ledger

    def begin_pass(self) -> None: ...

    def begin(self, held: range, passed: range, inputs: range) -> None: ...

    def write(self, tile: int) -> None: ...


@dataclass(frozen=True)
class StationaryTile:
    """A tile of stationary values: its inputs lie along the rows of the array, its outputs along the columns."""

    number: int
    inputs: AxisSpan
    outputs: AxisSpan


class Stationary:
    """stationary [input, output], streamed [vector, input], preset [vector, output]. Use it once: `run`, then read."""

    def __init__(self, stationary: np.ndarray, streamed: np.ndarray, preset: np.ndarray, config: ArrayShape,
                 policy: Policy, traffic: TileLedger) -> None:
        self.stationary, self.streamed, self.sums = stationary, streamed, preset.astype(np.int64)
        self.double, self.traffic = config.double_buffer, traffic
        inputs, outputs = stationary.shape
        self.rows, self.cols = tile_height(policy, inputs, config.rows), config.cols  # the whole width is passed
        tile_cols = tile_height(policy, outputs, config.cols)
        spans = [(i, o) for o in cut(outputs, tile_cols) for i in cut(inputs, self.rows)]
        self.tiles = [StationaryTile(number, i, o) for number, (i, o) in enumerate(spans)]
        self.idle_pes = config.rows * config.cols - self.rows * self.cols
        self.waits = Waits(self.rows, self.cols, LOAD)
        self.counts: Counter[str] = Counter()
        self.cycle = 0
        self.begins: list[int] = []  # cycle in which the load of each tile begun began
        self.outputs_done = 0  # rows of sums written to the accumulators
        grid = range(self.rows)
        self.held: list[list[int | None]] = [[None] * self.cols for _ in grid]  # None: the tile has none there
        self.shadow: list[list[tuple[int | None] | None]] = [[None] * self.cols for _ in grid]  # None: free
        self.moving: list[list[MovingOperand | None]] = [[None] * self.cols for _ in grid]
        self.sum_down: list[list[int | None]] = [[None] * self.cols for _ in grid]
        self.de_skew: list[list[int | None]] = [[None] * (self.cols - 1 - col) for col in range(self.cols)]

    def run(self) -> None:
        """Tick until the last sum is accumulated."""
        while self.outputs_done < len(self.tiles) * len(self.streamed):
            if len(self.begins) < len(self.tiles) and self._may_begin():
                self._begin(self.tiles[len(self.begins)])
                if not self.double:
                    self.waits.reset(LOAD)
            self._tick()
            self.traffic.ledger.tick()
            self.cycle += 1
        self.stalls = self.waits.stalls + Counter(unused=self.idle_pes * self.cycle)
        self.counts["outputs_written"] = self.sums.size

    def _begin(self, tile: StationaryTile) -> None:
        self.begins.append(self.cycle)
        if tile.inputs.first == 0:
            self.traffic.begin_pass()
        self.traffic.begin(tile.outputs.elements, range(len(self.streamed)), tile.inputs.elements)

    def _may_begin(self) -> bool:
        """Whether the next tile's load begins now, so that its first vector enters in the next cycle."""
        if not self.begins:
            return True
        if not self.double:
            return self.outputs_done == len(self.begins) * len(self.streamed)
        begun = self.begins[-1]
        bus_is_free = self.cycle >= begun + self.rows
        stream_has_entered = self.cycle >= begun + len(self.streamed)
        first_row_has_switched = self.cycle >= begun + self.cols  # its last PE does in this cycle
        return bus_is_free and stream_has_entered and first_row_has_switched

    def _tick(self) -> None:
        self._accumulate()
        moving: list[list[MovingOperand | None]] = [[None] * self.cols for _ in range(self.rows)]
        sum_down: list[list[int | None]] = [[None] * self.cols for _ in range(self.rows)]
        for row, col in np.ndindex(self.rows, self.cols):
            operand = self._fed(row) if col == 0 else self.moving[row][col - 1]
            if operand is None:
                self.waits.book_wait(row, col)
                continue
            above = 0 if row == 0 else self.sum_down[row - 1][col]
            if above is None:
                raise ModelError(f"cycle {self.cycle}: PE ({row}, {col}) has an operand, but no sum comes from above")
            moving[row][col], sum_down[row][col] = operand, above + self._multiply(row, col, operand)
            if operand.last:
                more = self.double and operand.tile + 1 < len(self.tiles)
                self.waits.why[row][col] = BETWEEN if more else DRAIN
        for col in range(self.cols):  # the bottom row's registers move on into the de-skewing ones
            self.de_skew[col] = [self.sum_down[-1][col], *self.de_skew[col]][:self.cols - 1 - col]
        self.moving, self.sum_down = moving, sum_down
        self._load()

    def _fed(self, row: int) -> MovingOperand | None:
        """What enters `row` in this cycle: one vector a cycle from the one after the load's begin, skewed by row."""
        found = entering(self.begins, self.cycle - 1 - row, len(self.streamed))
        if found is None:
            return None
        tile, vector = self.tiles[found[0]], found[1]
        number = None
        if row < tile.inputs.size:
            number = int(self.streamed[vector, tile.inputs.first + row])
            self.counts["streaming_reads"] += 1
        return MovingOperand(number, tile.number, vector, vector == len(self.streamed) - 1)

    def _multiply(self, row: int, col: int, operand: MovingOperand) -> int:
        """The product in a PE; a shadow value takes its place with the first vector of its tile."""
        if self.double and operand.index == 0:
            shadow = self.shadow[row][col]
            if shadow is None:
                raise ModelError(f"cycle {self.cycle}: PE ({row}, {col}) needs tile {operand.tile}, not loaded yet")
            (self.held[row][col],), self.shadow[row][col] = shadow, None
        held = self.held[row][col]
        self.waits.book_multiplication(row, col, (held, operand.number))
        if held is None or operand.number is None:
            return 0
        for name in ("dense_macs", "operand_moves", "psum_moves"):
            self.counts[name] += 1
        self.counts["macs"] += held != 0 and operand.number != 0
        return held * operand.number

    def _load(self) -> None:
        """The bus writes one row of the tile that is being loaded; it can be used in the next cycle."""
        if not self.begins:
            return
        tile, row = self.tiles[len(self.begins) - 1], self.cycle - self.begins[-1]
        if row >= self.rows:
            return
        for col in range(self.cols):
            real = row < tile.inputs.size and col < tile.outputs.size
            number = int(self.stationary[tile.inputs.first + row, tile.outputs.first + col]) if real else None
            self.counts["stationary_reads"] += real
            if self.double and self.shadow[row][col] is not None:
                raise ModelError(f"cycle {self.cycle}: the shadow of PE ({row}, {col}) is overwritten before its use")
            if self.double:
                self.shadow[row][col] = (number,)
            else:
                self.held[row][col] = number
            if self.waits.why[row][col] == LOAD:
                self.waits.why[row][col] = FILL

    def _accumulate(self) -> None:
        """A whole row of sums at once, from the last register of each column's chain."""
        row = [chain[-1] if chain else self.sum_down[-1][col] for col, chain in enumerate(self.de_skew)]
        if all(number is None for number in row):
            return
        number, vector = divmod(self.outputs_done, len(self.streamed))
        tile = self.tiles[number]
        for col, total in enumerate(row):
            if total is None:
                raise ModelError(f"cycle {self.cycle}: column {col} has no sum for vector {vector} of tile {number}")
            if col < tile.outputs.size:
                self.counts["accumulator_reads"] += tile.inputs.first > 0
                self.counts["accumulator_writes"] += 1
                self.sums[vector, tile.outputs.first + col] += total
                if tile.inputs.elements[-1] == len(self.stationary) - 1:
                    self.traffic.write(number)
        self.outputs_done += 1
