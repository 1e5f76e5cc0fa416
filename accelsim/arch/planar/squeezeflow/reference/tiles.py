"""The output plane cut into tiles, and what of the input plane each meets. Rules 2 and 3 of the page."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.errors import ModelError
from accelsim.workload.planar import PlanarAxis


@dataclass(frozen=True)
class Span:
    """Output positions first .. last of an axis, and the input positions that they meet (none: `inputs` is empty)."""

    first: int
    last: int
    inputs: range

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class OutputTile:
    """One tile of every output plane."""

    rows: Span
    cols: Span

    @property
    def outputs(self) -> int:
        return self.rows.size * self.cols.size

    @property
    def words(self) -> int:
        """Of an input channel."""
        return len(self.rows.inputs) * len(self.cols.inputs)

    def plane(self, channel: np.ndarray) -> np.ndarray:
        """What the tile meets of channel [H, W]."""
        rows, cols = self.rows.inputs, self.cols.inputs
        return channel[rows.start:rows.stop, cols.start:cols.stop]


def height(policy: Policy, extent: int, size: int) -> int:
    """The policy's tile height; ModelError unless it fits."""
    given = policy(extent, size)
    if not isinstance(given, (int, np.integer)) or not 1 <= given <= min(extent, size):
        raise ModelError(f"policy {getattr(policy, '__name__', policy)}: returned the tile height {given!r} for "
                         f"{extent} outputs on {size} PEs, wanted a whole number in 1 .. {min(extent, size)}; correct "
                         "the policy")
    return int(given)


def spans(axis: PlanarAxis, tile: int) -> list[Span]:
    """The tiles along an axis, in order."""
    found = []
    for first in range(0, axis.outputs, tile):
        last = min(first + tile, axis.outputs) - 1
        low = max(0, first * axis.stride - axis.padding)
        high = min(axis.inputs - 1, last * axis.stride - axis.padding + (axis.taps - 1) * axis.dilation)
        found.append(Span(first, last, range(low, max(low, high + 1))))
    return found


def met_positions(tiles: list[OutputTile]) -> int:
    """Positions of the input plane that lie in the plane of any tile."""
    return len({(row, col) for tile in tiles for row in tile.rows.inputs for col in tile.cols.inputs})
