"""Layers: one operator with its real tensors.

A dense layer holds either integer values (int8 or int16) or, for pattern-only work, bool arrays that say which
positions are non-zero. All shapes are checked here and in the modules of the kinds of layers, once.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from accelsim.errors import TraceError, UnsupportedLayerError
from accelsim.workload.operands import owned


class Operand(NamedTuple):
    """The shape of an operand, the share of its non-zeros, and its dtype's name."""

    shape: tuple[int, ...]
    density: float
    dtype: str


class Layer:
    """One operator of a workload. Use `accelsim.linear`, `accelsim.matmul`, `accelsim.conv2d`... to make one.

    `tensors` are what it is made of, by role; they are the layer's own and cannot be written. Every kind of layer has
    `weight` and `activation` as dense arrays, some only where they are small enough to be made.
    """

    op: ClassVar[str]
    name: str
    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray | None

    @property
    def tensors(self) -> Mapping[str, np.ndarray | None]:
        """The tensors by role, in the order of files and digests."""
        raise NotImplementedError

    @property
    def has_values(self) -> bool:
        """True when every tensor holds integers, so that a reference can compute the output."""
        return all(t is None or t.dtype != bool for t in self.tensors.values())

    @property
    def operands(self) -> Sequence[tuple[Operand, Operand]]:
        """What is said of each matrix and of what it multiplies, where they are shown."""
        return [(_operand(matrix), _operand(vectors)) for matrix, vectors in self.operand_pairs]

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
    def identity(self) -> dict[str, Any]:
        """What of `geometry` can change a result."""
        return self.geometry

    @property
    def shape_text(self) -> str:
        """The shapes as a person writes them."""
        raise NotImplementedError

    def output(self) -> np.ndarray:
        """The exact layer output, int64, by numpy alone: what every reference engine must reproduce."""
        raise NotImplementedError

    def agrees(self, output: Any) -> bool:
        """Whether `output` is this layer's, value for value: the one rule by which outputs are compared."""
        return np.array_equal(output, self.output())

    def renamed(self, name: str) -> Self:
        """The same layer as another object: nothing that was found for this one is found for it."""
        raise NotImplementedError

    def pattern(self) -> Self:
        """The same layer, non-zeros as bools."""
        raise NotImplementedError

    def with_weight(self, weight: np.ndarray) -> Self:
        """The same layer with other weights of the same shape."""
        raise NotImplementedError

    @property
    def weights(self) -> Mapping[str, np.ndarray]:
        """The matrices that pruning may thin out, by role."""
        return {"weight": self.weight}

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> Self:
        """The same layer with others in place of all its `weights`."""
        return self.with_weight(weights["weight"])

    @property
    def operand_pairs(self) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        """What is multiplied by what."""
        return [(self.weight, self.activation)]

    def plainly(self) -> "PlainLayers":
        """The same work in layers that every machine knows, for machines that do not know this kind."""
        raise UnsupportedLayerError(f"layer {self.name!r}: no rule turns a {self.op} into simpler layers")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result: operator, geometry and tensor bytes."""
        head = {k: None if t is None else [t.dtype.str, list(t.shape)] for k, t in self.tensors.items()}
        sha = hashlib.sha256(json.dumps([self.op, self.name, self.identity, head], sort_keys=True).encode())
        for tensor in self.tensors.values():
            if tensor is not None:
                sha.update(np.ascontiguousarray(tensor).data)
        return sha.hexdigest()

    def check_values(self) -> None:
        """TraceError for a pattern-only layer: what computes with values calls this first."""
        if not self.has_values:
            raise TraceError(f"layer {self.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                             "give integer tensors, or use engine='kernel', which needs the pattern alone")


@dataclass(frozen=True)
class PlainLayers:
    """A layer as matmuls that run one after the other, each when the one before is done.

    note: the sentence that tells the user so. output: the layer's output from those of `layers`.
    """

    layers: Sequence[Layer]
    note: str
    output: Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True, eq=False)
class DenseLayer(Layer):
    """A layer with dense tensors: `weight` and `activation` int8, int16 or bool, `bias` int32, bool or None, one value
    per output channel. Axes: see each subclass.
    """

    name: str
    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray | None

    def __post_init__(self) -> None:
        for role, tensor in self.tensors.items():  # what a caller changes later is not the layer's
            if tensor is not None:
                object.__setattr__(self, role, owned(tensor))

    @property
    def tensors(self) -> Mapping[str, np.ndarray | None]:
        return {"weight": self.weight, "activation": self.activation, "bias": self.bias}

    @property
    def shape_text(self) -> str:
        return f"{_times(self.weight)} * {_times(self.activation)}"

    def renamed(self, name: str) -> Self:
        return replace(self, name=name)

    def pattern(self) -> Self:
        bias = None if self.bias is None else self.bias != 0
        return replace(self, weight=self.weight != 0, activation=self.activation != 0, bias=bias)

    def with_weight(self, weight: np.ndarray) -> Self:
        return replace(self, weight=weight)

    def _int_tensors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        self.check_values()
        bias = 0 if self.bias is None else self.bias.astype(np.int64)
        return self.weight.astype(np.int64), self.activation.astype(np.int64), bias


def _operand(array: np.ndarray) -> Operand:
    return Operand(array.shape, float((array != 0).mean()), array.dtype.name)


def _times(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape))
