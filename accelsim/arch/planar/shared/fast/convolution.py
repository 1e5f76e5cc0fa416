"""Every layer as the convolution that planar machines run."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


@dataclass(frozen=True)
class PatternAxis:
    """One axis (rows or columns) of a convolution: input size, filter taps, output size, and how they meet."""

    size: int
    taps: int
    stride: int
    padding: int
    dilation: int
    out: int

    @property
    def tap_phases(self) -> np.ndarray:
        """Stride phase of each tap."""
        return np.arange(self.taps) * self.dilation % self.stride

    @property
    def position_phases(self) -> np.ndarray:
        """Stride phase of each input position."""
        return (np.arange(self.size) + self.padding) % self.stride


@dataclass(frozen=True, eq=False)
class PatternConvolution:
    """Non-zero patterns of a layer seen as a convolution: weight [K, C/groups, R, S], activation [N, C, H, W], bool."""

    name: str
    weight: np.ndarray
    activation: np.ndarray
    rows: PatternAxis
    cols: PatternAxis
    groups: int

    @property
    def filters(self) -> int:
        """K of the whole layer."""
        return self.weight.shape[0]

    @property
    def channels(self) -> int:
        """C of the whole layer."""
        return self.activation.shape[1]

    @property
    def images(self) -> int:
        """N."""
        return self.activation.shape[0]

    @property
    def outputs(self) -> int:
        """Values of the output tensor."""
        return self.images * self.filters * self.rows.out * self.cols.out

    @cached_property
    def plane_nonzeros(self) -> np.ndarray:
        """Non-zeros [H, W] over images and channels."""
        return np.count_nonzero(self.activation, axis=(0, 1))


def convolution_of(layer: Layer) -> PatternConvolution:
    """`as_convolution`, kept with the layer: every design of every planar machine reads the same."""
    found: PatternConvolution = derived(layer, "planar convolution", lambda: as_convolution(layer))
    return found


def as_convolution(layer: Layer) -> PatternConvolution:
    """The convolution behind `layer`. A matrix product is a 1x1 convolution of 1x1 planes, one image per vector.

    Raises UnsupportedLayerError for an operator that is neither.
    """
    if isinstance(layer, Conv2d):
        rows, cols = (PatternAxis(layer.activation.shape[2 + a], layer.weight.shape[2 + a], layer.stride[a],
                                  layer.padding[a], layer.dilation[a], layer.out_plane[a]) for a in (0, 1))
        return PatternConvolution(layer.name, layer.weight != 0, layer.activation != 0, rows, cols, layer.groups)
    if isinstance(layer, Matmul):
        groups, outputs, inputs = layer.weight.shape
        batch, point = layer.activation.shape[1], PatternAxis(1, 1, 1, 0, 1, 1)
        weight = (layer.weight != 0).reshape(groups * outputs, inputs, 1, 1)
        vectors = np.ascontiguousarray((layer.activation != 0).transpose(1, 0, 2))
        images = vectors.reshape(batch, groups * inputs, 1, 1)
        return PatternConvolution(layer.name, weight, images, point, point, groups)
    raise UnsupportedLayerError(f"layer {layer.name!r}: no rule runs a {layer.op} on a planar-tiled machine; "
                                "give a convolution or a matrix product")
