"""A layer as the rules page sees it: loop bounds, and tensors with their axes in one order."""

from typing import NamedTuple

import numpy as np

from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


class LayerShape(NamedTuple):
    """Loop bounds, all int; filters and channels are those of one group, the plane is the unpadded input's."""

    groups: int
    filters: int
    channels: int
    rows: int
    taps: int
    images: int
    height: int
    width: int
    out_rows: int
    out_cols: int
    row_stride: int
    col_stride: int
    row_dilation: int
    col_dilation: int
    row_padding: int
    col_padding: int

    @property
    def depthwise(self) -> bool:
        """One filter and one channel per group."""
        return self.groups > 1 and self.filters == self.channels == 1

    @property
    def items(self) -> int:
        """Output rows of all images."""
        return self.images * self.out_rows


def shape_of(layer: Layer) -> LayerShape:
    """Raises UnsupportedLayerError for an operator that is neither a convolution nor a matrix product."""
    if isinstance(layer, Conv2d):
        filters, channels, rows, taps = layer.weight.shape
        images, _, height, width = layer.activation.shape
        return LayerShape(layer.groups, filters // layer.groups, channels, rows, taps, images, height, width,
                     *layer.out_plane, *layer.stride, *layer.dilation, *layer.padding)
    if isinstance(layer, Matmul):
        groups, filters, channels = layer.weight.shape
        return LayerShape(groups, filters, channels, 1, 1, layer.activation.shape[1], 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
    raise UnsupportedLayerError(f"layer {layer.name!r}: eyeriss has no mapping for a {layer.op}")


def weight_mask(layer: Layer, shape: LayerShape) -> np.ndarray:
    """Non-zero weights, bool [group, filter, channel, row, tap]."""
    mask = layer.weight if layer.weight.dtype == bool else layer.weight != 0
    return mask.reshape(shape.groups, shape.filters, shape.channels, shape.rows, shape.taps)


def iact_mask(layer: Layer, shape: LayerShape) -> np.ndarray:
    """Non-zero inputs, bool [image, group, channel, row, column]."""
    mask = layer.activation != 0
    if isinstance(layer, Matmul):
        mask = mask.swapaxes(0, 1)
    return mask.reshape(shape.images, shape.groups, shape.channels, shape.height, shape.width)
