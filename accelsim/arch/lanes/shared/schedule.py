"""The common schedule of the family: what a design of any kind is to both engines. Rules: docs/machines/lanes.md."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["unit", "position", "job", "product"]
Effectual = Literal["all", "activations", "weights", "both", "block"]
Order = Literal["taps_outer", "columns_outer", "channels_outer"]
Dispatch = Literal["positions", "outputs", "queue", "longest_first"]
LaneMap = Literal["shared", "slices", "brick_rr"]


@dataclass(frozen=True)
class Costs:
    """Cycles on top of the steps of a unit; all 0 but `empty` on most designs."""

    empty: int = 1  # of a unit in which nothing is effectual
    unit: int = 0  # of every unit that is not the last of its position
    last_unit: int = 0  # of the last unit of a position
    drain: int = 0  # of the last unit of a position, for each pass, if something is effectual in it
    join: int = 0  # of a unit in which something is effectual
    position: int = 0  # of each position that a lane works on
    product: int = 0  # of each product
    scope_floor: int = 0  # least cycles of a scope


@dataclass(frozen=True)
class Schedule:
    """Who works on what.

    sections, dealt_lanes: lanes with outputs of their own, in each section. reduction_lanes: lanes that share those
    outputs and divide the reduction by `lane_map`. columns: neighbouring positions of a row that lanes side by side
    have; held: positions that a lane works on, one after the other, before its scope ends. inputs, outputs: what a lane
    multiplies in one step. places: outputs that a published deal gives a lane; 0 = all of the product.
    unit: reduction positions in a unit, 0 = the whole reduction; crosses_taps: a unit may cross from one tap to the
    next; joined: all units of a position cost what one unit with all their matches would. group_positions: positions of
    a job; 0 = an even part of the product for each section.
    """

    sections: int
    dealt_lanes: int
    inputs: int
    outputs: int
    effectual: Effectual
    scope: Scope
    unit: int
    crosses_taps: bool
    places: int
    joined: bool = False
    reduction_lanes: int = 1
    lane_map: LaneMap = "shared"
    columns: int = 1
    held: int = 1
    order: Order = "taps_outer"
    group_positions: int = 1
    dispatch: Dispatch = "positions"
    pad_channels: int = 1  # channels are filled up with zeros to a multiple of this
    costs: Costs = Costs()

    @property
    def lanes(self) -> int:
        """Lanes of one section."""
        return self.dealt_lanes * self.reduction_lanes * self.columns

    @property
    def lane_slots(self) -> int:
        """Multipliers of one lane."""
        return self.inputs * self.outputs

    @property
    def slots(self) -> int:
        """Multipliers of the design."""
        return self.sections * self.lanes * self.lane_slots
