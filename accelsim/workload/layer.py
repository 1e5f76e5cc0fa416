"""Layers: one operator with its real tensors.

A layer holds either integer values (int8 or int16) or, for pattern-only work, bool arrays that say which
positions are non-zero. Padding of a convolution is a number, never zeros in the activation, so that a machine
can tell the two apart. All shapes are checked here, once.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from accelsim.errors import TraceError
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.operands import bias_vector, check_axes, check_outputs, checked_tensor, owned, pair, whole


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator of a workload. Use `accelsim.linear`, `accelsim.matmul` or `accelsim.conv2d` to make one.

    `weight` and `activation` are int8, int16 or bool arrays, `bias` is int32, bool or None, one value per output
    channel; they are the layer's own and cannot be written. Axes: see each subclass.
    """

    name: str
    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray | None
    op: ClassVar[str]

    def __post_init__(self) -> None:
        for role in ("weight", "activation", "bias"):  # what a caller changes later is not the layer's
            tensor = getattr(self, role)
            if tensor is not None:
                object.__setattr__(self, role, owned(tensor))

    @property
    def has_values(self) -> bool:
        """True when every tensor holds integers, so that a reference can compute the output."""
        tensors = [self.weight, self.activation] + ([] if self.bias is None else [self.bias])
        return all(t.dtype != bool for t in tensors)

    @cached_property
    def macs_effectual(self) -> int:
        """Multiply-accumulates with both operands non-zero; padding and the bias do not count."""
        raise NotImplementedError

    @property
    def macs_dense(self) -> int:
        """Multiply-accumulates of the dense layer (padding included, as is usual)."""
        raise NotImplementedError

    @property
    def geometry(self) -> dict[str, Any]:
        """The scalars that do not follow from the shapes (stride, padding...), for the trace header."""
        return {}

    @property
    def shape_text(self) -> str:
        """The shapes as a person writes them."""
        return f"{_times(self.weight)} * {_times(self.activation)}"

    def output(self) -> np.ndarray:
        """The exact layer output, int64, by numpy alone: what every reference engine must reproduce."""
        raise NotImplementedError

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result: operator, geometry and tensor bytes."""
        tensors = {"weight": self.weight, "activation": self.activation, "bias": self.bias}
        head = {k: None if t is None else [t.dtype.str, list(t.shape)] for k, t in tensors.items()}
        sha = hashlib.sha256(json.dumps([self.op, self.name, self.geometry, head], sort_keys=True).encode())
        for tensor in tensors.values():
            if tensor is not None:
                sha.update(np.ascontiguousarray(tensor).data)
        return sha.hexdigest()

    def check_values(self) -> None:
        """TraceError for a pattern-only layer: what computes with values calls this first."""
        if not self.has_values:
            raise TraceError(f"layer {self.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                             "give integer tensors, or use engine='kernel', which needs the pattern alone")

    def _int_tensors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        self.check_values()
        bias = 0 if self.bias is None else self.bias.astype(np.int64)
        return self.weight.astype(np.int64), self.activation.astype(np.int64), bias


@dataclass(frozen=True, eq=False)
class Matmul(Layer):
    """Batched matrix product: weight [groups, out, in] times activation [groups, batch, in] (rows are vectors).

    Output [groups, batch, out]. A linear layer is the case groups = 1; `macs` are groups*batch*out*in.
    """

    op: ClassVar[Literal["matmul"]] = "matmul"

    @property
    def macs_dense(self) -> int:
        groups, out, n_in = self.weight.shape
        return groups * out * n_in * self.activation.shape[1]

    @cached_property
    def macs_effectual(self) -> int:
        pairs = zip(self.weight, self.activation, strict=True)
        return sum(int(column_nonzeros(w) @ column_nonzeros(a)) for w, a in pairs)

    def output(self) -> np.ndarray:
        weight, activation, bias = self._int_tensors()
        return np.einsum("goi,gbi->gbo", weight, activation) + bias


@dataclass(frozen=True, eq=False)
class Conv2d(Layer):
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

    @property
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


def linear(name: str, weight: Any, activation: Any, bias: Any = None) -> Matmul:
    """A fully connected layer: weight [out, in], activation [in] or [batch, in], bias [out] or None.

    Integers (int8, int16; wider ones when their values fit int16) or bool patterns.
    Raises TraceError when a shape or a dtype does not fit.
    """
    weight, activation = checked_tensor(name, "weight", weight), checked_tensor(name, "activation", activation)
    if activation.ndim == 1:
        activation = activation[None]
    check_axes(name, "weight", weight, "out, in")
    check_axes(name, "activation", activation, "batch, in")
    return _matmul(name, weight[None], activation[None], bias)


def matmul(name: str, weight: Any, activation: Any) -> Matmul:
    """A batched matrix product: weight [groups, out, in], activation [groups, batch, in] (attention, for instance).

    Each row of `activation` is one vector; output [groups, batch, out]. Raises TraceError as `linear` does.
    """
    weight, activation = checked_tensor(name, "weight", weight), checked_tensor(name, "activation", activation)
    check_axes(name, "weight", weight, "groups, out, in")
    check_axes(name, "activation", activation, "groups, batch, in")
    if weight.shape[0] != activation.shape[0]:
        raise TraceError(f"layer {name!r}: weight has {weight.shape[0]} groups, activation {activation.shape[0]}; "
                         "give both the same first axis")
    return _matmul(name, weight, activation, None)


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


def _matmul(name: str, weight: np.ndarray, activation: np.ndarray, bias: Any) -> Matmul:
    if weight.shape[2] != activation.shape[2]:
        raise TraceError(f"layer {name!r}: weight has {weight.shape[2]} inputs, activation {activation.shape[2]}; "
                         "the last axes must be equal (weight [out, in], activation [batch, in])")
    check_outputs(name, weight.shape[0] * weight.shape[1] * activation.shape[1])
    return Matmul(name, weight, activation, bias_vector(name, bias, weight.shape[1]))


def _times(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape))
