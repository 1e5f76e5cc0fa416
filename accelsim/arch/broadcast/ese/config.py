"""Parameters of an ESE design."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from accelsim.arch.config import ArchConfig


class EseConfig(ArchConfig):
    """ESE; see docs/machines/ese.md for what each key does to the cycles."""

    kind: ClassVar[str] = "ese"
    channels: int = Field(ge=1, le=4096, description="voices in lock step, each with PEs of its own")
    pes: int = Field(ge=1, le=4096, description="processing elements of a channel")
    queue_entries: int = Field(ge=1, le=1 << 20, description="activations a PE's queue really holds")
    spmat_width_bits: int = Field(ge=1, le=65536, description="width of a row of the sparse-matrix memory, bits")
    index_bits: int = Field(ge=1, le=15, description="bits of the relative index of an entry")
    weight_bits: int = Field(ge=1, le=16, description="bits of the weight of an entry")
    input_skip: bool = Field(description="whether columns that are zero in every voice are passed over")
    slot_overhead_cycles: int = Field(ge=0, le=1 << 20, description="latency of the element-wise unit, cycles")
    exposed_slots: int = Field(ge=0, le=16, description="slots before a product of an element-wise result of its step")
    prologue_slots: int = Field(ge=0, le=16, description="slots at the begin of each step")

    @model_validator(mode="after")
    def _row_holds_an_entry(self) -> Self:
        if self.spmat_width_bits < self.entry_bits:
            raise ValueError(f"spmat_width_bits = {self.spmat_width_bits} cannot hold one entry of "
                             f"weight_bits + index_bits = {self.entry_bits} bits; widen the row")
        return self

    @property
    def entry_bits(self) -> int:
        return self.weight_bits + self.index_bits

    @property
    def entries_per_row(self) -> int:
        """Whole entries in one row of the sparse-matrix memory."""
        return self.spmat_width_bits // self.entry_bits
