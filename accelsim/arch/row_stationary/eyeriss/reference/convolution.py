"""The layer as a convolution in groups: its integer tensors and how inputs, taps and outputs meet along its axes."""

from dataclasses import dataclass

import numpy as np

from accelsim.workload.layer import Layer
from accelsim.workload.planar import PlanarAxis, from_images, planar


class SlidingAxis(PlanarAxis):
    """Rows, or columns."""

    def met(self, output: int, tap: int) -> int:
        """The input position that an output meets at a tap; outside [0, inputs) it is padding."""
        return output * self.stride + tap * self.dilation - self.padding


@dataclass(frozen=True, eq=False)
class GroupedConvolution:
    """weight [G, M, C, R, S], iact [G, N, C, H, W] of G groups, bias [G x M], int64; `rows` and `cols`: geometry."""

    weight: np.ndarray
    iact: np.ndarray
    bias: np.ndarray
    rows: SlidingAxis
    cols: SlidingAxis

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


def as_convolution(layer: Layer) -> GroupedConvolution:
    """The convolution of a Conv2d or a Matmul in groups. Raises what `planar` does."""
    conv = planar(layer, SlidingAxis, "Eyeriss")
    by_group = conv.activation.reshape(conv.images, conv.groups, -1, *conv.activation.shape[2:]).swapaxes(0, 1)
    return GroupedConvolution(conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:]), by_group,
                              conv.bias, conv.rows, conv.cols)


def as_layer_output(layer: Layer, sums: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """`sums` [G, M, N, P, Q] with the bias, in the shape of `layer.output()`."""
    images = sums.reshape(-1, *sums.shape[2:]).swapaxes(0, 1)  # [N, K, P, Q]
    return np.ascontiguousarray(from_images(layer, images + bias[:, None, None]))
