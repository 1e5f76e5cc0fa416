"""Which ONNX operators carry MACs, and how each reads as layers.

A rule turns one node into `Found` sites: which values it needs, where its constant weight lies, and how both become
the operands of a layer. Everything else in the standard operator sets carries no MACs that a layer could hold
(element by element, pooling, normalization, shapes); operators that do and have no rule are errors, never skipped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accelsim.workload.importers.geometry import (
    convolution,
    planar_weight,
    same_pads,
    transposed_convolution,
    transposed_weight,
)
from accelsim.workload.importers.onnx_file import subgraphs
from accelsim.workload.importers.onnx_graph import Graph
from accelsim.workload.importers.site import CellPart, Op, SiteOperands, matrices

STANDARD = ("", "ai.onnx", "ai.onnx.ml")
# operators of the standard sets that multiply and accumulate, and have no rule
UNSUPPORTED = {"Attention", "DFT", "DeformConv", "LinearAttention", "STFT"}
Values = Mapping[str, np.ndarray]
_BOTH = {"activation": 0, "weight": 1}


@dataclass(frozen=True)
class OnnxSite:
    """One site in an ONNX graph.

    suffix: what the layer's name has after the node's. needs: values of one sample. weight: the constant's name, or
    None; `layout` shows that constant as the layer's weight and may only move elements, `scale` multiplies it.
    read: operands from the values by name; its weight is replaced by `layout(constant) * scale`. rounds: which inputs
    of the node are the operands "activation" and "weight" (where that is no constant); none inside recurrent cells.
    made: the node's first output, which finds it again. operands: what the model calls "activation", "weight", "bias".
    stored: where the integers of the operands lie that the model holds as such (`onnx_quantized`). cell: the part of a
    recurrent layer that it is, whose `layer` says what the name has after the node's.
    """

    op: Op
    needs: tuple[str, ...]
    read: Callable[[Values], SiteOperands]
    weight: str | None = None
    layout: Callable[[np.ndarray], np.ndarray] = np.asarray
    scale: float = 1.0
    suffix: str = ""
    groups: int = 1
    rounds: Mapping[str, int] = field(default_factory=lambda: {"activation": 0})
    made: str = ""
    operands: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)
    cell: CellPart | None = None


def attributes(graph: Graph, node: Any) -> dict[str, Any]:
    """A node's attributes as Python values, texts as str."""
    values = {a.name: graph.onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def title(node: Any) -> str:
    """How a message calls a node."""
    return f"{node.op_type} {node.name or node.output[0]!r}"


def unsupported(nodes: Any, known: set[str], rules: Mapping[str, Any], nested: bool = False) -> list[tuple[str, Any]]:
    """(reason, node) of every node that carries MACs, or may, and has no rule."""
    found: list[tuple[str, Any]] = []
    for node in nodes:
        if node.domain not in STANDARD:
            found.append((f"is not a standard operator (domain {node.domain!r}) and may carry MACs", node))
        elif node.op_type in UNSUPPORTED:
            found.append(("carries MACs and has no rule", node))
        elif node.op_type not in known:
            found.append(("is not an operator that this onnx package knows", node))
        elif nested and node.op_type in rules:
            found.append(("carries MACs inside a loop or a branch, which is not unrolled", node))
        for graph in subgraphs(node):
            found += unsupported(graph.node, known, rules, nested=True)
    return found


def conv(graph: Graph, node: Any) -> list[OnnxSite]:
    """Conv, 1-D to 3-D, with what zero Pad nodes in front of it add to its padding."""
    return conv_of(graph, node, node.input[0], node.input[1], optional(node, 2))


def conv_of(graph: Graph, node: Any, x: str, w: str, bias: str | None) -> list[OnnxSite]:
    """The site of a convolution whose operands are these values."""
    given, front = attributes(graph, node), zero_padding(graph, x)
    needs = (x, w, *([bias] if bias else []), *front.needs)

    def read(values: Values) -> SiteOperands:
        activation, weight = values[x], values[w]
        axes = activation.ndim - 2
        stride, dilation = given.get("strides", [1] * axes), given.get("dilations", [1] * axes)
        pads = _conv_pads(given, activation.shape[2:], weight.shape[2:], stride, dilation)
        extra = front.amounts(values, activation.ndim)
        if extra is not None:
            inner = tuple(slice(a, n - b) for (a, b), n in zip(extra, activation.shape, strict=True))
            activation = activation[inner]
            pads = [(a + c, b + d) for (a, b), (c, d) in zip(pads, extra[2:], strict=True)]
        return convolution(title(node), weight, activation, None if bias is None else values[bias], stride, pads,
                           dilation, given.get("group", 1))

    return [OnnxSite("conv2d", needs, read, w, planar_weight, groups=given.get("group", 1),
                  operands=operands(activation=x, weight=w, bias=bias))]


def optional(node: Any, at: int) -> str | None:
    """A node's input `at`, None where it is left out."""
    return node.input[at] if len(node.input) > at and node.input[at] else None


def operands(**names: str | None) -> dict[str, str]:
    """Operands by role, without those that are left out."""
    return {role: name for role, name in names.items() if name}


def conv_transpose(graph: Graph, node: Any) -> list[OnnxSite]:
    """ConvTranspose as a matrix product (see `transposed_convolution`)."""
    x, w = node.input[:2]
    groups = attributes(graph, node).get("group", 1)

    def read(values: Values) -> SiteOperands:
        return transposed_convolution(values[w], values[x], groups)

    return [OnnxSite("linear", (x, w), read, w, lambda a: transposed_weight(a, groups),
                  operands=operands(activation=x, weight=w))]


def gemm(graph: Graph, node: Any) -> list[OnnxSite]:
    """Gemm as a linear layer: alpha is part of the weight, beta of the bias."""
    a, b = node.input[:2]
    c = optional(node, 2)
    given = attributes(graph, node)
    alpha, beta = given.get("alpha", 1.0), given.get("beta", 1.0)

    def layout(array: np.ndarray) -> np.ndarray:
        return array if given.get("transB") else array.T

    def read(values: Values) -> SiteOperands:
        activation = values[a].T if given.get("transA") else values[a]
        weight = layout(values[b])
        bias, note = (None, None) if c is None else _bias(values[c], len(weight), c in graph.constant)
        return SiteOperands(weight if alpha == 1 else weight * np.float32(alpha), activation,
                        None if bias is None else bias * np.float32(beta), note=note)

    return [OnnxSite("linear", (a, b, *([c] if c else [])), read, b, layout, alpha, rounds=_BOTH,
                  operands=operands(activation=a, weight=b, bias=c))]


def matmul(graph: Graph, node: Any) -> list[OnnxSite]:
    """MatMul: a linear layer when one operand is a constant matrix, else a batched product of two activations."""
    return [matmul_of(graph, node, *node.input[:2])]


def matmul_of(graph: Graph, node: Any, a: str, b: str) -> OnnxSite:
    """The site of a product of these two values."""
    if b in graph.constant:
        return _constant_right(graph, node, a, b)
    if a in graph.constant:
        return _constant_left(a, b)

    def read(values: Values) -> SiteOperands:
        left, right = matrices(values[a], values[b])
        return SiteOperands(right.swapaxes(1, 2), left)

    return OnnxSite("matmul", (a, b), read, rounds=_BOTH, operands=operands(activation=a, weight=b))


def _constant_right(graph: Graph, node: Any, a: str, b: str) -> OnnxSite:
    bias, needs = _added(graph, node, b), (a, b)

    def layout(array: np.ndarray) -> np.ndarray:
        return array[:, None].T if array.ndim == 1 else array.swapaxes(-1, -2)

    def read(values: Values) -> SiteOperands:
        weight = layout(values[b])
        if weight.ndim > 2:
            left, right = matrices(values[a], values[b])
            return SiteOperands(right.swapaxes(1, 2), left)
        rows = values[a].reshape(-1, values[a].shape[-1])
        found = None if bias is None else values[bias].reshape(-1)
        return SiteOperands(weight, rows, found if found is not None and found.size == len(weight) else None)

    return OnnxSite("linear", needs if bias is None else (*needs, bias), read, b, layout,
                 operands=operands(activation=a, weight=b, bias=bias))


def _constant_left(a: str, b: str) -> OnnxSite:
    """A constant times an activation: the columns of the activation are the layer's vectors."""

    def layout(array: np.ndarray) -> np.ndarray:
        return array[None] if array.ndim == 1 else array

    def read(values: Values) -> SiteOperands:
        weight = layout(values[a])
        if weight.ndim > 2:
            left, right = matrices(values[a], values[b])
            return SiteOperands(left, right.swapaxes(1, 2))
        columns = values[b] if values[b].ndim > 1 else values[b][:, None]
        return SiteOperands(weight, columns.swapaxes(-1, -2).reshape(-1, columns.shape[-2]))

    return OnnxSite("linear", (a, b), read, a, layout, rounds={"activation": 1},
                    operands=operands(activation=b, weight=a))


def _added(graph: Graph, node: Any, weight_name: str) -> str | None:
    """The constant vector that the only reader of a MatMul adds to it: a linear layer's bias, as exporters write it."""
    readers = graph.consumers.get(node.output[0], [])
    if len(readers) != 1 or readers[0].op_type != "Add" or node.output[0] in graph.outputs:
        return None
    other = next((n for n in readers[0].input if n != node.output[0]), None)
    if other is None or other not in graph.constants or graph.constants[other].ndim != 1:
        return None
    weight = graph.constants.get(weight_name)
    fits = weight is not None and weight.ndim == 2 and graph.constants[other].size == weight.shape[1]
    return other if fits else None


def _bias(array: np.ndarray, outputs: int, constant: bool) -> tuple[np.ndarray | None, str | None]:
    if constant and array.size in (1, outputs) and array.shape[-1:] in ((), (1,), (outputs,)):
        return np.broadcast_to(array.reshape(-1), (outputs,)), None
    return None, f"the added matrix {list(array.shape)} is not a bias and not part of the layer"


def _conv_pads(given: Mapping[str, Any], plane: Any, kernel: Any, stride: Any, dilation: Any) -> list[tuple[int, int]]:
    mode = given.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        return [same_pads(n, k, s, d, mode == "SAME_UPPER")
                for n, k, s, d in zip(plane, kernel, stride, dilation, strict=True)]
    if mode == "VALID" or "pads" not in given:
        return [(0, 0)] * len(plane)
    half = len(plane)
    return list(zip(given["pads"][:half], given["pads"][half:], strict=True))


@dataclass(frozen=True)
class Front:
    """Zeros that Pad nodes put around a value: `amounts` are (before, after) per axis of that value, or None."""

    needs: tuple[str, ...] = ()
    amounts: Callable[[Values, int], list[tuple[int, int]] | None] = lambda values, axes: None


def zero_padding(graph: Graph, name: str) -> Front:
    """What a Pad of zeros adds to `name`, seen through Transpose, Identity and Cast."""
    orders: list[list[int]] = []
    while name in graph.producer and graph.producer[name].op_type in ("Transpose", "Identity", "Cast"):
        node = graph.producer[name]
        if node.op_type == "Transpose":
            orders.append(attributes(graph, node).get("perm", []))
        name = node.input[0]
    node = graph.producer.get(name)
    if node is None or node.op_type != "Pad":
        return Front()
    given = attributes(graph, node)
    if given.get("mode", "constant") != "constant":
        return Front()
    inputs = [*node.input[1:], "", "", ""][:3]  # pads, value, axes; attributes before opset 11

    def amounts(values: Values, axes: int) -> list[tuple[int, int]] | None:
        value = values[inputs[1]].reshape(-1)[0] if inputs[1] else given.get("value", 0.0)
        pads = [int(p) for p in (values[inputs[0]] if inputs[0] else given["pads"])]
        named = [int(a) % axes for a in values[inputs[2]]] if inputs[2] else range(axes)
        result = [(0, 0)] * axes
        for i, axis in enumerate(named):
            result[axis] = (pads[i], pads[i + len(pads) // 2])
        for order in reversed(orders):
            result = [result[i] for i in (order or range(axes)[::-1])]
        usable = value == 0 and min(map(min, result)) >= 0 and not any(map(any, result[:2]))
        return result if usable else None

    return Front(tuple(n for n in inputs if n), amounts)
