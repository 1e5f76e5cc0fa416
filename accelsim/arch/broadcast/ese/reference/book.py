"""What the reference of ESE adds up: cycles, slot-cycles and counts of groups, and the tiles of their products."""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.broadcast.ese.reference.voices import VoicesRun
from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix
from accelsim.arch.machine import LayerRun
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork

STALLS = ("busy", "zero_input", "padding", "empty_column", "starved", "back_pressure", "barrier", "drain",
          "element_wise", "exposed", "prologue", "idle_channel")
COUNTS = ("macs", "zero_multiplies", "padding_entries", "broadcasts", "queue_writes", "pointer_reads",
          "spmat_row_reads", "element_steps", "pe_cycles")


class Book:
    """The sums over a layer so far."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.cycles = self.products = self.voices = self.peak_entries = 0
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.work = np.zeros((1, config.pes), np.int64)
        self.tiles: list[list[int]] = []  # compute cycles, bits of weights, of activations, of outputs

    def wait(self, name: str, cycles: int, voices: int) -> None:
        """A stretch in which channels with a voice do nothing but wait."""
        pes, channels = self.config.pes, self.config.channels
        self.cycles += cycles
        self.stalls[name] += cycles * pes * voices
        self.stalls["idle_channel"] += cycles * pes * (channels - voices)

    def product(self, machine: VoicesRun, encoded: EncodedMatrix) -> None:
        """A product that has been run."""
        self.stalls += machine.stalls()
        self.stalls["idle_channel"] += machine.cycles * self.config.pes * (self.config.channels - machine.voices)
        self.counts += machine.counts()
        self.work += machine.work()
        self.cycles += machine.cycles
        self.products += 1
        self.voices = max(self.voices, machine.voices)
        self.peak_entries = max(self.peak_entries, fullest_pe(encoded))

    def tile(self, since: int, encoded: EncodedMatrix, activation_bits: int, output_bits: int) -> None:
        """The product just run, with all that happened from cycle `since` on."""
        entry_bits = self.config.weight_bits + self.config.index_bits
        weights = sum(fullest_pe(encoded) * entry_bits + len(memory.pointers) * 16 for memory in encoded.memories)
        self.tiles.append([self.cycles - since, weights, activation_bits, output_bits])

    def closed(self, output: np.ndarray) -> LayerRun:
        slots = self.config.pes * self.config.channels
        self.counts["pe_cycles"] = slots * self.cycles
        return LayerRun(self.cycles, slots, {name: self.stalls[name] for name in STALLS},
                        {name: self.counts[name] for name in COUNTS}, output=output,
                        mapping={"products": self.products, "voices": self.voices,
                                 "peak_entries_per_pe": self.peak_entries},
                        tiles=Tiles.of(*map(list, zip(*self.tiles, strict=True))), work=PeWork.of(self.work))


def fullest_pe(encoded: EncodedMatrix) -> int:
    """The stored entries of the PE that has most: all are filled up to it."""
    return max(len(memory.entries) for memory in encoded.memories)
