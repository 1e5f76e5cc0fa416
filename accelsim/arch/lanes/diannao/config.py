"""Parameters of a DianNao design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.schedule import Schedule


class DiannaoConfig(LanesConfig):
    """One DianNao design; the meaning of each key is in docs/machines/diannao.md."""

    kind: ClassVar[str] = "diannao"
    outputs_per_step: int = Field(ge=1, le=4096, description="Tn: output neurons side by side")
    inputs_per_step: int = Field(ge=1, le=4096, description="Tn: inputs of each in one cycle")

    @property
    def schedule(self) -> Schedule:
        """One lane that walks the whole reduction."""
        return Schedule(sections=1, dealt_lanes=1, inputs=self.inputs_per_step, outputs=self.outputs_per_step,
                        effectual="all", scope="position", unit=0, crosses_taps=True, places=self.outputs_per_step)
