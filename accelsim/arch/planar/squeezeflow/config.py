"""Parameters of a SqueezeFlow design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.config import ArchConfig


class SqueezeFlowConfig(ArchConfig):
    """One design; docs/machines/squeezeflow.md says what each key does."""

    kind: ClassVar[str] = "squeezeflow"
    tile_rows: int = Field(ge=1, le=256, description="rows of PEs: output rows of a tile")
    tile_cols: int = Field(ge=1, le=256, description="columns of PEs: output columns of a tile")
    c_min: int = Field(ge=0, le=1 << 20, description="least cycles of a kernel that is not skipped; 0 skips empty ones")
    skip_zero_tiles: bool = Field(description="input channels whose tile plane is all zeros take no cycle")
    hide_fill: bool = Field(description="shifting inputs in never delays")
    hide_write_back: bool = Field(description="writing outputs back never delays")
    port_words: int = Field(ge=1, le=1 << 16, description="outputs written back per cycle")
    run_bits: int = Field(ge=1, le=16, description="bits of a zero run in coded weights")
    value_bits: int = Field(ge=1, le=32, description="bits of a weight, an input, an output")
    weight_buffer_kbytes: float | None = Field(
        default=None, gt=0, description="coded weights the chip holds, KiB; null: all; counts only with dram")
    input_buffer_kbytes: float | None = Field(
        default=None, gt=0, description="inputs the chip holds, KiB; null: all; counts only with dram")

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.tile_rows * self.tile_cols

    @property
    def entry_bits(self) -> int:
        """Bits of a coded weight."""
        return self.value_bits + self.run_bits
