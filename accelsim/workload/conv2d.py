"""Convolutions. Padding is a number, never zeros in the activation, so that a machine can tell the two apart."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from accelsim.errors import TraceError
from accelsim.workload.layer import DenseLayer
from accelsim.workload.operands import bias_vector, check_axes, check_outputs, checked_tensor, pair, whole


@dataclass(frozen=True, eq=False)
class Conv2d(DenseLayer):
    """2-D convolution: weight [K, C/groups, R, S], activation [N, C, H, W], output [N, K, P, Q]."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    op: ClassVar[Literal["conv2d"]] = "conv2d"

    @property
    def geometry(self) -> dict[str, Any]:
        return {"stride": list(self.stride), "padding": list(self.padding), "dilation": list(self.dilation),
                "groups": self.groups}

    @cached_property
    def out_plane(self) -> tuple[int, int]:
        """(P, Q): rows and columns of the output plane."""
        return tuple((self.activation.shape[2 + d] + 2 * self.padding[d]
                      - self.dilation[d] * (self.weight.shape[2 + d] - 1) - 1) // self.stride[d] + 1
                     for d in (0, 1))

    @property
    def macs_dense(self) -> int:
        rows, cols = self.out_plane
        return self.activation.shape[0] * self.weight.size * rows * cols

    def taps(self, r: int, s: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """For filter position (r, s): the slices of the unpadded input plane that it meets, and of the output plane.

        Both slices have equal sizes; what falls in the padding is left out. So a tap never reads a padded zero.
        """
        return self._taps[r, s]

    @cached_property
    def _taps(self) -> dict[tuple[int, int], tuple[tuple[slice, slice], tuple[slice, slice]]]:
        """By filter position: every group of a depthwise layer asks for them all."""
        return {(r, s): self._tap(r, s) for r, s in np.ndindex(*self.weight.shape[2:])}

    def _tap(self, r: int, s: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        into, out = [], []
        for axis, offset in ((0, r), (1, s)):
            stride, first = self.stride[axis], offset * self.dilation[axis] - self.padding[axis]
            low = max(0, -(first // stride))  # first output row whose tap is not left of the plane
            high = min(self.out_plane[axis], (self.activation.shape[2 + axis] - 1 - first) // stride + 1)
            high = max(low, high)
            into.append(slice(first + low * stride, max(0, first + (high - 1) * stride + 1), stride)
                        if high > low else slice(0, 0))
            out.append(slice(low, high))
        return tuple(into), tuple(out)  # type: ignore[return-value]

    @cached_property
    def macs_effectual(self) -> int:
        filters = (self.weight != 0).reshape(self.groups, -1, *self.weight.shape[1:])
        weights = filters.sum(axis=1).reshape(-1, *self.weight.shape[2:])  # [C, R, S]
        active, total = self.activation != 0, 0
        for r, s in np.ndindex(*self.weight.shape[2:]):
            (rows, cols), _ = self.taps(r, s)
            total += int(active[:, :, rows, cols].sum(axis=(0, 2, 3)) @ weights[:, r, s])
        return total

    def output(self) -> np.ndarray:
        weight, activation, bias = self._int_tensors()
        images, per_group = activation.shape[0], self.weight.shape[1]
        result = np.zeros((images, weight.shape[0], *self.out_plane), np.int64)
        filters = weight.shape[0] // self.groups
        for g in range(self.groups):
            k, c = slice(g * filters, (g + 1) * filters), slice(g * per_group, (g + 1) * per_group)
            for r, s in np.ndindex(*weight.shape[2:]):
                (rows, cols), (p, q) = self.taps(r, s)
                result[:, k, p, q] += np.einsum("kc,nchw->nkhw", weight[k, :, r, s], activation[:, c, rows, cols])
        return result + (bias if isinstance(bias, int) else bias[None, :, None, None])


def conv2d(name: str, weight: Any, activation: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1, bias: Any = None) -> Conv2d:
    """A 2-D convolution: weight [K, C/groups, R, S], activation [N, C, H, W], bias [K] or None.

    `stride`, `padding` and `dilation` are one int or a (rows, columns) pair; groups = C is a depthwise layer.
    Padding is not part of the activation. Raises TraceError when a shape or a dtype does not fit.
    """
    weight, activation = checked_tensor(name, "weight", weight), checked_tensor(name, "activation", activation)
    check_axes(name, "weight", weight, "K, C/groups, R, S")
    check_axes(name, "activation", activation, "N, C, H, W")
    (filters, per_group, *kernel), (images, channels, *plane) = weight.shape, activation.shape
    groups = whole(name, "groups", groups, 1, channels)
    stride, padding, dilation = (pair(name, key, value, low) for key, value, low in
                                 (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)))
    if per_group * groups != channels or filters % groups:
        raise TraceError(f"layer {name!r}: weight {list(weight.shape)} with groups={groups} wants "
                         f"{per_group * groups} input channels and filters divisible by {groups}, "
                         f"the activation has {channels} channels and the weight {filters} filters")
    for axis in (0, 1):
        extent = dilation[axis] * (kernel[axis] - 1) + 1
        if padding[axis] > extent:
            raise TraceError(f"layer {name!r}: padding {padding[axis]} is larger than the filter's extent {extent}; "
                             "outputs would see padding alone")
        if plane[axis] + 2 * padding[axis] < extent:
            raise TraceError(f"layer {name!r}: a filter of extent {extent} does not fit the padded plane of "
                             f"{plane[axis] + 2 * padding[axis]}; give a larger activation or more padding")
    layer = Conv2d(name, weight, activation, bias_vector(name, bias, filters), stride, padding, dilation, groups)
    check_outputs(name, images * filters * layer.out_plane[0] * layer.out_plane[1])
    return layer
