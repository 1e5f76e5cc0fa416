"""The grid of cells: a weight-stationary array whose rows carry a bundle of streams. Rules 9 to 11 of its page."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.reference.packing import PackedWeights
from accelsim.arch.systolic.column_combining.reference.traffic import PackedTraffic
from accelsim.arch.systolic.systolic.reference.grid import MovingOperand, entering
from accelsim.arch.systolic.systolic.reference.stationary import Stationary
from accelsim.errors import ModelError


@dataclass(frozen=True)
class Turn:
    """A cycle of a tile's stream. vector: None where there is none; done: the vector's product ends here."""

    vector: int | None
    done: bool


@dataclass(frozen=True)
class Bundle(MovingOperand):
    """The inputs of a group's columns for the vector whose turn it is. number: 0, or None as in `MovingOperand`."""

    turn: Turn
    inputs: tuple[int, ...]


def turns(vectors: int, config: ColumnCombiningConfig) -> list[Turn]:
    """What cells work on in each cycle of a stream."""
    if config.arithmetic == "word":
        return [Turn(vector, done=True) for vector in range(vectors)]
    found, streams = [], config.interleaved_streams
    for first in range(0, vectors, streams):
        for cycle in range(config.sum_bits):
            vector = first + cycle % streams
            found.append(Turn(vector if vector < vectors else None, done=cycle >= config.sum_bits - streams))
    return found


class PackedArray(Stationary):
    """vectors [vector, column], preset [vector, packed row]. Use it once: `run`, then read."""

    def __init__(self, weights: PackedWeights, vectors: np.ndarray, preset: np.ndarray, config: ColumnCombiningConfig,
                 traffic: PackedTraffic) -> None:
        self.turns = turns(len(vectors), config)
        places = np.zeros((len(weights.groups), len(weights.rows)), np.int64)  # only its shape counts
        super().__init__(places, np.zeros((len(self.turns), 1), np.int64), preset, config, min, traffic)
        self.weights, self.vectors = weights, vectors

    def _fed(self, row: int) -> Bundle | None:
        found = entering(self.begins, self.cycle - 1 - row, len(self.turns))
        if found is None:
            return None
        tile, turn, last = self.tiles[found[0]], self.turns[found[1]], found[1] == len(self.turns) - 1
        if row >= tile.inputs.size:
            return Bundle(None, tile.number, found[1], last, turn, ())
        group = self.weights.groups[tile.inputs.first + row]
        inputs = () if turn.vector is None else tuple(int(self.vectors[turn.vector, column]) for column in group)
        self.counts["streaming_reads"] += len(inputs) * turn.done
        return Bundle(0, tile.number, found[1], last, turn, inputs)

    def _multiply(self, row: int, col: int, operand: MovingOperand) -> int:
        assert isinstance(operand, Bundle)
        if self.double and operand.index == 0:
            shadow = self.shadow[row][col]
            if shadow is None:
                raise ModelError(f"cycle {self.cycle}: cell ({row}, {col}) needs tile {operand.tile}, not loaded yet")
            (self.held[row][col],), self.shadow[row][col] = shadow, None
        if self.held[row][col] is None or operand.number is None:
            self.waits.stalls["unused"] += 1
            return 0
        if operand.turn.vector is None:
            self.waits.stalls["empty_stream"] += 1
            return 0
        tile = self.tiles[operand.tile]
        cell = self.weights.cells[tile.inputs.first + row][tile.outputs.first + col]
        picked = operand.inputs[cell.select]
        self.waits.book_multiplication(row, col, (cell.weight, picked))
        if not operand.turn.done:
            return 0
        for name in ("dense_macs", "psum_moves"):
            self.counts[name] += 1
        self.counts["operand_moves"] += len(operand.inputs)
        self.counts["mx_selects"] += len(operand.inputs) > 1
        self.counts["macs"] += cell.weight != 0 and picked != 0
        return cell.weight * picked

    def _accumulate(self) -> None:
        row = [chain[-1] if chain else self.sum_down[-1][col] for col, chain in enumerate(self.de_skew)]
        if all(number is None for number in row):
            return
        number, cycle = divmod(self.outputs_done, len(self.turns))
        tile, turn = self.tiles[number], self.turns[cycle]
        self.outputs_done += 1
        if turn.vector is None or not turn.done:
            return
        for col, total in enumerate(row[:tile.outputs.size]):
            if total is None:
                raise ModelError(f"cycle {self.cycle}: column {col} has no sum for vector {turn.vector}")
            self.counts["accumulator_reads"] += tile.inputs.first > 0
            self.counts["accumulator_writes"] += 1
            self.sums[turn.vector, tile.outputs.first + col] += total
            if tile.inputs.elements[-1] == len(self.weights.groups) - 1:
                self.traffic.write(number)
