"""Matrix products: linear layers, and batched products of two activations (attention)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from accelsim.errors import TraceError
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.layer import DenseLayer
from accelsim.workload.operands import bias_vector, check_axes, check_outputs, checked_tensor


@dataclass(frozen=True, eq=False)
class Matmul(DenseLayer):
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


def _matmul(name: str, weight: np.ndarray, activation: np.ndarray, bias: Any) -> Matmul:
    if weight.shape[2] != activation.shape[2]:
        raise TraceError(f"layer {name!r}: weight has {weight.shape[2]} inputs, activation {activation.shape[2]}; "
                         "the last axes must be equal (weight [out, in], activation [batch, in])")
    check_outputs(name, weight.shape[0] * weight.shape[1] * activation.shape[1])
    return Matmul(name, weight, activation, bias_vector(name, bias, weight.shape[1]))
