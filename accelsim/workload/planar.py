"""A layer as a convolution over a plane, with its integer values: where the references of planar machines begin.

A matrix product is a plane of one position: a channel for each input of each group, an image for each vector.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


@dataclass(frozen=True)
class PlanarAxis:
    """Rows, or columns: how many input and output positions and taps there are. A machine's own axis says how it sees
    them meet."""

    inputs: int
    outputs: int
    taps: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


Axis = TypeVar("Axis", bound=PlanarAxis)


@dataclass(frozen=True, eq=False)
class Planar(Generic[Axis]):
    """weight [K, C/groups, R, S], activation [N, C, H, W], bias [K], all int64; `rows` and `cols` give the geometry."""

    name: str
    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray
    groups: int
    rows: Axis
    cols: Axis

    @property
    def images(self) -> int:
        """N."""
        return int(self.activation.shape[0])

    @property
    def channels(self) -> int:
        """C, over all groups."""
        return int(self.activation.shape[1])

    @property
    def filters(self) -> int:
        """K, over all groups."""
        return int(self.weight.shape[0])


def planar(layer: Layer, axis: type[Axis], machine: str) -> Planar[Axis]:
    """The convolution that a Conv2d or a Matmul is, its rows and columns of the class `axis`.

    Raises TraceError for a pattern-only layer and UnsupportedLayerError, which names `machine`, for other operators.
    """
    layer.check_values()
    if isinstance(layer, Conv2d):
        weight, activation, groups = layer.weight, layer.activation, layer.groups
        rows, cols = (axis(activation.shape[2 + d], layer.out_plane[d], weight.shape[2 + d], layer.stride[d],
                           layer.padding[d], layer.dilation[d]) for d in (0, 1))
    elif isinstance(layer, Matmul):
        groups, outputs, inputs = layer.weight.shape
        weight = layer.weight.reshape(groups * outputs, inputs, 1, 1)
        activation = layer.activation.transpose(1, 0, 2).reshape(-1, groups * inputs, 1, 1)
        rows = cols = axis(inputs=1, outputs=1, taps=1)
    else:
        raise UnsupportedLayerError(f"layer {layer.name!r}: {machine} has no rule for a {layer.op}; "
                                    "give a conv2d, linear or matmul layer")
    bias = np.zeros(weight.shape[0], np.int64)
    if layer.bias is not None:
        bias += np.resize(layer.bias, weight.shape[0])  # a batched matrix product repeats it for each group
    return Planar(layer.name, weight.astype(np.int64), activation.astype(np.int64), bias, groups, rows, cols)


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
    return tensor.reshape(len(tensor), layer.weight.shape[0], -1).transpose(1, 0, 2)
