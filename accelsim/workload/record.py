"""Recording: a model and its inputs become a trace of integer layers. `record` is the whole data path.

    model + inputs -> source (importer) -> [prune] -> rounded operands -> per layer: values of all samples -> Trace

Activations are what the model really computes, after pruning if it is pruned, at the precision of the trace. At most
`rounding.CHUNK_BYTES` of floats, or one layer where a layer is larger, are in memory beside the integers.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.arguments import truth
from accelsim.errors import AccelsimError, PruneError, RecordError, TraceError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.importers.doors import open_source
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.samples import ImageRule
from accelsim.workload.importers.site import OpenedModel, Scales, Site, SiteOperands
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul
from accelsim.workload.output_drift import LARGE, drift_text, output_drift
from accelsim.workload.prune.apply import left_out
from accelsim.workload.prune.spec import parse
from accelsim.workload.prune.weights import Weights
from accelsim.workload.quantize import largest
from accelsim.workload.recorded_cells import Recorded, Rows, cells_of, joined
from accelsim.workload.rounding import Precision, captured, integers_of, plan, run_rounded
from accelsim.workload.trace import Trace

Progress = Callable[[int, int, str], None]  # layers done, layers in all, name of the last
_ONE_SHOT = ("one-shot: pruned without retraining, which costs accuracy; the activations are those of the pruned "
             "network")
_STORED = ("the integers and scales that the model stores, its zero points taken off: a zero of the trace is the real "
           "number 0")


def record(model: Any, inputs: Any, prune: str | None = None, samples: int | None = None, bits: int = 8, *,
           activation_bits: int | None = None, per_channel: bool = False,
           network: str | os.PathLike[str] | None = None, keep: Collection[str] = (), skip: Collection[str] = (),
           image: ImageRule | None = None, name: str | None = None, limits: Limits | None = None,
           unrolled: bool = False, progress: Progress | None = None) -> Trace:
    """Run `model` on `inputs` and return the trace of its layers.

    model: path of an .onnx, .tflite, .pt2 or TorchScript file; a torch.nn.Module, a torch.export.ExportedProgram or
    `module:callable`; or path of weights (.safetensors, .npz, a saved state dict...) with `network`, a YAML file that
    joins them (docs/record.md). inputs: one or several paths of images, .npy or .npz files, or arrays, or mappings of
    input names to arrays. prune: a pruning spec (docs/prune.md), applied to the floats before the model runs; layers
    that match a pattern of `keep` stay dense. samples: at most so many. bits: of weights and activations, 2 to 16;
    activation_bits: of activations alone. The model runs with its operands rounded to them, symmetric, one scale per
    tensor, or with per_channel one per output of a constant weight; scales are kept in `made_by`. Integers that the
    model stores itself stay as they are. skip: types or names of operators to leave out, which `made_by` then lists.
    unrolled: LSTM, GRU and RNN cells as the products of all their steps, instead of recurrent layers.
    image: how pictures become tensors. limits: what running the model may take.
    Raises RecordError, PruneError or TraceError with a way out; an unsupported operator with MACs is one.
    """
    precision = Precision(_bits("bits", bits), _bits("activation_bits", bits if activation_bits is None
                                                     else activation_bits), per_channel)
    spec = None if prune is None else parse(prune)
    try:
        source, title = open_source(model, inputs, network, image or ImageRule(), samples, skip, limits or Limits())
        try:
            return _recorded(source, name or title, precision, image or ImageRule(), spec, keep, progress,
                             truth("unrolled", unrolled, RecordError))
        finally:
            source.close()
    except (RecordError, TraceError) as error:  # an operator, a tensor or an input is named by now, the file may not be
        if isinstance(model, (str, os.PathLike)) and Path(model).name not in str(error):
            raise type(error)(f"{os.fspath(model)}: {error}") from None
        raise
    except (AccelsimError, MemoryError):
        raise
    except Exception as error:  # the last net: libraries raise what they like on damaged files
        what = model if isinstance(model, (str, os.PathLike)) else type(model).__name__
        reason = (str(error) or "no reason given").splitlines()[0][:300]
        raise RecordError(f"{what}: cannot be recorded ({type(error).__name__}: {reason}); the model or an input is "
                          "damaged, or uses what accelsim does not know yet: export it again") from error


def _bits(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= 16:
        raise RecordError(f"{key} is {str(value)[:60]}, wanted a whole number from 2 to 16")
    return value


def _recorded(source: OpenedModel, name: str, precision: Precision, image: ImageRule, spec: Any, keep: Collection[str],
              progress: Progress | None, unrolled: bool) -> Trace:
    made_by: dict[str, Any] = {
        "importer": source.importer, "packages": dict(source.packages), **source.notes, "samples": source.samples,
        "image": image.to_dict(), "bits": precision.weight, "activation_bits": precision.activation,
        "quantization": f"symmetric, one scale per {'output of a weight' if precision.per_channel else 'tensor'}: "
                        "value = integer * scale; the model ran on such values",
        "left_out": list(source.left_out)}
    if spec is not None:
        made_by["pruning"] = [_prune(source, spec, keep)]
    layers, made_by["layers"], rows = [], {}, {}
    calls_of = plan(source.sites if not unrolled else [replace(site, cell=None) for site in source.sites])
    floats = [source.outputs(i) for i in range(source.samples)]
    scales, lost = run_rounded(source, calls_of, precision)
    drift = output_drift(floats, [source.outputs(i) for i in range(source.samples)])
    made_by["rounding_drift"] = drift
    if drift.get("relative_l2", 0.0) > LARGE:
        made_by["warning"] = _warning(drift, precision)
    for calls, operands in captured(source, calls_of):
        try:
            layer, note = _layer(calls, operands, precision, scales[calls[0].name])
        except TraceError as error:
            raise RecordError(f"{calls[0].source}: {error}") from None
        layers.append(layer)
        rows[layer.name] = [Rows(len(o.activation), (o.geometry or {}).get("batch")) for o in operands]
        made_by["layers"][layer.name] = note | (
            {"weights_rounded_to_zero": lost[layer.name]} if layer.name in lost else {})
        if progress is not None:
            progress(len(layers), len(calls_of), layer.name)
    whole = joined(cells_of(calls_of), Recorded(layers, made_by["layers"], source.edges), rows, scales, source.samples)
    made_by["layers"] = dict(whole.notes)
    return Trace(whole.layers, name, whole.edges, made_by)


def _warning(drift: dict[str, float], precision: Precision) -> str:
    ways = [] if precision.per_channel else ["a weight scale per output (--per-channel, per_channel=True)"]
    ways += ["more bits (--bits 16, bits=16)"] if precision.weight < 16 else []
    ways += ["more bits of activations (--activation-bits 16)"] if precision.activation < 16 <= precision.weight else []
    return (f"rounding moves this network's outputs by more than {LARGE:.0%} ({drift_text(drift)}); "
            f"{' or '.join(ways) or 'no finer precision is left'}{' keeps it closer' if ways else ''}")


def _layer(calls: list[Site], operands: list[SiteOperands], precision: Precision,
           scales: Scales) -> tuple[Layer, dict[str, Any]]:
    """The integer layer behind the operands of all samples and calls."""
    site, first = calls[0], operands[0]
    varying = not site.weight_is_constant
    if varying and site.op != "matmul" and len(operands) > 1:
        raise RecordError(f"{site.source}: its weight changes with the sample; record one sample at a time")
    weight = np.concatenate([o.weight for o in operands]) if varying else first.weight
    activation = _joined(site, [o.activation for o in operands], varying)
    note: dict[str, Any] = {
        "source": site.source, "weight": "activation" if varying else "constant",
        "weight_scale": scales.weight.tolist() if isinstance(scales.weight, np.ndarray) else scales.weight,
        "activation_scale": scales.activation}
    rounded: dict[str, Any] = {}
    for role, floats, given in (("weight", weight, first.weight_scale),
                                ("activation", activation, first.activation_scale)):
        bits, scale = precision.of(role, site), getattr(scales, role)
        rounded[role] = floats if given is not None else integers_of(floats, bits, scale)
        key = f"{'weights' if role == 'weight' else 'activations'}_rounded_to_zero"
        note[key] = _lost(floats, rounded[role])
        if given is not None:
            note[f"{role}_integers"] = _STORED
        elif role == "activation" and floats.size:
            beyond = float(np.mean(np.abs(floats) > scale * (largest(bits) + 0.5)))
            note |= {"activations_saturated": beyond} if beyond else {}
    bias = None
    if first.bias is not None and site.op != "matmul":
        units = np.rint(first.bias.astype(np.float64) / (scales.weight * scales.activation))
        if np.abs(units).max(initial=0) > np.iinfo(np.int32).max:
            raise RecordError(f"{site.title('bias')} does not fit 32 bits in units of the model's own scales; "
                              "quantize the model anew")
        bias = units.astype(np.int32)
    if len(calls) > 1:
        note["calls"] = f"one weight, {len(calls)} calls per sample; rows of the activation are calls in order"
    notes = dict.fromkeys(o.note for o in operands if o.note)
    if notes:
        note["note"] = "; ".join(notes)
    if site.op == "conv2d":
        return conv2d(site.name, **rounded, **dict(first.geometry or {}), bias=bias), note
    if site.op == "matmul":
        return matmul(site.name, **rounded), note
    return linear(site.name, **rounded, bias=bias), note


def _joined(site: Site, parts: list[np.ndarray], varying: bool) -> np.ndarray:
    """Activations of all samples: images, rows (of each group) or, with weights of their own, groups in a row."""
    axis = 1 if site.op == "matmul" and not varying else 0
    shapes = {part.shape[:axis] + part.shape[axis + 1:] for part in parts}
    if len(shapes) > 1:
        raise RecordError(f"{site.source}: its samples differ in shape ({', '.join(map(str, sorted(shapes)[:3]))}); "
                          "record samples of one shape at a time")
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


def _lost(floats: np.ndarray, integers: np.ndarray) -> float:
    """Share of the non-zero floats that became zero."""
    nonzero = int(np.count_nonzero(floats))
    return (nonzero - int(np.count_nonzero(integers))) / nonzero if nonzero else 0.0


def _prune(source: OpenedModel, spec: Any, keep: Collection[str]) -> dict[str, Any]:
    """Prune the model inside `source`; what was done and how far its outputs moved."""
    first = {s.name: s for s in reversed(source.sites) if s.weight_is_constant}
    order = [n for n in plan(source.sites) if n in first]
    chosen = [n for n in order if n not in left_out(order, keep)]
    if not chosen:
        raise PruneError("no layer with constant weights is left to prune; keep fewer")
    dense = [source.outputs(i) for i in range(source.samples)]
    weights = [_weights(source, first[n]) for n in chosen]
    layers = {}
    kept = total = 0
    for name, mask in zip(chosen, spec.masks(weights), strict=True):
        values = source.weight(first[name]).reshape(mask.shape)
        before, after = int(np.count_nonzero(values)), int(np.count_nonzero(values[mask]))
        source.replace(first[name], np.where(mask, values, np.float32(0)))
        layers[name] = {"sparsity_before": 1 - before / mask.size, "sparsity": 1 - after / mask.size}
        kept, total = kept + after, total + mask.size
    pruned = [source.outputs(i) for i in range(source.samples)]
    return {"spec": spec.text, "method": _ONE_SHOT, "sparsity": 1 - kept / total, "layers": layers,
            "left_as_they_are": [n for n in plan(source.sites) if n not in layers],
            "drift": output_drift(dense, pruned)}


def _weights(source: OpenedModel, site: Site) -> Weights:
    shape = site.weight_shape if len(site.weight_shape) > 2 else (1, *site.weight_shape)
    return Weights(site.name, shape, lambda: source.weight(site).reshape(shape), site.groups)
