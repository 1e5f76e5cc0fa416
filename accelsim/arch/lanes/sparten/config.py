"""Parameters of a SparTen design."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.arch.lanes.shared.config import MAX_CYCLES, LanesConfig
from accelsim.arch.lanes.shared.schedule import Costs, Dispatch, Schedule, Scope

SCOPES: dict[str, Scope] = {"chunk": "unit", "output": "position"}


class SpartenConfig(LanesConfig):
    """One SparTen design; the meaning of each key is in docs/machines/sparten.md."""

    kind: ClassVar[str] = "sparten"
    clusters: int = Field(ge=1, le=4096, description="clusters, each with positions of its own")
    units: int = Field(ge=1, le=4096, description="compute units of a cluster with filters of their own")
    columns: int = Field(ge=1, le=4096, description="neighbouring outputs of a row, each on units of its own")
    held: int = Field(ge=1, le=1 << 20, description="outputs that a filter chunk meets before the barrier")
    chunk: int = Field(ge=1, le=1 << 16, description="positions of a mask")
    order: Literal["taps_outer", "channels_outer"] = Field(description="order of the dot product")
    barrier: Literal["chunk", "output"] = Field(description="where the units of a cluster wait for each other")
    dispatch: Dispatch = Field(description="how output positions come to clusters")
    empty_chunk_cycles: int = Field(ge=0, le=1, description="cycles of a chunk in which nothing meets")
    join_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of a chunk in which something meets")
    chunk_overhead_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of every chunk")
    output_cycles: int = Field(ge=0, le=MAX_CYCLES, description="cycles on top of every output")
    min_step_cycles: int = Field(ge=0, le=MAX_CYCLES, description="least cycles from one barrier to the next")
    pointer_bits: int = Field(ge=0, le=64, description="bits of the pointer to a chunk's values")
    permute_words_per_cycle: int = Field(
        ge=0, le=4096, description="partial sums that change their unit in a cycle; 0 = never in the way")

    @model_validator(mode="after")
    def _one_way_to_share_a_chunk(self) -> Self:
        if self.columns > 1 and self.held > 1:
            raise ValueError(f"columns = {self.columns} and held = {self.held}: both above 1; a filter chunk meets "
                             "outputs side by side or one after the other, set one of them to 1")
        if self.barrier == "output" and (self.columns > 1 or self.held > 1 or self.min_step_cycles
                                         or self.chunk_overhead_cycles or self.join_cycles):
            raise ValueError("barrier: output has columns and held 1, and min_step_cycles, chunk_overhead_cycles and "
                             "join_cycles 0: these count between the barriers of chunks; set them so, or barrier: "
                             "chunk")
        return self

    @property
    def schedule(self) -> Schedule:
        """A section is a cluster, a lane a unit. With `barrier: output` a unit looks at all chunks together."""
        costs = Costs(empty=self.empty_chunk_cycles, unit=self.chunk_overhead_cycles,
                      last_unit=self.chunk_overhead_cycles, join=self.join_cycles, position=self.output_cycles,
                      scope_floor=self.min_step_cycles)
        return Schedule(sections=self.clusters, dealt_lanes=self.units, inputs=1, outputs=1, effectual="both",
                        scope=SCOPES[self.barrier], unit=self.chunk, crosses_taps=self.order == "channels_outer",
                        places=1, joined=self.barrier == "output", columns=self.columns, held=self.held,
                        order=self.order, group_positions=self.columns * self.held, dispatch=self.dispatch,
                        costs=costs)
