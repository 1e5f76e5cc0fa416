"""The released controller: nothing overlaps, and its counters run one too far.

Source: docs/machines/spectral_cnn_rtl.md, "Time". Groups take the time of full ones.
"""

from accelsim.arch.machine import Policy
from accelsim.arch.spectral.shared.reference.array import Multipliers
from accelsim.arch.spectral.shared.reference.blocks import Block, Blocks
from accelsim.arch.spectral.shared.reference.engine import SpectralReference
from accelsim.arch.spectral.spectral_cnn_rtl.config import SpectralCnnRtlConfig


class SerialController(SpectralReference):
    """Loads, transforms, runs and inverse transforms in turn."""

    waits = ("load_inputs", "fft", "load_kernels", "load_indices", "run_overhead", "extra_pass", "ifft")

    def __init__(self, config: SpectralCnnRtlConfig, policy: Policy) -> None:
        super().__init__(config, policy)
        self.config = config
        complex_bits, places = 2 * config.value_bits, config.fft_size ** 2
        selector_bits = 8 * -(-(1 + config.selector_bits) // 8)
        self.load_cycles = self._beats(config.parallel_tiles * places * complex_bits)
        self.row_value_cycles = self._beats(config.parallel_kernels * complex_bits)
        self.row_index_cycles = (self._beats(config.parallel_kernels * selector_bits)
                                 + self._beats(config.replicas * (places - 1).bit_length()))
        words = config.replica_write_words
        self.transform_cycles = config.fft_latency_cycles + max(config.fft_cycles_per_tile,
                                                                -(-places // words) if words else 0)
        self.overhead_cycles = config.run_overhead_cycles + config.multiplier_latency_cycles

    def _beats(self, bits: int) -> int:
        return -(-bits // self.config.port_bits)

    def work_through(self, block: Block, multipliers: Multipliers, blocks: Blocks) -> None:
        for channel in range(blocks.group.channels):
            for tiles in block.tile_groups:
                multipliers.load_tiles(tiles, channel)
                self._load_inputs("load_inputs", "fft")
            for kernels in block.kernel_groups:
                rows = multipliers.load_kernels(kernels, channel)
                self._load_kernels(rows, "load_kernels", "load_indices")
                for tiles in block.tile_groups:
                    self.wait("run_overhead", self.overhead_cycles)
                    for _ in range(multipliers.step(tiles, kernels, channel)):
                        self.ledger.tick()
        if self.config.extra_pass:
            self._pass_too_many(block)
        transforms = self.config.parallel_kernels + self.config.extra_pass
        for tiles in block.tile_groups:
            for kernels in block.kernel_groups:
                multipliers.write_back(tiles, kernels)
                self.wait("ifft", transforms * self.config.ifft_cycles_per_tile)

    def _pass_too_many(self, block: Block) -> None:
        """A channel that there is not: loads, transforms and runs of as many rows as a kernel has values."""
        rows = self.config.kept
        for _ in block.tile_groups:
            self.counts["input_loads"] += 1
            self._load_inputs("extra_pass", "extra_pass")
        for _ in block.kernel_groups:
            self.counts["kernel_loads"] += 1
            self._load_kernels(rows, "extra_pass", "extra_pass")
            for _ in block.tile_groups:
                self.counts["runs"] += 1
                self.wait("extra_pass", self.overhead_cycles + rows)

    def _load_inputs(self, load: str, transform: str) -> None:
        self.wait(load, self.load_cycles)
        self.ledger.now.passed_bits += self.load_cycles * self.config.port_bits
        self.wait(transform, self.transform_cycles)

    def _load_kernels(self, rows: int, values: str, indices: str) -> None:
        self.wait(values, rows * self.row_value_cycles)
        self.wait(indices, rows * self.row_index_cycles)
        self.ledger.now.held_bits += rows * (self.row_value_cycles + self.row_index_cycles) * self.config.port_bits
