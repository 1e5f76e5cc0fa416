"""What every design of the family has, and what both engines read of it. Rules: docs/machines/spectral.md."""

from typing import Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig

MAX_CYCLES = 1 << 20  # of any fixed cost


class SpectralConfig(ArchConfig):
    """Keys that all kinds of the family share, and what follows from them."""

    fft_size: Literal[2, 4, 8, 16, 32] = Field(description="rows and columns of a transform")
    alpha: int = Field(ge=1, le=1024, description="1 of so many values of a spectral kernel is kept")
    parallel_tiles: int = Field(ge=1, le=1024, description="tiles side by side")
    parallel_kernels: int = Field(ge=1, le=1024, description="kernels side by side")
    value_bits: int = Field(ge=1, le=32, description="bits of a real number; a complex word has two")
    tile_format: Literal["complex", "real"] = Field(description="tiles in DRAM: spectra's words, or the plane's values")
    fft_cycles_per_tile: int = Field(ge=0, le=MAX_CYCLES, description="cycles of a tile in its transform unit")
    replica_write_words: int = Field(ge=0, le=1024, description="words of a spectrum written in a cycle; 0 = hidden")
    ifft_cycles_per_tile: int = Field(ge=0, le=MAX_CYCLES, description="cycles of a tile in its inverse transform unit")

    @model_validator(mode="after")
    def _whole_kernels(self) -> Self:
        if self.positions % self.alpha:
            raise ValueError(f"alpha {self.alpha} does not divide the {self.positions} values of a transform of "
                             f"{self.fft_size} x {self.fft_size}; give a power of two up to {self.positions}")
        return self

    @property
    def positions(self) -> int:
        """Values of a spectrum."""
        return self.fft_size * self.fft_size

    @property
    def kept(self) -> int:
        """Values kept of every kernel."""
        return self.positions // self.alpha

    @property
    def index_bits(self) -> int:
        """Bits of a place in a spectrum."""
        return (self.positions - 1).bit_length()

    @property
    def complex_bits(self) -> int:
        return 2 * self.value_bits

    @property
    def value_word_bits(self) -> int:
        """Bits of a word of the VALUE table, where a design says nothing else: a place and a value."""
        return self.index_bits + self.complex_bits

    @property
    def kernel_bits(self) -> int:
        """Bits of a kernel as coordinates."""
        return self.kept * (self.complex_bits + self.index_bits)

    @property
    def index_row_bits(self) -> int:
        """Bits of a row of the INDEX table."""
        return self.ports * self.index_bits

    @property
    def slots(self) -> int:
        """Complex multipliers."""
        return self.parallel_tiles * self.parallel_kernels

    @property
    def transform_cycles(self) -> int:
        """Of a tile group in a channel: its transform, or its writing to the replicas."""
        words = self.replica_write_words
        return max(self.fft_cycles_per_tile, -(-self.positions // words) if words else 0)

    @property
    def ports(self) -> int:
        """Distinct values of a tile's spectrum that kernels may read in a cycle."""
        raise NotImplementedError

    @property
    def copies(self) -> int:
        """Copies of a spectrum that are written."""
        raise NotImplementedError

    @property
    def wanted_block(self) -> tuple[int, int]:
        """(kernels, tiles) of a block; 0 = of the fewest bits moved."""
        raise NotImplementedError

    @property
    def held_groups(self) -> int:
        """Tile groups x kernel groups whose sums are held; 0 = no limit."""
        raise NotImplementedError

    @property
    def one_sided(self) -> bool:
        """Whether blocks are larger than a group on one side only."""
        return False


class FlexibleConfig(SpectralConfig):
    """Spectral CNN's designs: replicas, and blocks of any size."""

    replicas: int = Field(ge=1, le=1024, description="copies of a tile's spectrum, each with one port")
    selector_bits: int = Field(ge=0, le=16, description="bits that choose a port in a word of the VALUE table")
    psum_groups: int = Field(ge=0, le=1 << 20, description="tile groups x kernel groups whose sums are held; 0 = all")
    kernel_block: int = Field(ge=0, le=1 << 20, description="kernels of a block; 0 = of the fewest bits moved")
    tile_block: int = Field(ge=0, le=1 << 24, description="tiles of a block; 0 = of the fewest bits moved")

    @model_validator(mode="after")
    def _selectors(self) -> Self:
        if 1 << self.selector_bits < self.replicas:
            raise ValueError(f"selector_bits {self.selector_bits} cannot choose among {self.replicas} replicas; give "
                             f"at least {(self.replicas - 1).bit_length()}, or fewer replicas")
        return self

    @property
    def value_word_bits(self) -> int:
        return 1 + self.selector_bits + self.complex_bits

    @property
    def ports(self) -> int:
        return self.replicas

    @property
    def copies(self) -> int:
        return self.replicas

    @property
    def wanted_block(self) -> tuple[int, int]:
        return self.kernel_block, self.tile_block

    @property
    def held_groups(self) -> int:
        return self.psum_groups
