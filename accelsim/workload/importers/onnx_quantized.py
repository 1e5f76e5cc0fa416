"""Integers that a model stores itself: QDQ pairs, QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger.

They are recorded as they are, zero points taken off, so that a zero of the trace is the real number 0, and their
scales with them. Scales of a weight may differ between outputs; where they differ within an output (blocks), or an
activation has several, the operand is read as floats and rounded like any other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.onnx_graph import Graph
from accelsim.workload.importers.onnx_rules import OnnxSite, Values, attributes, conv_of, matmul_of, optional, title
from accelsim.workload.importers.site import SiteOperands, weight_rows

_SEEN_THROUGH = ("Transpose", "Identity")


@dataclass(frozen=True)
class Integers:
    """Where an operand's integers lie: value = (integers - zero) * scale, both along `axis` where they are vectors.

    scale None: the model multiplies later on, a step is worth 1. perms: how they are transposed on the way.
    """

    integers: str
    scale: str | None
    zero: str | None
    axis: int = 0
    perms: tuple[tuple[int, ...], ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(name for name in (self.integers, self.scale, self.zero) if name)

    def centred(self, values: Values, kind: type = np.float32) -> np.ndarray:
        """The integers without their zero point, as floats (exact up to 16 bits, as float64 up to 32)."""
        array: np.ndarray = values[self.integers].astype(kind)
        if self.zero is not None:
            array = array - self._along(values[self.zero].astype(kind), array.shape)
        return self.turned(array)

    def scales(self, values: Values) -> np.ndarray:
        """One scale per element, in the shape of `centred`, as a view."""
        shape = values[self.integers].shape
        scale = np.asarray(1 if self.scale is None else values[self.scale], np.float32)
        return self.turned(np.broadcast_to(self._along(scale, shape), shape))

    def turned(self, array: np.ndarray) -> np.ndarray:
        """`array` as the operator reads it."""
        for perm in self.perms:
            array = array.transpose(perm or None)
        return array

    def dtype(self, values: Values, where: str) -> type[np.signedinteger[Any]]:
        """What the integers take without their zero points, by the type they are stored in."""
        kind = values[self.integers].dtype
        low, high = _bounds(kind)
        zero = values[self.zero].astype(np.int64) if self.zero is not None else np.zeros(1, np.int64)
        low, high = low - int(zero.max(initial=0)), high - int(zero.min(initial=0))
        for own in (np.int8, np.int16):
            if np.iinfo(own).min <= low and high <= np.iinfo(own).max:
                return own
        raise RecordError(f"{where}: its {kind} integers without their zero point do not fit 16 bits; quantize the "
                          "model to 8 bits")

    def _along(self, parameter: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        if parameter.size == 1:
            return parameter.reshape(())
        sizes = [1] * len(shape)
        sizes[self.axis if self.axis < len(shape) else 0] = parameter.size  # a bias has one axis
        return parameter.reshape(sizes)


def with_stored(graph: Graph, node: Any, found: OnnxSite) -> OnnxSite:
    """`found` reading stored integers where its operands come from DequantizeLinear."""
    if found.stored or not found.operands or found.scale != 1:
        return found
    behind = {role: _behind(graph, name) for role, name in found.operands.items()}
    return _stored(graph, node, found, {role: i for role, i in behind.items() if i is not None})


def qlinear_conv(graph: Graph, node: Any) -> list[OnnxSite]:
    """QLinearConv: x, its scale and zero point, w, its own, those of the output, bias."""
    x, xs, xz, w, ws, wz, *_ = node.input
    bias = optional(node, 8)
    [found] = conv_of(graph, node, x, w, bias)
    own = {"activation": Integers(x, xs, xz or None), "weight": Integers(w, ws, wz or None)}
    return [_whole(graph, node, found, own, bias)]


def conv_integer(graph: Graph, node: Any) -> list[OnnxSite]:
    """ConvInteger: x, w and their zero points; scales are applied later on."""
    x, w = node.input[:2]
    [found] = conv_of(graph, node, x, w, None)
    own = {"activation": Integers(x, None, optional(node, 2)), "weight": Integers(w, None, optional(node, 3))}
    return [_whole(graph, node, found, own, None)]


def qlinear_matmul(graph: Graph, node: Any) -> list[OnnxSite]:
    """QLinearMatMul: a, its scale and zero point, b, its own, those of the output."""
    a, a_scale, a_zero, b, b_scale, b_zero, *_ = node.input
    return [_product(graph, node, Integers(a, a_scale, a_zero or None, -2), Integers(b, b_scale, b_zero or None, -1))]


def matmul_integer(graph: Graph, node: Any) -> list[OnnxSite]:
    """MatMulInteger: a, b and their zero points; scales are applied later on."""
    a, b = node.input[:2]
    return [_product(graph, node, Integers(a, None, optional(node, 2), -2), Integers(b, None, optional(node, 3), -1))]


def _product(graph: Graph, node: Any, a: Integers, b: Integers) -> OnnxSite:
    found = matmul_of(graph, node, a.integers, b.integers)
    by_name = {a.integers: a, b.integers: b}
    names = {role: name for role, name in found.operands.items() if role != "bias"}
    found = replace(found, operands=names, needs=tuple(names.values()))
    return _whole(graph, node, found, {role: by_name[name] for role, name in names.items()}, None)


def _whole(graph: Graph, node: Any, found: OnnxSite, own: Mapping[str, Integers], bias: str | None) -> OnnxSite:
    """A site of an operator on integers; both operands must be readable as such."""
    result = _stored(graph, node, found, own, bias)
    if {"activation", "weight"} - set(result.stored):
        raise RecordError(f"{title(node)}: scales that are not above 0, are computed, or differ within an output or "
                          "between rows of its activation, have no rule; leave it out with skip (--skip)")
    return result


def _behind(graph: Graph, name: str) -> Integers | None:
    """The integers that DequantizeLinear makes `name` of, seen through Transpose."""
    perms: list[tuple[int, ...]] = []
    while name in graph.producer and graph.producer[name].op_type in _SEEN_THROUGH:
        node = graph.producer[name]
        if node.op_type == "Transpose":
            perms.insert(0, tuple(attributes(graph, node).get("perm", ())))
        name = node.input[0]
    node = graph.producer.get(name)
    if node is None or node.op_type != "DequantizeLinear":
        return None
    given = attributes(graph, node)
    zero = optional(node, 2)
    scale = graph.constants.get(node.input[1])
    kinds = [graph.constants[n].dtype for n in (node.input[0], zero or "") if n in graph.constants]
    whole = all(_bounds(kind) != (0, 0) or kind == np.int32 for kind in kinds)  # int32: a bias
    if scale is None or scale.ndim > 1 or not _sound(scale) or given.get("block_size", 0) or not whole:
        return None
    if (zero or node.input[1]) not in graph.constants:
        return None
    return Integers(node.input[0], node.input[1], zero, given.get("axis", 1), tuple(perms))


def _stored(graph: Graph, node: Any, found: OnnxSite, own: Mapping[str, Integers], bias: str | None = None) -> OnnxSite:
    """`found` with the operands in `own` read as integers; `bias` is in units of both scales."""
    usable = {role: i for role, i in own.items() if role == "bias" or _readable(graph, found, role, i)}
    if not set(usable) - {"bias"}:
        return found
    names = dict(found.operands)
    where = title(node)

    def read(values: Values) -> SiteOperands:
        shown = dict(values)
        for role, integers in usable.items():
            shown[names[role]] = _bias(usable, values) if role == "bias" else integers.centred(values)
        if bias is not None:
            shown[bias] = values[bias].astype(np.float64) * _units(usable, values)
        result = found.read(shown)
        if "weight" in usable:
            integers = usable["weight"]
            dtype = integers.dtype(values, where)
            scale = _weight_scale(found, integers, values)
            result = replace(result, weight=np.rint(result.weight).astype(dtype), weight_scale=scale)
        if "activation" in usable:
            integers = usable["activation"]
            dtype, scale = integers.dtype(values, where), float(integers.scales(values).reshape(-1)[0])
            result = replace(result, activation=np.rint(result.activation).astype(dtype), activation_scale=scale)
        return result

    needs: list[str] = []
    for name in found.needs:
        role = next((r for r in usable if names[r] == name), None)
        needs += [name] if role is None else usable[role].needs
    for i in own.values() if bias is not None else ():
        needs += i.needs
    weight = usable["weight"].integers if "weight" in usable and found.weight is not None else found.weight
    layout = found.layout
    if "weight" in usable and usable["weight"].perms:
        layout = _after(layout, usable["weight"].turned)
    return replace(found, needs=tuple(dict.fromkeys(needs)), read=read, weight=weight, layout=layout, stored=usable,
                   rounds={r: at for r, at in found.rounds.items() if r not in usable})


def _units(usable: Mapping[str, Integers], values: Values) -> np.ndarray:
    """What a step of the products is worth, per output or for all."""
    scales = [np.asarray(values[usable[role].scale or ""], np.float64).reshape(-1) for role in ("activation", "weight")]
    units: np.ndarray = scales[0] * scales[1]
    return units


def _bias(usable: Mapping[str, Integers], values: Values) -> np.ndarray:
    """A stored bias in real numbers; its scale is the product of the others but for the last bit, so that is taken."""
    integers = usable["bias"]
    own = integers.scales(values).astype(np.float64)
    if {"activation", "weight"} <= set(usable) and usable["weight"].scale and usable["activation"].scale:
        units = _units(usable, values)
        if units.size in (1, own.size) and np.allclose(own, units, rtol=1e-5, atol=0):
            own = np.broadcast_to(units, own.shape)
    return integers.centred(values, np.float64) * own


def _after(layout: Callable[[np.ndarray], np.ndarray],
           turned: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: layout(turned(array))


def _readable(graph: Graph, found: OnnxSite, role: str, integers: Integers) -> bool:
    """One scale for an activation; for a constant weight one, or one per output."""
    parameters = [graph.constants.get(n) for n in (integers.scale, integers.zero) if n]
    if any(p is None for p in parameters) or (integers.scale and not _sound(graph.constants[integers.scale])):
        return False
    several = any(p is not None and p.size > 1 for p in parameters)
    if role == "activation" or found.weight is None:
        return not several
    return not several or integers.scale is None or isinstance(_scale_of_rows(
        found, integers, {n: graph.constants[n] for n in integers.needs if n in graph.constants}), np.ndarray | float)


def _sound(scale: np.ndarray) -> bool:
    return bool((np.isfinite(scale.astype(np.float64)) & (scale > 0)).all())


def _weight_scale(found: OnnxSite, integers: Integers, values: Values) -> float | np.ndarray:
    scale = _scale_of_rows(found, integers, values)
    assert scale is not None  # `_readable` has seen it
    return scale


def _scale_of_rows(found: OnnxSite, integers: Integers, values: Values) -> float | np.ndarray | None:
    """The scale of a weight, one per output where they differ; None where they differ within an output."""
    if integers.scale is None:
        return 1.0
    scale = np.asarray(values[integers.scale], np.float64).reshape(-1)
    if scale.size == 1:
        return float(scale[0])
    if integers.integers not in values:
        return None
    laid = found.layout(integers.scales(values)).astype(np.float64)
    laid = weight_rows(laid)
    flat = laid.reshape(len(laid), -1)
    return flat[:, 0].copy() if (flat == flat[:, :1]).all() else None


def _bounds(kind: np.dtype[Any]) -> tuple[int, int]:
    """Least and largest integer of a dtype of up to 16 bits, (0, 0) for others; 4-bit kinds are no numpy's own."""
    names = {"int2": (-2, 1), "uint2": (0, 3), "int4": (-8, 7), "uint4": (0, 15)}
    if kind.kind in "iu" and kind.itemsize <= 2:
        return int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    return names.get(kind.name, (0, 0))
