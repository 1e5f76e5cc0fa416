"""The layer as a convolution in groups: its integer tensors and how inputs, taps and outputs meet along its axes."""

from dataclasses import dataclass

import numpy as np

from accelsim.errors import TraceError, UnsupportedLayerError
from accelsim.workload.layer import Conv2d, Layer, Matmul


@dataclass(frozen=True)
class Axis:
    """Rows, or columns."""

    inputs: int
    outputs: int
    taps: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def met(self, output: int, tap: int) -> int:
        """The input position that an output meets at a tap; outside [0, inputs) it is padding."""
        return output * self.stride + tap * self.dilation - self.padding


@dataclass(frozen=True, eq=False)
class Convolution:
    """weight [G, M, C, R, S], iact [G, N, C, H, W], int64, of G groups; `rows` and `cols` give the geometry."""

    weight: np.ndarray
    iact: np.ndarray
    rows: Axis
    cols: Axis

    @property
    def groups(self) -> int:
        return int(self.weight.shape[0])

    @property
    def filters(self) -> int:
        """Of one group."""
        return int(self.weight.shape[1])

    @property
    def channels(self) -> int:
        """Of one group."""
        return int(self.weight.shape[2])

    @property
    def images(self) -> int:
        return int(self.iact.shape[1])

    @property
    def items(self) -> int:
        """Output rows of all images."""
        return self.images * self.rows.outputs

    def image_and_row(self, item: int) -> tuple[int, int]:
        """Which output row an item is."""
        return divmod(item, self.rows.outputs)


def as_convolution(layer: Layer) -> Convolution:
    """The convolution of a Conv2d or a Matmul; a vector of a matrix product is an image of one position.

    Raises TraceError for a pattern-only layer and UnsupportedLayerError for any other operator.
    """
    if not layer.has_values:
        raise TraceError(f"layer {layer.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                         "give integer tensors, or use engine='kernel', which needs the pattern alone")
    weight, iact = layer.weight.astype(np.int64), layer.activation.astype(np.int64)
    if isinstance(layer, Conv2d):
        images, channels, *plane = iact.shape
        rows, cols = (Axis(plane[d], layer.out_plane[d], weight.shape[2 + d], layer.stride[d], layer.padding[d],
                           layer.dilation[d]) for d in (0, 1))
        by_group = iact.reshape(images, layer.groups, channels // layer.groups, *plane).swapaxes(0, 1)
        return Convolution(weight.reshape(layer.groups, -1, *weight.shape[1:]), by_group, rows, cols)
    if isinstance(layer, Matmul):
        position = Axis(inputs=1, outputs=1, taps=1)
        return Convolution(weight[..., None, None], iact[..., None, None], position, position)
    raise UnsupportedLayerError(f"layer {layer.name!r}: Eyeriss has no rule for a {layer.op}; "
                                "give a conv2d, linear or matmul layer")


def as_layer_output(layer: Layer, sums: np.ndarray) -> np.ndarray:
    """`sums` [G, M, N, P, Q] with the bias, in the shape of `layer.output()`."""
    bias = np.zeros(1, np.int64) if layer.bias is None else layer.bias.astype(np.int64)
    if isinstance(layer, Conv2d):
        output = sums.reshape(-1, *sums.shape[2:]).swapaxes(0, 1)  # [N, K, P, Q]
        return np.ascontiguousarray(output + bias[:, None, None])
    return np.ascontiguousarray(sums[..., 0, 0].swapaxes(1, 2) + bias)  # [G, N, M]
