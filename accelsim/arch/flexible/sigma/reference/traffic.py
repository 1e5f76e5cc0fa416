"""What one GEMM fetches from DRAM and writes back, fold by fold, as the machine comes to it.

Source: docs/machines/sigma.md, DRAM. All of it is our assumption; the paper gives no DRAM behaviour.
"""

import numpy as np

from accelsim.arch.flexible.sigma.reference.controller import Controller, Fold
from accelsim.parts.ledger import Ledger

VALUE_BITS, OUTPUT_BITS = 16, 32


class FoldTraffic:
    """One GEMM's traffic. `begin` each fold, then `finish`; the ledger has a line for each fold."""

    def __init__(self, controller: Controller, data_sram_kbytes: float | None) -> None:
        self.controller = controller
        self.room_bits = float("inf") if data_sram_kbytes is None else data_sram_kbytes * 1024 * 8
        self.to_come = list(controller.tiles)  # K tiles of which nothing has been fetched
        self.ledger = Ledger()

    def begin(self, fold: Fold) -> None:
        """Fetch what the fold needs: its own values, and all that is not there up to and with its K tile."""
        self.ledger.begin()
        if fold.tile in self.to_come:
            while fold.tile in self.to_come:
                self._fetch_tile(self.to_come.pop(0))
        elif self._streaming_bits(fold.tile) > self.room_bits:
            self.ledger.now.passed_bits += self._streaming_bits(fold.tile)
        self.ledger.now.held_bits += sum(VALUE_BITS for _ in fold.values)

    def finish(self) -> None:
        """The last fold, or a tile of no cycles where there is none, fetches what is left and writes the outputs."""
        if not self.ledger.lines:
            self.ledger.begin()
        while self.to_come:
            self._fetch_tile(self.to_come.pop(0))
        for row in self.controller.output_bits:
            for is_set in row:
                self.ledger.now.output_bits += 1 + OUTPUT_BITS * bool(is_set)

    def _fetch_tile(self, tile: range) -> None:
        """The streaming operand of a K tile, and the stationary one but for the values that its folds fetch."""
        stationary, kept = (bits[:, tile.start:tile.stop]
                            for bits in (self.controller.stationary_bits, self.controller.kept_bits))
        self.ledger.now.passed_bits += self._streaming_bits(tile)
        self.ledger.now.held_bits += stationary.size + VALUE_BITS * int(np.count_nonzero(stationary & ~kept))

    def _streaming_bits(self, tile: range) -> int:
        """A K tile of the streaming operand: a bit for each place, and its non-zeros."""
        bits = self.controller.streaming_bits[:, tile.start:tile.stop]
        return bits.size + VALUE_BITS * int(np.count_nonzero(bits))
