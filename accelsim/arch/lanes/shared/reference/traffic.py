"""What a product moves between DRAM and chip, a tile for each round. Rules: docs/machines/lanes.md, "DRAM"."""

from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.lanes.shared.reference.product import Done
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.hw.memory.tiles import MayStay, Tiles
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer

BITS_PER_KBYTE = 8192


@dataclass
class Traffic:
    """The tiles of a layer, product by product, and what its buffers must hold to keep all of it."""

    rules: Rules
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    weights: int = 0
    inputs: int = 0
    outputs: int = 0

    def add(self, done: Done) -> None:
        """The rounds of one product, which is the one that the rules are at."""
        config, positions = self.rules.config, len(self.rules.product.values)
        filters = len(self.rules.product.weights)
        inputs = self.rules.input_bits(stored_inputs(self.rules.layer, self.rules.number))
        sums = positions * filters * config.sum_bits
        once = fits(inputs, config.input_buffer_kbytes) or fits(sums, config.output_buffer_kbytes)
        self.inputs += inputs
        before, first = 0, 0
        for turn, outputs in enumerate(done.outputs):
            last = turn == len(done.outputs) - 1
            end = done.cycles if last else done.round_ends[turn]
            weights, written = self.rules.weight_bits(outputs, first), self.rules.output_bits(len(outputs))
            self.weights += weights
            self.outputs += written
            self.rows.append((end - before, weights * self._visits(weights, len(outputs), positions),
                              inputs if turn == 0 or not once else 0, written))
            before, first = done.round_ends[turn], first + len(outputs)

    def _visits(self, weights: int, outputs: int, positions: int) -> int:
        """How often the weights of a round are fetched: once for each block of positions if they are not held."""
        config = self.rules.config
        if fits(weights, config.weight_buffer_kbytes) or not config.output_buffer_kbytes:
            return 1
        block = max(1, int(config.output_buffer_kbytes * BITS_PER_KBYTE // (outputs * config.sum_bits)))
        return -(-positions // block)

    def tiles(self) -> Tiles:
        config = self.rules.config
        stay = MayStay(fits(self.weights, config.weight_buffer_kbytes), fits(self.inputs, config.input_buffer_kbytes),
                       fits(self.outputs, config.output_buffer_kbytes))
        return Tiles.of(*map(list, zip(*self.rows, strict=True)), may_stay=stay)


def fits(bits: int, kbytes: float) -> bool:
    """Does a buffer hold so much? One of 0 KiB holds everything."""
    return not kbytes or bits <= kbytes * BITS_PER_KBYTE


def stored_inputs(layer: Layer, product: int) -> np.ndarray:
    """[image, channel of the group, place] of a convolution; of a matrix product [vector, input, 1]."""
    if isinstance(layer, Conv2d):
        channels = layer.weight.shape[1]
        own = layer.activation[:, product * channels:(product + 1) * channels]
        return own.reshape(*own.shape[:2], -1)
    vectors: np.ndarray = layer.activation[product]
    return vectors[:, :, None]
