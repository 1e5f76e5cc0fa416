"""Parameters of an ExTensor design."""

from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from accelsim.arch.streams.shared.config import StreamsConfig

Multiplier = Annotated[int, Field(ge=1, le=1 << 20)]
Three = Annotated[list[Multiplier], Field(min_length=3, max_length=3)]


class ExTensorConfig(StreamsConfig):
    """One ExTensor design; the meaning of each key is in docs/machines/extensor.md."""

    kind: ClassVar[str] = "extensor"
    pes: int = Field(ge=1, le=4096, description="PEs, each with an intersection unit and a multiplier")
    pe_tile: int = Field(ge=1, le=1 << 20, description="side of a PE tile")
    llb_multipliers: Multiplier | Three = Field(description="PE tiles of an LLB tile: one number, or along M, K, N")
    intersection: Literal["skip_ahead", "two_finger", "leader_follower"] = Field(description="how lists meet")
    time: Literal["stepped", "roof"] = Field(description="cycle by cycle, or the largest need")
    roof_gib_per_s: float = Field(gt=0, le=1e6, description="DRAM bandwidth of the roof, 2^30 bytes a second")

    @property
    def multipliers(self) -> tuple[int, int, int]:
        """PE tiles of an LLB tile along M, K and N."""
        given = self.llb_multipliers
        m, k, n = [given] * 3 if isinstance(given, int) else given
        return m, k, n

    @property
    def roof_bits_per_cycle(self) -> float:
        """DRAM bandwidth of the roof; without bound where the memory timeline has a DRAM."""
        if self.dram is not None:
            return inf
        return self.roof_gib_per_s * 8 * (1 << 30) / (self.clock_mhz * 1e6)
