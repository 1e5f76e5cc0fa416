"""The parameters of a DCNN design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.config import ArchConfig


class DcnnConfig(ArchConfig):
    """One DCNN design; the meaning of each key is in docs/machines/dcnn.md, the published values in `dcnn.yaml`."""

    kind: ClassVar[str] = "dcnn"
    pe_rows: int = Field(ge=1, le=256, description="rows of the PE mesh")
    pe_cols: int = Field(ge=1, le=256, description="columns of the PE mesh")
    dot_width: int = Field(ge=1, le=1024, description="multipliers of a PE, one input channel each")
    accumulator_entries: int = Field(ge=1, le=1 << 24, description="partial sums a PE holds")
    kc_max: int = Field(ge=0, le=1 << 20, description="upper bound of output channels in a group; 0 = none")
    value_bits: int = Field(ge=1, le=64, description="bits of a weight or activation")
    index_bits: int = Field(ge=0, le=16, description="bits of a zero run in compressed DRAM traffic")
    zero_gating: bool = Field(description="multipliers with a zero operand do not switch")
    compress_dram: bool = Field(description="activations travel to and from DRAM compressed")
    iaram_bits: int = Field(ge=0, le=1 << 40, description="input activation RAM of a PE; 0 = unbounded")
    oaram_bits: int = Field(ge=0, le=1 << 40, description="output activation RAM of a PE; 0 = unbounded")

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.pe_rows * self.pe_cols

    @property
    def vector_bits(self) -> int:
        """Width of a read of either operand."""
        return self.dot_width * self.value_bits
