"""Parameters of a Cnvlutin design."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from accelsim.arch.lanes.shared.config import MAX_CYCLES, LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Schedule


class CnvlutinConfig(LanesConfig):
    """One Cnvlutin design; the meaning of each key is in docs/machines/cnvlutin.md."""

    kind: ClassVar[str] = "cnvlutin"
    tiles: int = Field(ge=1, le=4096, description="tiles, each with filters of its own")
    filters_per_tile: int = Field(ge=1, le=4096, description="filters side by side in a tile")
    neuron_lanes: int = Field(ge=1, le=1024, description="lanes, each with its own part of the reduction")
    brick: int = Field(ge=1, le=1 << 16, description="activations in a brick")
    offset_bits: int = Field(ge=1, le=16, description="bits of an activation's place in its brick")
    skip_zeros: bool = Field(description="zero activations take no step; false: the dense array")
    empty_brick_cycles: int = Field(ge=0, le=1, description="cycles of a brick of zeros, for each pass")
    lane_map: Literal["slices", "brick_rr"] = Field(description="how bricks come to lanes")
    first_layer: Literal["dense", "skip"] = Field(description="layers that read the trace's own, unencoded input")
    fully_connected: Literal["dense", "skip"] = Field(description="matrix products")
    space_to_depth: bool = Field(description="run strided layers over images with more channels and fewer taps")
    brick_overhead_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of a brick's steps")
    drain_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles behind a lane's last brick, for each pass")
    position_overhead_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of an output position")

    @property
    def filters(self) -> int:
        """Filters side by side."""
        return self.tiles * self.filters_per_tile

    @property
    def brick_bits(self) -> int:
        """Width of a brick with its offsets, in which room is kept for every activation."""
        return self.brick * (self.activation_bits + self.offset_bits)

    def for_products(self) -> Self:
        """The design as it runs matrix products."""
        return self if self.fully_connected == "skip" else self.model_copy(update={"skip_zeros": False})

    @property
    def schedule(self) -> Schedule:
        """Lanes that share all filters; or one lane as wide as all of them where nothing is skipped."""
        costs = Costs(empty=self.empty_brick_cycles, unit=self.brick_overhead_cycles,
                      last_unit=max(0, self.brick_overhead_cycles - 1), drain=self.drain_cycles,
                      position=self.position_overhead_cycles)
        if not self.skip_zeros:
            return Schedule(sections=1, dealt_lanes=1, inputs=self.neuron_lanes, outputs=self.filters, effectual="all",
                            scope="position", unit=self.brick * self.neuron_lanes, crosses_taps=True, places=0,
                            order="columns_outer", pad_channels=self.neuron_lanes, costs=costs)
        return Schedule(sections=1, dealt_lanes=1, inputs=1, outputs=self.filters, effectual="activations",
                        scope="position", unit=self.brick, crosses_taps=self.lane_map == "slices", places=0,
                        reduction_lanes=self.neuron_lanes, lane_map=self.lane_map, order="columns_outer",
                        pad_channels=self.neuron_lanes if self.lane_map == "slices" else 1, costs=costs)
