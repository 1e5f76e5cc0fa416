"""A mapping: which multiply-accumulates each PE does in each pass [rules page, The mapping]."""

from typing import Literal, NamedTuple

from pydantic import Field

from accelsim.yaml import StrictModel

MAX_SIZE = 1 << 20


class RowStationaryMapping(StrictModel):
    """The nine values of a row-stationary mapping, as the rules page names them."""

    compressed: bool = Field(description="PEs skip zeros; false: dense mode, zeros cost their cycle")
    m0: int = Field(ge=1, le=MAX_SIZE, description="filters in a PE at a time")
    c0: int = Field(ge=1, le=MAX_SIZE, description="channels in a PE at a time")
    s0: int = Field(ge=1, le=MAX_SIZE, description="taps of a filter row in a PE at a time")
    column: int = Field(ge=1, le=MAX_SIZE, description="PEs of a column that accumulate one sum")
    row_lanes: int = Field(ge=1, le=MAX_SIZE, description="output rows side by side")
    filter_lanes: int = Field(ge=1, le=MAX_SIZE, description="filter tiles side by side")
    group_lanes: int = Field(ge=1, le=MAX_SIZE, description="groups side by side")
    inner: Literal["rows", "filters"] = Field(description="what neighbouring columns differ in")


class LoopTiling(NamedTuple):
    """How a mapping cuts a layer; all int but `inner_rows` and `compressed`. Letters as on the rules page.

    filter_tiles MT, channel_blocks KC, tap_blocks SB, strips J, steps Z, items I; chunk: items of a chunk.
    """

    m0: int
    c0: int
    s0: int
    column: int
    row_lanes: int
    filter_lanes: int
    group_lanes: int
    inner_rows: bool
    compressed: bool
    filter_tiles: int
    channel_blocks: int
    tap_blocks: int
    strips: int
    steps: int
    items: int
    chunk: int
    group_rounds: int
    filter_rounds: int
    chunks: int

    @property
    def passes(self) -> int:
        """Passes of the layer."""
        return self.group_rounds * self.filter_rounds * self.chunks * self.steps
