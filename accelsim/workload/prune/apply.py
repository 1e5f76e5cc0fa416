"""Pruning the layers of a trace: one-shot, by magnitude, on the recorded integers."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, overload

import numpy as np

from accelsim.arguments import texts
from accelsim.errors import PruneError, shown
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.prune.drift import output_drift
from accelsim.workload.prune.spec import Spec, parse
from accelsim.workload.prune.weights import Weights
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.trace import Trace

CAVEAT = ("one-shot: pruned without retraining, which costs accuracy; the recorded activations are those of the "
          "network before this pruning")


@overload
def prune(what: Trace, spec: str, skip: Iterable[str] = ()) -> Trace: ...


@overload
def prune(what: Layer, spec: str, skip: Iterable[str] = ()) -> Layer: ...


def prune(what: Trace | Layer, spec: str, skip: Iterable[str] = ()) -> Trace | Layer:
    """`what` with the smallest weights set to zero by `spec` (docs/prune.md has the language).

    what: a Trace, or one layer. skip: names or patterns (`fc*`) of layers that stay as they are; so do products of two
    activations (attention). The activations stay, so this is a study of patterns, not of accuracy: `made_by` of a
    trace says so and holds each layer's output drift. Raises PruneError for a bad spec, a layer without values, or a
    pattern that names no layer.
    """
    parsed = parse(spec)
    if isinstance(what, Trace):
        return _prune_trace(what, parsed, _patterns(skip))
    if not isinstance(what, Layer):
        raise PruneError(f"prune: wanted a Trace or a layer, got a {type(what).__name__}; load_trace reads a file")
    _with_values(what)
    return with_masks(what, parsed.masks(matrices_of(what)))


def _prune_trace(trace: Trace, spec: Spec, skip: tuple[str, ...]) -> Trace:
    names = _chosen(trace, skip)
    chosen = [layer for layer in trace.layers if layer.name in names]
    for layer in chosen:
        _with_values(layer)
    new = {layer.name: layer for layer in trace.layers}
    notes: dict[str, Any] = {}
    masks = iter(spec.masks([matrix for layer in chosen for matrix in matrices_of(layer)]))
    for layer in chosen:
        after = new[layer.name] = with_masks(layer, masks)
        notes[layer.name] = {"sparsity_before": sparsity(layer.weights.values()),
                             "sparsity": sparsity(after.weights.values()),
                             "output_drift": output_drift(layer, after)}
    note = {"spec": spec.text, "method": CAVEAT, "of": trace.digest, "layers": notes,
            "sparsity": sparsity(w for layer in chosen for w in new[layer.name].weights.values()),
            "left_as_they_are": [n for n in new if n not in notes]}
    return Trace(new.values(), trace.name, trace.edges, trace.made_by | {"pruning": [*_earlier(trace), note]})


def matrices_of(layer: Layer) -> list[Weights]:
    """A layer's weights as pruning methods see them; each gate of a recurrent layer's has matrices of its own."""
    if not isinstance(layer, Recurrent):
        return [weights_of(layer)]
    return [_gate(layer, role, d, g) for role, tensor in layer.weights.items() for d in range(len(tensor))
            for g in range(tensor.shape[1] // _rows(layer, role))]


def weights_of(layer: Layer) -> Weights:
    """The weights of a layer that has one tensor of them."""
    groups = layer.groups if isinstance(layer, Conv2d) else layer.weight.shape[0]
    return Weights(layer.name, layer.weight.shape, lambda: layer.weight, groups)


def _rows(layer: Recurrent, role: str) -> int:
    return layer.outputs if role == "projection" else layer.cells


def _gate(layer: Recurrent, role: str, direction: int, gate: int) -> Weights:
    rows = _rows(layer, role)
    part = layer.weights[role][direction, None, gate * rows:(gate + 1) * rows]
    return Weights(f"{layer.name}.{role}.{layer.cell.directions[direction]}.{gate}", part.shape, lambda: part)


def with_masks(layer: Layer, masks: Iterable[np.ndarray]) -> Layer:
    """`layer` with the weights outside the masks at zero: the next of `masks`, one for each of `matrices_of`."""
    masks, new = iter(masks), {}
    for role, tensor in layer.weights.items():
        matrices = len(tensor) * tensor.shape[1] // _rows(layer, role) if isinstance(layer, Recurrent) else 1
        mask = np.concatenate([next(masks) for _ in range(matrices)]).reshape(tensor.shape)
        new[role] = np.where(mask, tensor, tensor.dtype.type(0))
    return layer.with_weights(new)


def _patterns(skip: Any) -> tuple[str, ...]:
    return tuple(texts("skip", skip, PruneError, "names of layers, or patterns such as fc*"))


def sparsity(tensors: Iterable[np.ndarray]) -> float:
    """Share of zeros over all `tensors`."""
    zeros = size = 0
    for tensor in tensors:
        zeros, size = zeros + tensor.size - int(np.count_nonzero(tensor)), size + tensor.size
    return zeros / size


def left_out(names: Iterable[str], skip: Iterable[str]) -> set[str]:
    """The `names` that a pattern of `skip` matches. Raises PruneError for a pattern that matches none."""
    names, found = list(names), set()
    for pattern in [skip] if isinstance(skip, str) else skip:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise PruneError(f"skip {shown(pattern)} names no layer; the layers are {', '.join(names[:20])}"
                             f"{' ...' if len(names) > 20 else ''}")
        found |= matches
    return found


def _chosen(trace: Trace, skip: tuple[str, ...]) -> set[str]:
    recorded = trace.made_by.get("layers")
    notes = recorded if isinstance(recorded, dict) else {}
    names = [layer.name for layer in trace.layers]
    attention = {n for n in names if isinstance(notes.get(n), dict) and notes[n].get("weight") == "activation"}
    chosen = set(names) - attention - left_out(names, skip)
    if not chosen:
        raise PruneError(f"trace {trace.name!r}: no layer is left to prune; skip fewer")
    return chosen


def _earlier(trace: Trace) -> list[Any]:
    earlier = trace.made_by.get("pruning", [])
    return earlier if isinstance(earlier, list) else [earlier]


def _with_values(layer: Layer) -> None:
    if any(weight.dtype == bool for weight in layer.weights.values()):
        raise PruneError(f"layer {layer.name!r} is pattern-only: weights without values have no magnitudes to prune "
                         "by; record or build the trace with int8 or int16 weights, or skip this layer")
