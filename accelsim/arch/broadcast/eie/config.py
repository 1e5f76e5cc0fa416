"""Parameters of an EIE design."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig


class EieConfig(ArchConfig):
    """EIE [paper, sections IV and VI]; see docs/machines/eie.md for what each key does to the cycles."""

    kind: ClassVar[str] = "eie"
    pes: int = Field(ge=1, le=65536, description="processing elements")
    queue_entries: int = Field(ge=1, le=1 << 20, description="activations a PE's queue really holds")
    spmat_width_bits: int = Field(ge=1, le=65536, description="width of a row of the sparse-matrix SRAM, bits")
    index_bits: int = Field(ge=1, le=15, description="bits of the relative index of an entry")
    weight_bits: int = Field(ge=1, le=16, description="bits of the weight code of an entry")
    spmat_kbytes: float = Field(gt=0, le=1e9, description="sparse-matrix SRAM per PE, KiB (exceeding it is noted)")
    pointer_kbytes: float = Field(gt=0, le=1e9, description="pointer SRAM per PE, KiB (exceeding it is noted)")

    @model_validator(mode="after")
    def _row_holds_an_entry(self) -> Self:
        if self.spmat_width_bits < self.weight_bits + self.index_bits:
            raise ValueError(f"spmat_width_bits = {self.spmat_width_bits} cannot hold one entry of "
                             f"weight_bits + index_bits = {self.weight_bits + self.index_bits} bits; widen the row")
        return self

    @property
    def loads_weights(self) -> bool:
        """Whether weights come from DRAM for each use: with a memory, and not resident."""
        return self.dram is not None and not self.resident_weights

    @property
    def entries_per_row(self) -> int:
        """Whole entries in one row of the sparse-matrix SRAM."""
        return self.spmat_width_bits // (self.weight_bits + self.index_bits)
