"""The loop dimensions of a layer, and its integer tensors in the shape of a convolution."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.errors import TraceError, UnsupportedLayerError
from accelsim.workload.layer import Conv2d, Layer, Matmul


@dataclass(frozen=True)
class Axis:
    """Rows, or columns, of the plane: input and output positions, filter taps, and how they meet."""

    inputs: int
    outputs: int
    taps: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

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
class Loops:
    """weight [K, C/G, R, S], x [N, C, H, W], bias [K], all int64; mask [K, C/G, R, S] bool: what the machine stores."""

    name: str
    weight: np.ndarray
    mask: np.ndarray
    x: np.ndarray
    bias: np.ndarray
    groups: int
    rows: Axis
    cols: Axis

    @property
    def images(self) -> int:
        """N."""
        return int(self.x.shape[0])

    @property
    def channels(self) -> int:
        """C, over all groups."""
        return int(self.x.shape[1])

    @property
    def filters(self) -> int:
        """K, over all groups."""
        return int(self.weight.shape[0])

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

    Raises TraceError for a pattern-only layer and UnsupportedLayerError for any other operator.
    """
    if not layer.has_values:
        raise TraceError(f"layer {layer.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                         "give integer tensors, or use engine='kernel', which needs the pattern alone")
    if isinstance(layer, Conv2d):
        weight, x, groups = layer.weight, layer.activation, layer.groups
        rows, cols = (Axis(x.shape[2 + d], layer.out_plane[d], weight.shape[2 + d], layer.stride[d], layer.padding[d],
                           layer.dilation[d]) for d in (0, 1))
    elif isinstance(layer, Matmul):
        groups, outputs, inputs = layer.weight.shape
        weight = layer.weight.reshape(groups * outputs, inputs, 1, 1)
        x = layer.activation.transpose(1, 0, 2).reshape(-1, groups * inputs, 1, 1)
        rows = cols = Axis(inputs=1, outputs=1, taps=1)
    else:
        raise UnsupportedLayerError(f"layer {layer.name!r}: Procrustes has no rule for a {layer.op}; "
                                    "give a conv2d, linear or matmul layer")
    bias = np.zeros(weight.shape[0], np.int64)
    if layer.bias is not None:
        bias += np.resize(layer.bias, weight.shape[0])  # a batched matrix product repeats it for each group
    mask = weight != 0 if sparse else np.ones(weight.shape, bool)
    return Loops(layer.name, weight.astype(np.int64), mask, x.astype(np.int64), bias, groups, rows, cols)


def as_images(layer: Layer, tensor: np.ndarray) -> np.ndarray:
    """A tensor in the shape of the layer's output or activation, as [image, channel, row, column]."""
    if isinstance(layer, Conv2d):
        return tensor
    groups, vectors, size = tensor.shape
    return tensor.transpose(1, 0, 2).reshape(vectors, groups * size, 1, 1)


def from_images(layer: Layer, tensor: np.ndarray) -> np.ndarray:
    """[image, channel, row, column] in the shape of the layer's output or activation: the way back of `as_images`."""
    if isinstance(layer, Conv2d):
        return tensor
    groups = layer.weight.shape[0]
    return tensor.reshape(len(tensor), groups, -1).transpose(1, 0, 2)
