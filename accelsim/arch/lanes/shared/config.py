"""What every design of the family has: widths, buffers between it and DRAM, and a schedule."""

from abc import abstractmethod

from pydantic import Field

from accelsim.arch.config import ArchConfig
from accelsim.arch.lanes.shared.schedule import Schedule

MAX_CYCLES = 1 << 20  # of any fixed cost


class LanesConfig(ArchConfig):
    """Keys that all kinds of the family share; docs/machines/lanes.md says what each does."""

    weight_bits: int = Field(ge=1, le=32, description="bits of a stored weight")
    activation_bits: int = Field(ge=1, le=32, description="bits of a stored activation, in or out")
    sum_bits: int = Field(ge=1, le=64, description="bits of a partial sum in the output buffer")
    weight_buffer_kbytes: float = Field(ge=0, le=1e9, description="weights the chip holds, KiB; 0 = all of a layer")
    input_buffer_kbytes: float = Field(ge=0, le=1e9, description="inputs the chip holds, KiB; 0 = all of a layer")
    output_buffer_kbytes: float = Field(ge=0, le=1e9, description="sums or outputs held, KiB; 0 = all of a layer")

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """Who works on what on this design."""

    @property
    def kbytes(self) -> float | None:
        """KiB of all three buffers; None where one is not stated."""
        buffers = (self.weight_buffer_kbytes, self.input_buffer_kbytes, self.output_buffer_kbytes)
        return sum(buffers) if all(buffers) else None
