"""The loop dimensions of a layer, and its integer tensors in the shape of a convolution."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.workload.layer import Layer
from accelsim.workload.planar import Planar, PlanarAxis, planar


class LoopAxis(PlanarAxis):
    """Rows, or columns, of the plane: how inputs, taps and outputs meet."""

    def inputs_under(self, outputs: int) -> int:
        """Distinct inputs that a run of output positions reads, padding included."""
        return len({i * self.stride + r * self.dilation for i in range(outputs) for r in range(self.taps)})

    def outputs_over(self, inputs: int) -> int:
        """Distinct outputs, beyond the plane too, with a tap on a run of input positions."""
        met: set[int] = set()
        for r in range(self.taps):
            first = -(r * self.dilation // self.stride)  # the first m with m x stride + r x dilation >= 0
            met.update(range(first, -((r * self.dilation - inputs) // self.stride)))
        return len(met)

    def landing(self, output: int, tap: int) -> int:
        """The input position that an output meets through a tap; one in the padding goes to the nearest real one."""
        return min(max(output * self.stride + tap * self.dilation - self.padding, 0), self.inputs - 1)


class Weight(NamedTuple):
    """A weight the mask keeps: filter k of the layer, channel c of its group, tap (r, s)."""

    k: int
    c: int
    r: int
    s: int
    value: int


@dataclass(frozen=True, eq=False)
class Loops(Planar[LoopAxis]):
    """A layer with its mask [K, C/G, R, S] bool: what the machine stores of the weight."""

    mask: np.ndarray

    @property
    def channels_per_group(self) -> int:
        """C_g."""
        return int(self.weight.shape[1])

    @property
    def filters_per_group(self) -> int:
        """K_g."""
        return self.filters // self.groups

    @property
    def taps(self) -> int:
        """R x S."""
        return self.rows.taps * self.cols.taps

    @property
    def kept(self) -> int:
        """Z: mask bits of the layer."""
        return int(self.mask.sum())

    def channel_of(self, weight: Weight) -> int:
        """The channel of the layer that a weight meets."""
        return weight.k // self.filters_per_group * self.channels_per_group + weight.c

    def slice_weights(self, k: int, c: int) -> list[Weight]:
        """The kept weights of the R x S slice of filter k and channel c of its group."""
        return [Weight(k, c, int(r), int(s), int(self.weight[k, c, r, s])) for r, s in np.argwhere(self.mask[k, c])]

    def weights(self) -> Iterator[Weight]:
        """All kept weights."""
        for k, c in np.ndindex(*self.mask.shape[:2]):
            yield from self.slice_weights(k, c)


def loops_of(layer: Layer, sparse: bool) -> Loops:
    """The loop dimensions of a Conv2d or a Matmul; not `sparse`: the mask keeps every weight.

    Raises what `planar` does.
    """
    conv = planar(layer, LoopAxis, "Procrustes")
    return Loops(**vars(conv), mask=conv.weight != 0 if sparse else np.ones(conv.weight.shape, bool))
