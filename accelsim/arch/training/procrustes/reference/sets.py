"""Sets: the weights that the array holds at once, and the PE tiles they are cut into."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from accelsim.arch.training.procrustes.reference.loops import Loops, Weight
from accelsim.arch.training.procrustes.reference.tiling import Axes, PeTiling, ceil_div


@dataclass(frozen=True)
class PeTile:
    """Lanes of the layer and depth channels of their group that a PE owns; either may be empty."""

    lanes: range
    depth: range

    @property
    def owned(self) -> bool:
        """Whether it is a tile at all, whatever its mask bits."""
        return len(self.lanes) > 0 and len(self.depth) > 0


@dataclass(frozen=True, eq=False)
class WeightSet:
    """One lane block and one depth block. `lanes`, `depth`: all of its channels.

    tiles: one a PE row (`kn`, `cn`), one a PE, row by row (`ck`), or the one that all PEs work on (`pq`).
    """

    loops: Loops
    axes: Axes
    lanes: range
    depth: range
    tiles: list[PeTile]

    @cached_property
    def weights(self) -> list[list[Weight]]:
        """The kept weights of each tile, lane by lane."""
        return [[w for lane in tile.lanes for j in tile.depth for w in self._slice(lane, j)] for tile in self.tiles]

    @cached_property
    def kept(self) -> int:
        """Z_s: mask bits of the set."""
        return sum(map(len, self.weights))

    @property
    def dense(self) -> int:
        """Weights of the set, kept or not."""
        return len(self.lanes) * len(self.depth) * self.loops.taps

    @cached_property
    def tiles_owned(self) -> int:
        """PE tiles that have an owner."""
        return sum(tile.owned for tile in self.tiles)

    def groups_of(self, lanes: range) -> int:
        """Distinct groups of some lanes."""
        return len({lane // self.axes.lanes_per_group for lane in lanes})

    def lane_of(self, weight: Weight) -> int:
        """The lane, of the layer, that a weight belongs to."""
        return weight.k if self.axes.filters_in_lanes else self.loops.channel_of(weight)

    def depth_of(self, weight: Weight) -> int:
        """The depth channel, of its group, that a weight belongs to."""
        return weight.c if self.axes.filters_in_lanes else weight.k % self.loops.filters_per_group

    def _slice(self, lane: int, depth: int) -> list[Weight]:
        if self.axes.filters_in_lanes:
            return self.loops.slice_weights(lane, depth)
        group, channel = divmod(lane, self.loops.channels_per_group)
        return self.loops.slice_weights(group * self.loops.filters_per_group + depth, channel)


def weight_sets(loops: Loops, tiling: PeTiling) -> Iterator[WeightSet]:
    """All sets of a pass in order, those without mask bits too."""
    axes = tiling.axes
    block_lanes, block_depth = axes.lane_places * tiling.lanes, axes.depth_places * tiling.depth
    in_lanes = loops.filters if axes.filters_in_lanes else loops.channels
    for first in range(0, in_lanes, axes.lanes):  # `ck` goes through the groups, the others have all lanes in one
        end = first + axes.lanes
        for lane_block in range(ceil_div(axes.lanes, block_lanes)):
            for depth_block in range(ceil_div(axes.depth, block_depth)):
                lanes = _places(first + lane_block * block_lanes, axes.lane_places, tiling.lanes, end)
                depth = _places(depth_block * block_depth, axes.depth_places, tiling.depth, axes.depth)
                tiles = [PeTile(lanes_here, depth_here) for depth_here in depth for lanes_here in lanes]
                yield WeightSet(loops, axes, _joined(lanes), _joined(depth), tiles)


def _places(first: int, places: int, size: int, end: int) -> list[range]:
    """`size` channels for each place from `first` on, clipped to `end`."""
    return [range(min(first + i * size, end), min(first + (i + 1) * size, end)) for i in range(places)]


def _joined(parts: list[range]) -> range:
    return range(parts[0].start, parts[-1].stop)
