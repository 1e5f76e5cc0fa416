"""Parameters of a Cambricon-S design."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Schedule


class CambriconSConfig(LanesConfig):
    """One Cambricon-S design; the meaning of each key is in docs/machines/cambricon_s.md."""

    kind: ClassVar[str] = "cambricon_s"
    pes: int = Field(ge=1, le=4096, description="PEs, one output neuron each")
    multipliers: int = Field(ge=1, le=4096, description="multipliers of a PE")
    window: int = Field(ge=1, le=1 << 20, description="inputs that the selector looks at together")
    min_window_cycles: int = Field(ge=0, le=1, description="cycles of a window in which nothing is selected")
    block_outputs: int = Field(ge=1, le=1 << 16, description="neighbouring outputs that share one index")
    scan_weights: int = Field(ge=0, le=1 << 20, description="kept weights a PE scans in a cycle; 0 = all of a window")

    @model_validator(mode="after")
    def _blocks_fill_the_pes(self) -> Self:
        if self.block_outputs % self.pes:
            raise ValueError(f"block_outputs = {self.block_outputs} is not a multiple of pes = {self.pes}, whose PEs "
                             "share one index; give a multiple")
        return self

    @property
    def schedule(self) -> Schedule:
        """All PEs are one lane: they take the same selected neurons."""
        return Schedule(sections=1, dealt_lanes=1, inputs=self.multipliers, outputs=self.pes, effectual="block",
                        scope="position", unit=self.window, crosses_taps=True, places=self.pes,
                        costs=Costs(empty=self.min_window_cycles))
