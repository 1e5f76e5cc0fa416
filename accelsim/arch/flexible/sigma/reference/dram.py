"""What one GEMM fetches from DRAM and writes back, fold by fold, as the machine comes to it.

Source: docs/machines/sigma.md, DRAM. All of it is our assumption; the paper gives no DRAM behaviour.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.arch.flexible.sigma.reference.controller import Controller, Fold
from accelsim.hw.memory.tiles import Tiles

VALUE_BITS, OUTPUT_BITS = 16, 32


@dataclass
class Moved:
    """One fold's time and traffic."""

    cycles: int = 0
    stationary_bits: int = 0
    streaming_bits: int = 0
    output_bits: int = 0


class Dram:
    """One GEMM's traffic. `begin` each fold, `tick` its cycles, then `finish`; `moved` has an entry for each fold."""

    def __init__(self, controller: Controller, data_sram_kbytes: float | None) -> None:
        self.controller = controller
        self.room_bits = float("inf") if data_sram_kbytes is None else data_sram_kbytes * 1024 * 8
        self.to_come = list(controller.tiles)  # K tiles of which nothing has been fetched
        self.moved: list[Moved] = []

    def begin(self, fold: Fold) -> None:
        """Fetch what the fold needs: its own values, and all that is not there up to and with its K tile."""
        self.moved.append(Moved())
        if fold.tile in self.to_come:
            while fold.tile in self.to_come:
                self._fetch_tile(self.to_come.pop(0))
        elif self._streaming_bits(fold.tile) > self.room_bits:
            self.moved[-1].streaming_bits += self._streaming_bits(fold.tile)
        self.moved[-1].stationary_bits += sum(VALUE_BITS for _ in fold.values)

    def tick(self) -> None:
        """A cycle passes, in which the fold begun last loads, streams or drains."""
        self.moved[-1].cycles += 1

    def finish(self) -> None:
        """The last fold, or a tile of no cycles where there is none, fetches what is left and writes the outputs."""
        if not self.moved:
            self.moved.append(Moved())
        while self.to_come:
            self._fetch_tile(self.to_come.pop(0))
        for row in self.controller.output_bits:
            for is_set in row:
                self.moved[-1].output_bits += 1 + OUTPUT_BITS * bool(is_set)

    def _fetch_tile(self, tile: range) -> None:
        """The streaming operand of a K tile, and the stationary one but for the values that its folds fetch."""
        stationary, kept = (bits[:, tile.start:tile.stop]
                            for bits in (self.controller.stationary_bits, self.controller.kept_bits))
        self.moved[-1].streaming_bits += self._streaming_bits(tile)
        self.moved[-1].stationary_bits += stationary.size + VALUE_BITS * int(np.count_nonzero(stationary & ~kept))

    def _streaming_bits(self, tile: range) -> int:
        """A K tile of the streaming operand: a bit for each place, and its non-zeros."""
        bits = self.controller.streaming_bits[:, tile.start:tile.stop]
        return bits.size + VALUE_BITS * int(np.count_nonzero(bits))


def tiles_of(moved: list[Moved], weights_stay: bool) -> Tiles:
    """The folds as tiles; weights_stay: the stationary operand is the weights, else the activations."""
    bits = [(fold.stationary_bits, fold.streaming_bits) for fold in moved]
    weights, activations = zip(*bits if weights_stay else (pair[::-1] for pair in bits), strict=True)
    return Tiles.of([fold.cycles for fold in moved], weights, activations, [fold.output_bits for fold in moved])


def tiles_of_layer(gemms: list[Tiles], config: Any) -> Tiles:
    """All GEMMs one after the other, without what is resident; None where memory takes no time."""
    return Tiles.joined(gemms)
