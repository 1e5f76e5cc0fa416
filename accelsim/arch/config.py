"""What the configuration of every machine has; each kind adds its own parameters in its config.py."""

from typing import Any, ClassVar

from pydantic import Field

from accelsim.hw.memory.config import DramConfig
from accelsim.yaml import Name, StrictModel


class ArchConfig(StrictModel):
    """What every architecture has; each kind adds its own parameters (see `accelsim schema`).

    `name` is the design's name in results; `energy_table` names a shipped table or gives a file. With `dram` null
    memory takes no time and no energy; the other memory keys count only when it is given (docs/memory.md).
    """

    kind: ClassVar[str]
    name: Name = Field(description="the design's name in results")
    clock_mhz: float = Field(ge=1e-3, le=100_000, description="clock, MHz")
    energy_table: str = Field(min_length=1, description="shipped energy table by name, or a file")
    dram: DramConfig | None = Field(default=None, description="the memory behind the design; null: not modelled")
    buffering: int = Field(default=2, ge=1, le=1 << 16, description="tiles in flight between DRAM and the machine")
    prefetch_weights: bool = Field(default=True, description="fetch weights of later layers while a layer runs")
    resident_weights: bool = Field(default=False, description="weights are on chip before the run")
    resident_activations: bool = Field(default=False, description="inputs and outputs stay on chip")

    def to_dict(self) -> dict[str, Any]:
        """All parameters, `kind` first: what results carry and run ids hash."""
        return {"kind": self.kind} | self.model_dump(mode="json")
