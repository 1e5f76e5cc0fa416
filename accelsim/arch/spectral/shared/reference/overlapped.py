"""Machines whose transforms overlap with the multipliers and meet them at the end of a block.

Source: docs/machines/spectral_cnn.md, "Time". Tick by tick the multipliers, the transform units and the inverse ones
have each their own work left; a cycle without the multipliers waits for the engine that ends the block.
"""

from accelsim.arch.machine import Policy
from accelsim.arch.spectral.shared.reference.array import Multipliers
from accelsim.arch.spectral.shared.reference.blocks import Block, Blocks
from accelsim.arch.spectral.shared.reference.engine import SpectralReference
from accelsim.arch.spectral.spec2.config import Spec2Config
from accelsim.arch.spectral.spectral_cnn.config import SpectralCnnConfig


class Overlapped(SpectralReference):
    """Spectral CNN; SPEC2 with its own ports and blocks."""

    waits = ("fft", "ifft", "fill")

    def __init__(self, config: SpectralCnnConfig | Spec2Config, policy: Policy) -> None:
        super().__init__(config, policy)
        self.config = config

    def begin_group(self) -> int:
        return self.config.fill_cycles

    def work_through(self, block: Block, multipliers: Multipliers, blocks: Blocks) -> None:
        transforms, products, multiplying = 0, 0, 0
        for channel in range(blocks.group.channels):
            for tiles in block.tile_groups:
                multipliers.load_tiles(tiles, channel)
                transforms += self._transform_cycles()
            for kernels in block.kernel_groups:
                multipliers.load_kernels(kernels, channel)
                for tiles in block.tile_groups:
                    multiplying += multipliers.step(tiles, kernels, channel)
        for tiles in block.tile_groups:
            for kernels in block.kernel_groups:
                multipliers.write_back(tiles, kernels)
                products += len(kernels) * self.config.ifft_cycles_per_tile
        line = self.ledger.now
        line.passed_bits = block.tiles * blocks.group.channels * blocks.tile_bits
        line.held_bits = block.kernels * blocks.group.channels * blocks.kernel_bits
        last = "fft" if transforms >= products else "ifft"
        while multiplying or transforms or products:
            self.ledger.tick()
            if not multiplying:
                self.stalls[last] += self.slots
            multiplying, transforms, products = (max(0, left - 1) for left in (multiplying, transforms, products))

    def _transform_cycles(self) -> int:
        words = self.config.replica_write_words
        writing = -(-self.config.fft_size ** 2 // words) if words else 0
        return max(self.config.fft_cycles_per_tile, writing)
