"""How each kind of layer stands in a trace file: its entry in the header, and its tensors.

A new kind of layer adds a class to `Spec`; its tensors are stored by role, its geometry in the entry itself.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from accelsim.errors import TraceError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul
from accelsim.workload.recurrent import TENSORS
from accelsim.workload.recurrent_cell import RecurrentCell
from accelsim.workload.recurrent_maker import recurrent, with_summed_bias
from accelsim.workload.sparse_matmul import SparseMatmul, joined_operands
from accelsim.workload.stored_rows import RowsSpec, stored_rows
from accelsim.workload.tensors import TensorSpec, stored
from accelsim.yaml import StrictModel

ReadTensor = Callable[[str, TensorSpec | int], np.ndarray]  # by role: a tensor, or so many bytes


class _DenseSpec(StrictModel):
    name: str = Field(min_length=1)
    weight: TensorSpec
    activation: TensorSpec
    bias: TensorSpec | None

    def _tensors(self, read: ReadTensor) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        weight, activation = read("weight", self.weight), read("activation", self.activation)
        return weight, activation, None if self.bias is None else read("bias", self.bias)


class ConvSpec(_DenseSpec):
    """A convolution."""

    op: Literal["conv2d"]
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int

    def layer(self, read: ReadTensor) -> Layer:
        weight, activation, bias = self._tensors(read)
        return conv2d(self.name, weight, activation, self.stride, self.padding, self.dilation, self.groups, bias)


class MatmulSpec(_DenseSpec):
    """A linear layer, or a batched matrix product."""

    op: Literal["matmul"]

    def layer(self, read: ReadTensor) -> Layer:
        weight, activation, bias = self._tensors(read)
        if bias is None:
            return matmul(self.name, weight, activation)
        if weight.shape[:1] != (1,) or activation.shape[:1] != (1,):
            raise TraceError(f"layer {self.name!r}: only a matmul with one group has a bias")
        return linear(self.name, weight[0], activation[0], bias)


class RecurrentSpec(_DenseSpec):
    """A recurrent layer."""

    op: Literal["recurrent"]
    recurrent_weight: TensorSpec
    states: TensorSpec
    projection: TensorSpec | None
    peepholes: TensorSpec | None
    inner: TensorSpec | None
    cell: RecurrentCell
    lengths: list[int] | None

    def layer(self, read: ReadTensor) -> Layer:
        specs: dict[str, TensorSpec | None] = {role: getattr(self, role) for role in TENSORS}
        tensors = {role: None if spec is None else read(role, spec) for role, spec in specs.items()}
        weights = {role: tensors[role] for role in ("weight", "recurrent_weight", "projection", "peepholes")}
        made = recurrent(self.name, self.cell, tensors["activation"], weights, states=tensors["states"],
                         inner=tensors["inner"], lengths=self.lengths)
        return with_summed_bias(made, tensors["bias"])


class SparseMatmulSpec(StrictModel):
    """A product of two sparse matrices."""

    op: Literal["sparse_matmul"]
    name: str = Field(min_length=1)
    a: RowsSpec
    b: RowsSpec

    def layer(self, read: ReadTensor) -> Layer:
        a, b = (spec.rows(role, lambda part, size, role=role: read(f"{role}.{part}", size))  # type: ignore[misc]
                for role, spec in (("a", self.a), ("b", self.b)))
        return joined_operands(self.name, a, b)


Spec = Annotated[ConvSpec | MatmulSpec | RecurrentSpec | SparseMatmulSpec, Field(discriminator="op")]


def write(layer: Layer) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The layer's entry in the header, and the arrays to store, by role."""
    arrays: dict[str, np.ndarray] = {}
    if isinstance(layer, SparseMatmul):
        spec: dict[str, Any] = {"op": layer.op, "name": layer.name}
        for role, rows in (("a", layer.a_rows), ("b", layer.b_rows)):
            entry_of_rows, parts = stored_rows(rows)
            spec[role] = entry_of_rows.model_dump(mode="json")
            arrays |= {f"{role}.{part}": array for part, array in parts.items()}
        return spec, arrays
    spec = {"op": layer.op, "name": layer.name, **layer.geometry}
    for role, tensor in layer.tensors.items():
        spec[role] = None
        if tensor is not None:
            entry = stored(tensor, layer.op, role)
            spec[role], arrays[role] = entry.spec, entry.array
    return spec, arrays
