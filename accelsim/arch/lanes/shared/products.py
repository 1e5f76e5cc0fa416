"""A layer as the family sees it: products whose reduction lies in the order in which a design walks it.

Both wings may begin here, as those of EIE begin with `accelsim.workload.lowering`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.arch.lanes.shared.schedule import Order
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import matrix_products

IMAGE_CHANNELS = 3  # of a layer that space-to-depth is for
AXES: dict[Order, tuple[int, ...]] = {  # of [.., channel, tap row, tap column]; the last is walked fastest
    "taps_outer": (0, 2, 3, 1), "columns_outer": (0, 3, 2, 1), "channels_outer": (0, 1, 2, 3)}


@dataclass(frozen=True, eq=False)
class LaneProduct:
    """weights [output, reduction] meet values [position, reduction]; `taps` x `channels` reduction positions.

    row: positions of one output row; of a matrix product all its vectors.
    """

    weights: np.ndarray
    values: np.ndarray
    bias: np.ndarray | None
    channels: int
    taps: int
    row: int


def lane_products(layer: Layer, order: Order, pad_channels: int = 1) -> Iterator[LaneProduct]:
    """The products of `layer` in order, one at a time; channels filled up with zeros to a multiple of `pad_channels`.

    Raises UnsupportedLayerError for other operators.
    """
    for product in matrix_products(layer):
        kernel = layer.weight.shape[2:] if isinstance(layer, Conv2d) else (1, 1)
        row = layer.out_plane[1] if isinstance(layer, Conv2d) else len(product.vectors)
        channels = product.matrix.shape[1] // (kernel[0] * kernel[1])
        missing = -channels % pad_channels
        weights, values = (
            _with_channels(matrix.reshape(-1, channels, *kernel), channels + missing).transpose(AXES[order])
            .reshape(len(matrix), -1) for matrix in (product.matrix, product.vectors))
        yield LaneProduct(weights, values, product.bias, channels + missing, kernel[0] * kernel[1], row)


def _with_channels(tensor: np.ndarray, channels: int) -> np.ndarray:
    """[.., channel, row, column] filled up with zeros."""
    if channels == tensor.shape[1]:
        return tensor
    filled = np.zeros((len(tensor), channels, *tensor.shape[2:]), tensor.dtype)
    filled[:, :tensor.shape[1]] = tensor
    return filled


def space_to_depth(layer: Layer) -> Layer:
    """A strided layer over images as one of stride 1 with more channels and fewer taps; any other layer as it is.

    For a convolution of three channels with one stride s > 1 on both axes, no groups and no dilation: channel
    (dy x s + dx) x 3 + c of the new plane at (y, x) is channel c of the padded plane at (y x s + dy, x x s + dx), and
    likewise for the taps; what lies outside of the plane or the filter is zero.
    """
    if not (isinstance(layer, Conv2d) and layer.activation.shape[1] == IMAGE_CHANNELS and layer.groups == 1
            and layer.dilation == (1, 1) and layer.stride[0] == layer.stride[1] > 1):
        return layer
    step, taps = layer.stride[0], tuple(-(-size // layer.stride[0]) for size in layer.weight.shape[2:])
    plane = tuple(out + tap - 1 for out, tap in zip(layer.out_plane, taps, strict=True))
    rows, cols = layer.padding
    padded = np.pad(layer.activation, ((0, 0), (0, 0), (rows, rows), (cols, cols)))
    return Conv2d(layer.name, _folded(layer.weight, taps, step), _folded(padded, plane, step), layer.bias)


def _folded(tensor: np.ndarray, plane: tuple[int, ...], step: int) -> np.ndarray:
    """[.., channel, row, column] with blocks of step x step positions as channels, cut or filled up to `plane`."""
    size = [extent * step for extent in plane]
    whole = np.zeros((*tensor.shape[:2], *size), tensor.dtype)
    rows, cols = (min(a, b) for a, b in zip(size, tensor.shape[2:], strict=True))
    whole[:, :, :rows, :cols] = tensor[:, :, :rows, :cols]
    count, channels = tensor.shape[:2]
    blocks = whole.reshape(count, channels, plane[0], step, plane[1], step)
    return blocks.transpose(0, 3, 5, 1, 2, 4).reshape(count, step * step * channels, *plane)
