"""Parameters of a SIGMA design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from accelsim.arch.config import ArchConfig

MAX_SLOTS = 1 << 24

WORD_BITS, SUM_BITS = 16, 32  # bf16 operands, FP32 sums [authors' code]


class SigmaConfig(ArchConfig):
    """SIGMA [paper]; see docs/machines/sigma.md for what each key does to the cycles."""

    kind: ClassVar[str] = "sigma"
    flex_dpes: int = Field(ge=1, le=MAX_SLOTS, description="Flex-DPEs (dot-product engines)")
    multipliers_per_dpe: int = Field(ge=2, le=1 << 16, description="multipliers of a Flex-DPE, a power of two")
    bandwidth_words_per_cycle: int = Field(ge=1, le=1 << 24, description="words the data SRAM delivers per cycle")
    streaming: Literal["limited", "unlimited"] = Field(
        description="limited: K in tiles of a Flex-DPE, bounded by the bandwidth; unlimited: K whole, a vector a cycle")
    stationary: Literal["mk", "kn", "best"] = Field(
        description="operand that stays in the multipliers: mk weights, kn activations, best the faster one")
    stationary_filter: bool = Field(description="drop stationary non-zeros that never meet a streamed non-zero")
    drain_per_k_tile: bool = Field(description="drain after every fold, not once per filling of the array")
    overlap: Literal["none", "drain", "load", "pipelined"] = Field(
        description="a fold's load: exposed, hidden by the drain before it, by streaming and drain; or exposed, but a "
                    "GEMM drains once")

    data_sram_kbytes: float | None = Field(
        default=None, gt=0, description="data SRAM, KiB; null: holds every operand; counts only with dram")

    @field_validator("multipliers_per_dpe")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of two (Benes and FAN are binary)")
        return value

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.slots > MAX_SLOTS:
            raise ValueError(f"flex_dpes x multipliers_per_dpe = {self.slots:,} multipliers, more than {MAX_SLOTS:,}; "
                             "give fewer")
        return self

    @property
    def slots(self) -> int:
        """Multipliers of the whole array."""
        return self.flex_dpes * self.multipliers_per_dpe

    @property
    def benes_levels(self) -> int:
        """Levels of switches between a Flex-DPE's ports and its multipliers."""
        return 2 * (self.multipliers_per_dpe.bit_length() - 1) + 1

    @property
    def drain_cycles(self) -> int:
        """From a fold's last distribution to its last sum: multiplication, FAN levels, levels across Flex-DPEs."""
        return 1 + (self.multipliers_per_dpe.bit_length() - 1) + (self.flex_dpes - 1).bit_length()

    @property
    def table_entry_bits(self) -> int:
        """A source and a destination within a Flex-DPE."""
        return 2 * (self.multipliers_per_dpe.bit_length() - 1)
