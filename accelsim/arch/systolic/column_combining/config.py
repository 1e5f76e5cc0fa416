"""Parameters of a column-combining design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig

MAX_SECTION = 1 << 15  # conflicts of a row are counted in 16 bits


class ColumnCombiningConfig(ArchConfig):
    """One design; docs/machines/column_combining.md says what each key does."""

    kind: ClassVar[str] = "column_combining"
    rows: int = Field(ge=1, le=1 << 16, description="rows of cells; groups lie along them")
    cols: int = Field(ge=1, le=1 << 16, description="columns of cells; filters lie along them")
    alpha: int = Field(ge=1, le=256, description="columns of the filter matrix that may share a group")
    gamma: float = Field(ge=0, le=256, description="weights a group may lose, per filter of the layer")
    section: int = Field(default=256, ge=1, le=MAX_SECTION, description="columns that are packed among themselves")
    conflicts: Literal["refuse", "prune"] = Field(
        description="two weights of a group in one row: refuse the layer, or keep the larger one alone")
    row_permutation: bool = Field(description="the layer before is ordered for the groups; else a crossbar is")
    arithmetic: Literal["word", "bit_serial"] = Field(description="a vector a cycle, or bit-serial cells")
    interleaved_streams: int = Field(ge=1, le=64, description="vectors a bit-serial cell works on in turn")
    weight_bits: int = Field(ge=1, le=32, description="bits of a weight")
    activation_bits: int = Field(ge=1, le=32, description="bits of an input or output")
    sum_bits: int = Field(ge=1, le=64, description="bits of a sum; cycles of a bit-serial product")
    double_buffer: bool = Field(description="load the next tile's weights while computing")
    data_sram_kbytes: float | None = Field(
        default=None, gt=0, description="operand buffer, KiB; null: holds every operand; counts only with dram")

    @model_validator(mode="after")
    def _turns_are_equal(self) -> Self:
        if self.sum_bits % self.interleaved_streams:
            raise ValueError(f"interleaved_streams: {self.interleaved_streams} streams cannot share the "
                             f"{self.sum_bits} cycles of sum_bits evenly; wanted a divisor of {self.sum_bits}")
        return self

    @property
    def select_bits(self) -> int:
        """Bits that pick one of a group's streams."""
        return (self.alpha - 1).bit_length()

    @property
    def cell_bits(self) -> int:
        """Bits of a packed weight with its select."""
        return self.weight_bits + self.select_bits

    @property
    def cycles_per_vector(self) -> int:
        """Cycles a cell works on one vector."""
        return 1 if self.arithmetic == "word" else self.sum_bits // self.interleaved_streams

    def stream_cycles(self, vectors: int) -> int:
        """Cycles of a tile's stream."""
        if self.arithmetic == "word":
            return vectors
        return self.sum_bits * -(-vectors // self.interleaved_streams)
