"""Parameters of a CompAct design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.config import ArchConfig


class CompactConfig(ArchConfig):
    """One design; docs/machines/compact.md says what each key does."""

    kind: ClassVar[str] = "compact"
    rows: int = Field(ge=1, le=1 << 16, description="rows of PEs, with a bank of the activation buffer each")
    cols: int = Field(ge=1, le=1 << 16, description="columns of PEs")
    double_buffer: bool = Field(description="load the next tile's weights while computing")
    run_bits: int = Field(ge=1, le=16, description="bits of a run's count")
    lossy_threshold: int = Field(ge=0, le=1 << 16, description="lossy_rlc: largest difference to a run's first value")
    wake_cycles: int = Field(ge=0, le=1 << 16, description="cycles in which a snoozing bank wakes")
    value_bits: int = Field(ge=1, le=32, description="bits of a weight, an input, an output")
    sum_bits: int = Field(ge=1, le=64, description="bits of a sum")
    activation_buffer_kbytes: float | None = Field(
        default=None, gt=0, description="coded inputs the chip holds, KiB; null: all; counts only with dram")

    @property
    def longest_run(self) -> int:
        """Values that one code stands for, at most."""
        return (1 << self.run_bits) - 1
