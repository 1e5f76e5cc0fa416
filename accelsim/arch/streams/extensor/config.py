"""Parameters of an ExTensor design."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

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

    @model_validator(mode="after")
    def _one_memory(self) -> Self:
        if self.time == "roof" and self.dram is not None:
            raise ValueError("time: roof has a bandwidth of its own (roof_gib_per_s); leave out dram, or take time: "
                             "stepped")
        return self

    @property
    def multipliers(self) -> tuple[int, int, int]:
        """PE tiles of an LLB tile along M, K and N."""
        given = self.llb_multipliers
        m, k, n = [given] * 3 if isinstance(given, int) else given
        return m, k, n

    @property
    def roof_bits_per_cycle(self) -> float:
        """DRAM bandwidth of the roof."""
        return self.roof_gib_per_s * 8 * (1 << 30) / (self.clock_mhz * 1e6)
