"""Parameters of a systolic array."""

from typing import ClassVar, Literal

from pydantic import Field

from accelsim.arch.config import ArchConfig

WORD_BITS, SUM_BITS = 16, 32  # as SIGMA beside it


class SystolicConfig(ArchConfig):
    """A systolic array of any aspect ratio; see docs/machines/systolic.md for what each key does to the cycles."""

    kind: ClassVar[str] = "systolic"
    rows: int = Field(ge=1, le=1 << 16, description="rows of PEs")
    cols: int = Field(ge=1, le=1 << 16, description="columns of PEs")
    dataflow: Literal["ws", "is", "os", "best"] = Field(
        description="what stays in the PEs: ws weights, is inputs, os outputs, best the faster of ws and is")
    double_buffer: bool = Field(description="load the next tile (os: shift finished outputs out) while computing")
    data_sram_kbytes: float | None = Field(
        default=None, gt=0, description="operand buffer, KiB; null: holds every operand; counts only with dram")
