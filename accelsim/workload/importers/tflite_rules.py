"""Which TFLite operators carry MACs, and how each reads as a layer: values have channels last, layers first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from accelsim.workload.importers.geometry import convolution, same_pads, transposed_convolution, transposed_weight
from accelsim.workload.importers.site import Op, SiteOperands, matrices, weight_rows
from accelsim.workload.importers.tflite_file import Model

# operators that multiply and accumulate, or call graphs and code that may, and have no rule
UNSUPPORTED = {
    "ASSIGN_VARIABLE", "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "CALL", "CALL_ONCE",
    "CONCAT_EMBEDDINGS", "CONV_3D", "CONV_3D_TRANSPOSE", "DELEGATE", "EMBEDDING_LOOKUP_SPARSE", "IF", "LSH_PROJECTION",
    "LSTM", "READ_VARIABLE", "RFFT2D", "RNN", "SKIP_GRAM", "STABLEHLO_COMPOSITE", "STABLEHLO_CONVOLUTION",
    "STABLEHLO_CUSTOM_CALL", "STABLEHLO_DOT_GENERAL", "STABLEHLO_WHILE", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN", "VAR_HANDLE", "WHILE"}
_SAME = 0
Values = Mapping[int, np.ndarray]


@dataclass(frozen=True)
class TfliteSite:
    """One site: its operands by tensor number. `layout` shows the weight tensor as the layer's weight, moving elements
    only. read: operands from values. activation_at, weight_at: where the operator has them among its inputs."""

    op: Op
    activation: int
    weight: int
    layout: Callable[[np.ndarray], np.ndarray]
    read: Callable[[Values], SiteOperands]
    needs: tuple[int, ...]
    activation_at: int = 0
    weight_at: int = 1
    groups: int = 1
    operator: Any = field(default=None, repr=False)


def conv(model: Model, op: Any) -> TfliteSite:
    """CONV_2D: weight [K, R, S, C/groups]."""
    x, w = op.inputs[:2]
    groups = max(1, model.shape(x)[3] // max(1, model.shape(w)[3]))
    return _convolution(model, op, lambda a: a.transpose(0, 3, 1, 2), groups)


def depthwise(model: Model, op: Any) -> TfliteSite:
    """DEPTHWISE_CONV_2D: weight [1, R, S, C * multiplier]."""
    return _convolution(model, op, lambda a: a.transpose(3, 0, 1, 2), model.shape(op.inputs[0])[3])


def _convolution(model: Model, op: Any, layout: Callable[[np.ndarray], np.ndarray], groups: int) -> TfliteSite:
    x, w = op.inputs[:2]
    bias, options = _optional(op, 2), op.builtinOptions
    stride, dilation = ((int(getattr(options, f"{key}H{tail}")), int(getattr(options, f"{key}W{tail}")))
                        for key, tail in (("stride", ""), ("dilation", "Factor")))
    front = _zero_padding(model, x)

    def read(values: Values) -> SiteOperands:
        activation, weight = values[x].transpose(0, 3, 1, 2), layout(values[w])
        plane, kernel = activation.shape[2:], weight.shape[2:]
        pads = [same_pads(n, k, s, d, True) if options.padding == _SAME else (0, 0)
                for n, k, s, d in zip(plane, kernel, stride, dilation, strict=True)]
        if front is not None:  # zeros that a PAD put there are padding of the layer
            (top, bottom), (left, right) = front
            activation = activation[:, :, top:plane[0] - bottom, left:plane[1] - right]
            pads = [(a + c, b + d) for (a, b), (c, d) in zip(pads, front, strict=True)]
        return convolution(model.names[op.outputs[0]], weight, activation, None if bias is None else values[bias],
                           stride, pads, dilation, groups)

    needs = (x, w, *([] if bias is None else [bias]))
    return TfliteSite("conv2d", x, w, layout, read, needs, groups=groups, operator=op)


def fully_connected(model: Model, op: Any) -> TfliteSite:
    """FULLY_CONNECTED: weight [out, in], any axes of the activation before the last."""
    x, w = op.inputs[:2]
    bias = _optional(op, 2)

    def read(values: Values) -> SiteOperands:
        rows = values[x].reshape(-1, values[w].shape[-1])
        return SiteOperands(values[w], rows, None if bias is None else values[bias].reshape(-1))

    return TfliteSite("linear", x, w, np.asarray, read, (x, w, *([] if bias is None else [bias])), operator=op)


def transpose_conv(model: Model, op: Any) -> TfliteSite:
    """TRANSPOSE_CONV: the output's shape, weight [K, R, S, C], activation."""
    w, x = op.inputs[1:3]

    def channels_first(array: np.ndarray) -> np.ndarray:
        return array.transpose(3, 0, 1, 2)

    def read(values: Values) -> SiteOperands:
        return transposed_convolution(channels_first(values[w]), values[x].transpose(0, 3, 1, 2), 1)

    return TfliteSite("linear", x, w, lambda a: transposed_weight(channels_first(a), 1), read, (x, w), 2, 1,
                      operator=op)


def batch_matmul(model: Model, op: Any) -> TfliteSite:
    """BATCH_MATMUL, either side transposed by an option; a constant right side of two axes is a linear layer."""
    a, b = op.inputs[:2]
    turn_a, turn_b = bool(op.builtinOptions.adjX), bool(op.builtinOptions.adjY)
    constant = b in model.constants and model.constants[b].ndim == 2

    def right(array: np.ndarray) -> np.ndarray:
        return array if turn_b else array.swapaxes(-1, -2)

    def read(values: Values) -> SiteOperands:
        left = values[a].swapaxes(-1, -2) if turn_a else values[a]
        if constant:
            return SiteOperands(right(values[b]), left.reshape(-1, left.shape[-1]))
        x, y = matrices(left, right(values[b]).swapaxes(-1, -2))
        return SiteOperands(y.swapaxes(1, 2), x)

    return TfliteSite("linear" if constant else "matmul", a, b, right, read, (a, b), operator=op)


RULES: Mapping[str, Callable[[Model, Any], TfliteSite]] = {
    "CONV_2D": conv, "DEPTHWISE_CONV_2D": depthwise, "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv, "BATCH_MATMUL": batch_matmul}


def with_integers(model: Model, found: TfliteSite) -> TfliteSite:
    """`found` with the operands that the model stores as integers read as such, zero points taken off."""
    scales = {"activation": model.quantization(found.activation), "weight": model.quantization(found.weight)}
    whole = {role: s for role, s in scales.items()
             if s is not None and model.tensors[getattr(found, role)].type in (3, 7, 9, 16, 17)}
    if not whole:
        return found
    bias = found.operator.inputs[2] if len(found.needs) > 2 else -1

    def read(values: Values) -> SiteOperands:
        shown = dict(values)
        units: float | np.ndarray = 1.0
        for role, (scale, zero, axis) in whole.items():
            number = getattr(found, role)
            stored = values[number].astype(np.float32)
            shown[number] = stored - along(zero.astype(np.float32), axis, stored.ndim)
            units = units * scale.astype(np.float64)
        if bias >= 0 and values[bias].dtype.kind == "i":
            shown[bias] = values[bias].astype(np.float64) * units
        result = found.read(shown)
        for role, (scale, zero, axis) in whole.items():
            kind = _kind(values[getattr(found, role)].dtype, zero)
            own: float | np.ndarray = float(scale[0])
            if scale.size > 1:
                full = np.broadcast_to(along(scale, axis, values[found.weight].ndim), values[found.weight].shape)
                laid = weight_rows(found.layout(full))
                own = laid.reshape(len(laid), -1)[:, 0].astype(np.float64)
            result = replace(result, **{role: np.rint(getattr(result, role)).astype(kind), f"{role}_scale": own})
        return result

    return replace(found, read=read)


def along(parameter: np.ndarray, axis: int, axes: int) -> np.ndarray:
    """Scales or zero points in a shape that broadcasts along their axis."""
    shape = [1] * axes
    if parameter.size > 1:
        shape[axis] = parameter.size
    return parameter.reshape(shape)


def _kind(stored: np.dtype[Any], zero: np.ndarray) -> type[np.signedinteger[Any]]:
    low, high = np.iinfo(stored).min - int(zero.max()), np.iinfo(stored).max - int(zero.min())
    return np.int8 if low >= -128 and high <= 127 else np.int16


def _optional(op: Any, at: int) -> int | None:
    return op.inputs[at] if len(op.inputs) > at and op.inputs[at] >= 0 else None


def _zero_padding(model: Model, tensor: int) -> Sequence[tuple[int, int]] | None:
    """(before, after) of rows and columns that a PAD puts around `tensor`, where it pads nothing else."""
    maker = next((op for name, op in model.operators if tensor in op.outputs and name == "PAD"), None)
    amounts = None if maker is None else model.constants.get(maker.inputs[1])
    if amounts is None or amounts.shape != (4, 2) or amounts.min() < 0 or amounts[[0, 3]].any():
        return None
    return [(int(a), int(b)) for a, b in amounts[1:3]]
