"""Parameters of a Minerva design."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator

from accelsim.arch.lanes.shared.config import MAX_CYCLES, LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Schedule

MAX_THRESHOLD = 1 << 15  # magnitude of an int16


class MinervaConfig(LanesConfig):
    """One Minerva design; the meaning of each key is in docs/machines/minerva.md."""

    kind: ClassVar[str] = "minerva"
    lanes: int = Field(ge=1, le=4096, description="multiply-accumulate lanes, one output each")
    threshold: int | dict[str, int] = Field(description="smallest magnitude that counts; or one per layer, by its name")
    kept_share: float | None = Field(
        default=None, gt=0, le=1, description="least share of a layer's activations that count, in place of threshold")
    group_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles behind each group of outputs")
    layer_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles behind each matrix product")

    @field_validator("threshold", mode="before")
    @classmethod
    def _magnitudes(cls, found: Any) -> Any:
        values = list(found.values()) if isinstance(found, Mapping) else [found]
        if not all(type(value) is int and 0 <= value <= MAX_THRESHOLD for value in values):
            raise ValueError(f"wanted a whole number in 0 .. {MAX_THRESHOLD}, or one for each layer by its name "
                             f"({{fc1: 3, fc2: 5}})")
        return found

    @property
    def schedule(self) -> Schedule:
        """One input a cycle meets all lanes; zeros and small values take their cycle."""
        return Schedule(sections=1, dealt_lanes=1, inputs=1, outputs=self.lanes, effectual="all", scope="position",
                        unit=0, crosses_taps=True, places=self.lanes,
                        costs=Costs(position=self.group_cycles, product=self.layer_cycles))
