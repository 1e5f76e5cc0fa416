"""Parameters of a Cambricon-X design."""

from typing import ClassVar, Literal

from pydantic import Field

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Schedule, Scope

SCOPES: dict[str, Scope] = {"window": "unit", "output": "position", "async": "product"}


class CambriconXConfig(LanesConfig):
    """One Cambricon-X design; the meaning of each key is in docs/machines/cambricon_x.md."""

    kind: ClassVar[str] = "cambricon_x"
    pes: int = Field(ge=1, le=4096, description="PEs, one output neuron each")
    multipliers: int = Field(ge=1, le=4096, description="multipliers of a PE")
    index: Literal["window", "step4"] = Field(description="how a PE's non-zero weights are packed")
    window: int = Field(ge=1, le=1 << 20, description="inputs in a window of `index: window`")
    index_bits: int = Field(ge=1, le=15, description="bits of the step from one stored weight to the next")
    min_window_cycles: int = Field(ge=0, le=1, description="cycles of a window (a row) without a weight")
    scope: Literal["window", "output", "async"] = Field(description="where PEs wait for each other")

    @property
    def schedule(self) -> Schedule:
        """A lane is a PE."""
        return Schedule(sections=1, dealt_lanes=self.pes, inputs=self.multipliers, outputs=1, effectual="weights",
                        scope=SCOPES[self.scope], unit=self.window if self.index == "window" else 0, crosses_taps=True,
                        places=1, costs=Costs(empty=self.min_window_cycles))
