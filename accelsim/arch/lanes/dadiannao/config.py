"""Parameters of a DaDianNao design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.schedule import Schedule


class DadiannaoConfig(LanesConfig):
    """One DaDianNao design; the meaning of each key is in docs/machines/dadiannao.md."""

    kind: ClassVar[str] = "dadiannao"
    tiles: int = Field(ge=1, le=4096, description="tiles, each with filters of its own")
    filters_per_tile: int = Field(ge=1, le=4096, description="filters side by side in a tile")
    inputs_per_step: int = Field(ge=1, le=4096, description="channels of a brick, multiplied in one cycle")
    space_to_depth: bool = Field(description="run strided layers over images with more channels and fewer taps")

    @property
    def filters(self) -> int:
        """Filters side by side."""
        return self.tiles * self.filters_per_tile

    @property
    def brick_bits(self) -> int:
        """Width of a fetch from the central memory."""
        return self.inputs_per_step * self.activation_bits

    @property
    def schedule(self) -> Schedule:
        """One lane that walks bricks which never cross a tap."""
        return Schedule(sections=1, dealt_lanes=1, inputs=self.inputs_per_step, outputs=self.filters, effectual="all",
                        scope="position", unit=self.inputs_per_step, crosses_taps=False, places=self.filters)
