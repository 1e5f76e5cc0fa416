"""Parameters of the released controller of Spectral CNN."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.spectral.shared.config import MAX_CYCLES, FlexibleConfig


class SpectralCnnRtlConfig(FlexibleConfig):
    """One design of the released controller; the meaning of each key is in docs/machines/spectral_cnn_rtl.md."""

    kind: ClassVar[str] = "spectral_cnn_rtl"
    port_bits: int = Field(ge=1, le=1 << 16, description="bits a cycle of each memory port")
    fft_latency_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles of a tile group's transform, on top")
    run_overhead_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles of a run besides its rows and operands")
    multiplier_latency_cycles: int = Field(ge=0, le=MAX_CYCLES, description="from a valid operand to a valid product")
    extra_pass: bool = Field(description="counters run one too far: a channel pass and an inverse transform more")

    @property
    def one_sided(self) -> bool:
        return not (self.kernel_block and self.tile_block)

    @property
    def input_load_cycles(self) -> int:
        """Of a tile group in a channel."""
        return -(-self.parallel_tiles * self.positions * self.complex_bits // self.port_bits)

    @property
    def values_cycles(self) -> int:
        """Of the values of a row."""
        return -(-self.parallel_kernels * self.complex_bits // self.port_bits)

    @property
    def indices_cycles(self) -> int:
        """Of the selectors and the INDEX row of a row."""
        selector = 8 * -(-(1 + self.selector_bits) // 8)
        return -(-self.parallel_kernels * selector // self.port_bits) + -(-self.index_row_bits // self.port_bits)

    @property
    def latency_cycles(self) -> int:
        """Of a run, besides its rows."""
        return self.run_overhead_cycles + self.multiplier_latency_cycles
