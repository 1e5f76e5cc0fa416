"""Parameters of a ZeNA design."""

from typing import ClassVar

from pydantic import Field

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Schedule


class ZenaConfig(LanesConfig):
    """One ZeNA design; the meaning of each key is in docs/machines/zena.md."""

    kind: ClassVar[str] = "zena"
    groups: int = Field(ge=1, le=4096, description="groups of PEs, each with positions of its own")
    pes_per_group: int = Field(ge=1, le=4096, description="PEs of a group, one kernel each")
    tile_positions: int = Field(ge=0, le=1 << 30, description="positions of a tile; 0 = all, an even part a group")
    segment: int = Field(ge=1, le=1 << 20, description="bits of the vectors that a PE looks at together")
    empty_segment_cycles: int = Field(ge=0, le=1, description="cycles of a segment in which nothing meets")

    @property
    def schedule(self) -> Schedule:
        """A section is a group, a lane a PE; PEs wait for each other when a tile has met their kernels."""
        return Schedule(sections=self.groups, dealt_lanes=self.pes_per_group, inputs=1, outputs=1, effectual="both",
                        scope="job", unit=self.segment, crosses_taps=True, places=1,
                        group_positions=self.tile_positions, costs=Costs(empty=self.empty_segment_cycles))
