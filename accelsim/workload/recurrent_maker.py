"""Making a recurrent layer: its tensors checked, its states recorded or computed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from accelsim.arguments import items, whole
from accelsim.errors import TraceError, shown
from accelsim.workload.operands import bias_vector, check_axes, check_outputs, checked_name, checked_tensor
from accelsim.workload.quantize import largest
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.recurrent_cell import CellWeights, RecurrentCell, states_of

WEIGHTS = ("weight", "recurrent_weight", "bias", "recurrent_bias", "projection", "peepholes")


def recurrent(name: str, cell: str | RecurrentCell, activation: Any, weights: Mapping[str, Any], *,
              states: Any = None, inner: Any = None, lengths: Any = None) -> Recurrent:
    """A recurrent layer; shapes are those of `Recurrent`, an axis of directions may be left out where there is one.

    cell: "lstm", "gru", "rnn", or an `accelsim.RecurrentCell` with directions and the like. activation: x [T, B, X].
    weights: by role: weight and recurrent_weight; where wanted bias and recurrent_bias [directions, G*H] (integers in
    units of the products), projection and peepholes. All integers (int8, int16) or all bool patterns.
    states, inner: what was recorded, integers; None computes them from integers by the cell's own arithmetic
    (`accelsim.workload.recurrent_cell`), from a state of zero. Raises TraceError when anything does not fit.
    """
    checked_name("layer", name)
    try:
        cell = cell if isinstance(cell, RecurrentCell) else RecurrentCell(cell)
    except TraceError as error:
        raise TraceError(f"layer {name!r}: {error}") from None
    if not isinstance(weights, Mapping) or not {"weight", "recurrent_weight"} <= set(weights) <= set(WEIGHTS):
        found = list(weights) if isinstance(weights, Mapping) else weights
        raise TraceError(f"layer {name!r}: weights are {shown(found)}, wanted a mapping with weight and "
                         f"recurrent_weight, and maybe {', '.join(WEIGHTS[2:])}")
    x = checked_tensor(name, "activation", activation)
    check_axes(name, "activation", x, "steps, batch, inputs")
    given = {role: checked_tensor(name, role, weights[role]) for role in WEIGHTS
             if weights.get(role) is not None and "bias" not in role}
    _check_kinds(name, cell, given)
    given = {role: _directed(name, role, tensor, cell, 3) for role, tensor in given.items()}
    cells, outputs = _check_shapes(name, cell, given, x)
    bias = _bias(name, cell, weights, cells)
    ends = _lengths(name, lengths, x)
    if ends is not None:
        x = x.copy()
        for sequence, end in enumerate(ends):
            x[end:, sequence] = 0
    directions = len(cell.directions)
    check_outputs(name, directions * x.shape[0] * x.shape[1] * (cell.sums * cells + outputs))
    if x.dtype != bool:
        cell = cell.with_default_scales({"activation": x.dtype} | {role: t.dtype for role, t in given.items()})
    layer = Recurrent(name, given["weight"], x, bias, given["recurrent_weight"],
                      np.zeros((directions, *x.shape[:2], outputs), x.dtype), given.get("projection"),
                      given.get("peepholes"), np.zeros((directions, *x.shape[:2], cells), x.dtype)
                      if "projection" in given or cell.resets_before_product else None, cell, ends)
    return _computed(layer) if states is None and inner is None else _recorded(layer, states, inner)


def with_summed_bias(layer: Recurrent, bias: np.ndarray | None) -> Recurrent:
    """`layer` with the bias [directions, sums*H] that another such layer holds."""
    if bias is None:
        return layer
    shape = (len(layer.cell.directions), layer.cell.sums * layer.cells)
    if bias.shape != shape:
        raise TraceError(f"layer {layer.name!r}: bias has shape {list(bias.shape)}, wanted {list(shape)}")
    vector = bias_vector(layer.name, bias.reshape(-1), bias.size)
    return replace(layer, bias=None if vector is None else vector.reshape(shape))


def _check_kinds(name: str, cell: RecurrentCell, given: Mapping[str, np.ndarray]) -> None:
    only_lstm = sorted({"projection", "peepholes"} & set(given)) if cell.kind != "lstm" else []
    if only_lstm:
        raise TraceError(f"layer {name!r}: a {cell.kind} has no {' and no '.join(only_lstm)}; only an lstm has")


def _directed(name: str, role: str, tensor: np.ndarray, cell: RecurrentCell, axes: int) -> np.ndarray:
    """`tensor` with its axis of directions."""
    directions = len(cell.directions)
    tensor = tensor[None] if tensor.ndim == axes - 1 and directions == 1 else tensor
    if tensor.ndim != axes or tensor.shape[0] != directions or 0 in tensor.shape:
        raise TraceError(f"layer {name!r}: {role} has shape {list(tensor.shape)}, wanted {axes} axes, none empty, the "
                         f"first for {directions} direction{'s' * (directions > 1)} ({', '.join(cell.directions)})")
    return tensor


def _check_shapes(name: str, cell: RecurrentCell, given: Mapping[str, np.ndarray], x: np.ndarray) -> tuple[int, int]:
    """Cells and outputs."""
    rows, inputs = given["weight"].shape[1:]
    cells, rest = divmod(rows, cell.gates)
    if rest:
        raise TraceError(f"layer {name!r}: weight has {rows} rows, wanted a multiple of the {cell.gates} gates of a "
                         f"{cell.kind}")
    if inputs != x.shape[2]:
        raise TraceError(f"layer {name!r}: weight has {inputs} inputs, activation {x.shape[2]}; the last axes must be "
                         "equal (weight [directions, gates*cells, inputs], activation [steps, batch, inputs])")
    outputs = given["projection"].shape[1] if "projection" in given else cells
    wanted = {"recurrent_weight": (rows, outputs), "projection": (outputs, cells), "peepholes": (3, cells)}
    for role, shape in wanted.items():
        if role in given and given[role].shape[1:] != shape:
            raise TraceError(f"layer {name!r}: {role} has shape {list(given[role].shape)}, wanted "
                             f"{[len(cell.directions), *shape]} beside {rows} rows of weight")
    kinds = {t.dtype == bool for t in (x, *given.values())}
    if len(kinds) > 1:
        raise TraceError(f"layer {name!r}: some tensors are integers and some bool patterns; give one or the other")
    return cells, outputs


def _bias(name: str, cell: RecurrentCell, weights: Mapping[str, Any], cells: int) -> np.ndarray | None:
    """[directions, sums*H]: both biases added where their sums are."""
    directions, rows, gates = len(cell.directions), cell.sums * cells, cell.gates * cells
    all_gates = np.arange(gates)
    places = {"bias": all_gates, "recurrent_bias": all_gates + cells * (cell.kind == "gru") * (all_gates >= 2 * cells)}
    total, given = np.zeros((directions, rows), np.int64), None
    for role, columns in places.items():
        if weights.get(role) is not None:
            given = _flat_bias(name, role, weights[role], directions * gates)
            total[:, columns] += given.reshape(directions, gates)
    if given is None:
        return None
    vector = bias_vector(name, total.reshape(-1), total.size) if given.dtype != bool else total != 0
    return None if vector is None else vector.reshape(total.shape)


def _flat_bias(name: str, role: str, value: Any, size: int) -> np.ndarray:
    try:
        flat = bias_vector(name, np.reshape(value, -1), size)
    except ValueError:
        flat = None
    if flat is None:
        raise TraceError(f"layer {name!r}: {role} is not an array; wanted [directions, gates*cells]")
    return flat


def _lengths(name: str, lengths: Any, x: np.ndarray) -> tuple[int, ...] | None:
    if lengths is None:
        return None
    wanted = f"{x.shape[1]} whole numbers from 1 to {len(x)}, one per sequence, the largest {len(x)}"
    ends = [whole(f"layer {name!r}: a length", end, TraceError, 1, len(x))
            for end in items(f"layer {name!r}: lengths", lengths, TraceError, wanted)]
    if len(ends) != x.shape[1] or max(ends) != len(x):
        raise TraceError(f"layer {name!r}: lengths are {shown(lengths)}, wanted {wanted}")
    return None if min(ends) == len(x) else tuple(ends)


def _computed(layer: Recurrent) -> Recurrent:
    """`layer` with the states of its own arithmetic."""
    if not layer.has_values:
        raise TraceError(f"layer {layer.name!r}: patterns have no values to compute the states from; give states as a "
                         "bool array too" + (", and inner" if layer.inner is not None else ""))
    states, limit = layer.states.copy(), largest(8 * layer.activation.dtype.itemsize)
    inner = None if layer.inner is None else layer.inner.copy()
    for d in range(len(layer.cell.directions)):
        own = CellWeights(*(None if t is None else t[d].astype(np.int64) for t in (
            layer.weight, layer.recurrent_weight,
            np.zeros((d + 1, layer.cell.sums * layer.cells), np.int64) if layer.bias is None else layer.bias,
            layer.projection, layer.peepholes)))  # type: ignore[arg-type]
        for sequence in range(layer.batch):
            steps = [t for t in layer.order(d) if layer.lengths is None or t < layer.lengths[sequence]]
            found = states_of(layer.cell, own, layer.activation[steps, sequence].astype(np.int64), limit)
            states[d, steps, sequence] = found[0]
            if inner is not None:
                inner[d, steps, sequence] = found[1]
    return replace(layer, states=states, inner=inner)


def _recorded(layer: Recurrent, states: Any, inner: Any) -> Recurrent:
    found: dict[str, np.ndarray | None] = {"inner": None}
    for role, value, zeros in (("states", states, layer.states), ("inner", inner, layer.inner)):
        if (value is None) != (zeros is None):
            what = "are missing" if value is None else "belong to no product"
            raise TraceError(f"layer {layer.name!r}: {role} {what}, wanted "
                             f"{'none' if zeros is None else list(zeros.shape)}; give neither states nor inner, and "
                             "they are computed")
        if value is None or zeros is None:
            continue
        tensor = _directed(layer.name, role, checked_tensor(layer.name, role, value), layer.cell, 4)
        if tensor.shape != zeros.shape or (tensor.dtype == bool) != (zeros.dtype == bool):
            raise TraceError(f"layer {layer.name!r}: {role} is {tensor.dtype} {list(tensor.shape)}, wanted "
                             f"{'bool' if zeros.dtype == bool else 'integers'} {list(zeros.shape)}")
        if layer.lengths is not None:
            tensor = tensor.copy()
            for sequence, end in enumerate(layer.lengths):
                tensor[:, end:, sequence] = 0
        found[role] = tensor
    return replace(layer, **found)  # type: ignore[arg-type]
