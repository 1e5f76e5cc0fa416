"""What all systolic arrays have: tiles, operands on the move, and an account of what every PE does in every cycle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.errors import ModelError

LOAD, FILL, BETWEEN, DRAIN = "load", "fill", "between streams", "drain"  # why a PE has no operands
STALL_OF_WAIT = {LOAD: "load", FILL: "fill", BETWEEN: "load", DRAIN: "drain"}


@dataclass(frozen=True)
class AxisSpan:
    """A tile's part of one axis: `size` elements from `first` on."""

    first: int
    size: int

    @property
    def elements(self) -> range:
        return range(self.first, self.first + self.size)


def tile_height(policy: Policy, extent: int, size: int) -> int:
    """The policy's tile height for `extent` elements along an axis of `size` PEs; ModelError unless it fits both."""
    height = policy(extent, size)
    if not isinstance(height, (int, np.integer)) or not 1 <= height <= min(extent, size):
        raise ModelError(f"policy {getattr(policy, '__name__', policy)}: returned the tile height {height!r} for "
                         f"{extent} elements on {size} PEs, wanted a whole number in 1 .. {min(extent, size)}; correct "
                         "the policy")
    return int(height)


def cut(extent: int, height: int) -> list[AxisSpan]:
    """An axis in tiles of `height`; the last holds what remains."""
    return [AxisSpan(first, min(height, extent - first)) for first in range(0, extent, height)]


@dataclass(frozen=True)
class MovingOperand:
    """A value on its way from PE to PE. number: None where the tile has no such row or column.

    index: its place in the stream, `last`: that it ends a tile's stream; both the same on all lanes of the array.
    """

    number: int | None
    tile: int
    index: int
    last: bool


def entering(begins: Sequence[int], cycle: int, length: int) -> tuple[int, int] | None:
    """(tile, element) that enters in `cycle` when tile i's stream of `length` elements begins in cycle `begins[i]`."""
    for tile in reversed(range(len(begins))):
        element = cycle - begins[tile]
        if element >= length:
            return None  # so it is with all tiles before
        if element >= 0:
            return tile, element
    return None


class Waits:
    """For each PE of a tile why it waits when it has no operands, and the sum of all it did."""

    def __init__(self, rows: int, cols: int, at_first: str) -> None:
        self.why = [[at_first] * cols for _ in range(rows)]
        self.stalls: Counter[str] = Counter()
        self.multiplied = np.zeros((rows, cols), np.int64)  # of each PE, with both operands

    def reset(self, why: str) -> None:
        """All PEs wait for that from now on."""
        self.why = [[why] * len(row) for row in self.why]

    def book_wait(self, row: int, col: int) -> None:
        """One cycle without operands."""
        self.stalls[STALL_OF_WAIT[self.why[row][col]]] += 1

    def book_multiplication(self, row: int, col: int, factors: Sequence[int | None]) -> None:
        """One cycle with operands, None being one that the tile does not have."""
        self.stalls["unused" if None in factors else "busy" if all(factors) else "ineffectual"] += 1
        self.multiplied[row, col] += None not in factors
