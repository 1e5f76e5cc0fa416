"""What one product fetches from DRAM and writes back, tile by tile, as the array comes to it.

Source: docs/machines/systolic.md, DRAM. All of it is our assumption.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from accelsim.parts.ledger import Ledger
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer

OPERAND_BITS, OUTPUT_BITS = 16, 32


class StoredOperand(Protocol):
    """How an operand of a product lies in DRAM. A lane is a row of the weights, or a vector of the inputs."""

    @property
    def words(self) -> int:
        """All of it."""

    def brings(self, lane: int, k: int) -> int:
        """Words that travel when element `k` of `lane` is fetched."""


@dataclass(frozen=True)
class DenseSource:
    """Each element is a word of its own."""

    lanes: int
    inputs: int

    @property
    def words(self) -> int:
        return self.lanes * self.inputs

    def brings(self, lane: int, k: int) -> int:
        return 1


@dataclass(frozen=True)
class PlaneSource:
    """The inputs of a convolution group: their first element brings whole planes, and the others are then there.

    by_image: the first element of each image brings all its planes; else the first one of each channel, of the first
    vector, brings the planes of all images.
    """

    images: int
    channels: int
    plane_words: int
    vectors_per_image: int
    taps: int
    by_image: bool

    @property
    def words(self) -> int:
        return self.images * self.channels * self.plane_words

    def brings(self, lane: int, k: int) -> int:
        if self.by_image:
            return self.channels * self.plane_words if k == 0 and lane % self.vectors_per_image == 0 else 0
        return self.images * self.plane_words if lane == 0 and k % self.taps == 0 else 0


def inputs_of(layer: Layer, vectors: np.ndarray, dataflow: str) -> StoredOperand:
    """How the inputs of a product of `layer`, which are `vectors` [vector, k] in the array, lie in DRAM."""
    count, inputs = vectors.shape
    if not isinstance(layer, Conv2d):
        return DenseSource(count, inputs)
    images, _, height, width = layer.activation.shape
    channels = layer.weight.shape[1]
    return PlaneSource(images, channels, height * width, count // images, inputs // channels, by_image=dataflow == "os")


class TileTraffic:
    """One product's traffic: the ledger has a line for each tile begun.

    held: the operand that stays with a pass, and is fetched once (`ws`: weights, `is`: inputs, `os`: weights). passed:
    the other one, all of which every pass needs (`ws`, `is`: a pass is an output tile; `os`: a row of tiles).
    """

    def __init__(self, held: StoredOperand, passed: StoredOperand, data_sram_kbytes: float | None,
                 operand_bits: int = OPERAND_BITS, output_bits: int = OUTPUT_BITS) -> None:
        self.held, self.passed = held, passed
        self.operand_bits, self.output_bits = operand_bits, output_bits
        room_bits = float("inf") if data_sram_kbytes is None else data_sram_kbytes * 1024 * 8
        self.passed_stays = passed.words * operand_bits <= room_bits
        self.there: dict[str, set[tuple[int, int]]] = {"held": set(), "passed": set()}  # (lane, k)
        self.ledger = Ledger()

    def begin_pass(self) -> None:
        """What the buffer cannot hold of the passed operand has to come again."""
        if not self.passed_stays:
            self.there["passed"].clear()

    def begin(self, held: range, passed: range, inputs: range) -> None:
        """A tile begins, which multiplies `inputs` of these lanes: what is not there is fetched."""
        line = self.ledger.begin()
        line.held_bits, line.passed_bits = self._fetch("held", held, inputs), self._fetch("passed", passed, inputs)

    def _fetch(self, name: str, lanes: range, inputs: range) -> int:
        operand = self.held if name == "held" else self.passed
        missing = [(lane, k) for lane in lanes for k in inputs if (lane, k) not in self.there[name]]
        self.there[name].update(missing)
        return sum(operand.brings(lane, k) for lane, k in missing) * self.operand_bits

    def write(self, tile: int) -> None:
        """An output of the tile of this number leaves."""
        self.ledger.lines[tile].output_bits += self.output_bits
