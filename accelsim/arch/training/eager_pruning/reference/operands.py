"""What a weight meets: an owner, a channel of what is streamed, and at each position an operand or none."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.workload.planar import Planar, PlanarAxis

NOTHING = -1


class Weight(NamedTuple):
    """A weight that the mask keeps, where it is: filter k, channel c of the layer, tap (r, s)."""

    k: int
    c: int
    r: int
    s: int
    value: int


class Operands:
    """A pass over a layer: who owns which weights, and what they meet. dy [N, K, P, Q]."""

    def __init__(self, planar: Planar[PlanarAxis], dy: np.ndarray, phase: str, sparse: bool) -> None:
        self.planar, self.dy, self.sparse = planar, dy, sparse
        self.backward, self.updates = phase == "backward", phase == "weight_update"
        self.streamed = dy if self.backward else planar.activation
        sums = planar.activation if self.backward else dy
        self.owners = sums.shape[1]
        self.positions = [(n, row, col) for n in range(sums.shape[0]) for row in range(sums.shape[2])
                          for col in range(sums.shape[3])]
        self.channel_words = self.streamed[:, 0].size

    def weights_of(self, owner: int) -> Iterator[Weight | None]:
        """All weights of an owner in the order of the list; None for each that the mask drops."""
        weight, groups = self.planar.weight, self.planar.groups
        filters, channels = self.planar.filters // groups, self.planar.channels // groups
        first = owner // (channels if self.backward else filters)  # the group
        for other in range(filters if self.backward else channels):
            k = first * filters + other if self.backward else owner
            c = owner if self.backward else first * channels + other
            for r, s in np.ndindex(*weight.shape[2:]):
                value = int(weight[k, c % channels, r, s])
                yield Weight(k, c, int(r), int(s), value) if value or not self.sparse else None

    def channel(self, weight: Weight) -> int:
        """The channel of what is streamed that a weight meets."""
        return weight.k if self.backward else weight.c

    def met(self, weight: Weight) -> list[int]:
        """For each position the place, in the streamed tensor, of what the weight meets there, or NOTHING."""
        rows = [self._along(self.planar.rows, weight.r, at) for at in range(1 + max(p[1] for p in self.positions))]
        cols = [self._along(self.planar.cols, weight.s, at) for at in range(1 + max(p[2] for p in self.positions))]
        _, channels, height, width = self.streamed.shape
        places = []
        for n, row, col in self.positions:
            inside = rows[row] != NOTHING and cols[col] != NOTHING
            place = ((n * channels + self.channel(weight)) * height + rows[row]) * width + cols[col]
            places.append(place if inside else NOTHING)
        return places

    def _along(self, axis: PlanarAxis, tap: int, at: int) -> int:
        """The row, or column, of what is streamed that a tap meets from position `at`."""
        if not self.backward:
            found = at * axis.stride + tap * axis.dilation - axis.padding
            return found if 0 <= found < axis.inputs else NOTHING
        found, between = divmod(at + axis.padding - tap * axis.dilation, axis.stride)
        return found if between == 0 and 0 <= found < axis.outputs else NOTHING
