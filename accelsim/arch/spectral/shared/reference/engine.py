"""A layer on a spectral machine: group by group, block by block; a kind says how a block's time adds up."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import ClassVar

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.reference.array import Multipliers
from accelsim.arch.spectral.shared.reference.blocks import Block, Blocks
from accelsim.arch.spectral.shared.reference.planes import Group, planes_of
from accelsim.hw.memory.tiles import MayStay, Tiles
from accelsim.parts.ledger import Ledger
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.planar import from_images

COUNTS = ("complex_multiplies", "hadamard_cycles", "replica_reads", "index_rows_read", "values_read", "psum_updates",
          "fft_tiles", "replica_writes", "ifft_tiles", "overlap_adds", "input_loads", "kernel_loads", "runs")
PRODUCTS = ("busy", "zero_operand", "bubble", "idle_kernel", "idle_tile")


class SpectralReference(ABC):
    """One layer. `stalls` in slot-cycles; `ledger` has a line for each block."""

    waits: ClassVar[tuple[str, ...]]  # stalls of the kind beside those of the multipliers
    weights_stay: ClassVar[bool] = False

    def __init__(self, config: SpectralConfig, policy: Policy) -> None:
        self.policy = policy
        self.slots = config.parallel_tiles * config.parallel_kernels
        self.stalls = Counter(dict.fromkeys((*PRODUCTS, *self.waits), 0))
        self.counts = Counter(dict.fromkeys(COUNTS, 0))
        self.ledger = Ledger()

    @abstractmethod
    def work_through(self, block: Block, multipliers: Multipliers, blocks: Blocks) -> None:
        """All channels of a block, and its inverse transforms; ticks the ledger and writes on its line."""

    def begin_group(self) -> int:
        """Cycles on top of a group's first block."""
        return 0

    def wait(self, stall: str, cycles: int) -> None:
        """Nothing is multiplied."""
        for _ in range(cycles):
            self.stalls[stall] += self.slots
            self.ledger.tick()

    def run(self, layer: Layer, config: SpectralConfig) -> LayerRun:
        conv = planes_of(layer, config)
        outputs = []
        work = np.zeros((config.parallel_tiles, config.parallel_kernels), np.int64)
        for number in range(conv.groups):
            group = Group(conv, number, config)
            blocks = Blocks(group, config)
            multipliers = Multipliers(group, config, self.policy, self.stalls, self.counts)
            for place, block in enumerate(blocks):
                self.ledger.begin()
                if place == 0:
                    self.wait("fill", self.begin_group())
                self.work_through(block, multipliers, blocks)
                self.ledger.now.output_bits = block.tiles * block.kernels * blocks.tile_bits
            outputs.append(group.outputs())
            work += multipliers.work
        result = np.concatenate(outputs, axis=1) + conv.bias[:, None, None]
        mapping = {"kernel_block": blocks.kernel_groups * config.parallel_kernels,
                   "tile_block": blocks.tile_groups * config.parallel_tiles, "tiles": group.tiles,
                   "tile": list(group.tile), "blocks": len(self.ledger.lines)}
        lines = self.ledger.lines
        return LayerRun(sum(line.cycles for line in lines), self.slots, dict(self.stalls), dict(self.counts),
                        mapping=mapping, output=from_images(layer, result), tiles=Tiles.of(
                            [line.cycles for line in lines], [line.held_bits for line in lines],
                            [line.passed_bits for line in lines], [line.output_bits for line in lines],
                            may_stay=MayStay(self.weights_stay, inputs=False, outputs=False)),
                        work=PeWork.of(work, ("busy", "zero_operand")))
