"""Recording: a model and its inputs become a trace of integer layers. `record` is the whole data path.

    model + inputs -> source (importer) -> [prune] -> rounded operands -> per layer: values of all samples -> Trace

Activations are what the model really computes, after pruning if it is pruned, at the precision of the trace. At most
`rounding.CHUNK_BYTES` of floats, or one layer where a layer is larger, are in memory beside the integers.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import PruneError, RecordError, TraceError
from accelsim.workload.importers.samples import ImageRule
from accelsim.workload.importers.site import Operands, Scales, Site, Source
from accelsim.workload.layer import Layer, conv2d, linear, matmul
from accelsim.workload.prune.apply import left_out
from accelsim.workload.prune.spec import parse
from accelsim.workload.prune.weights import Weights
from accelsim.workload.quantize import largest, quantize
from accelsim.workload.rounding import captured, plan, run_rounded
from accelsim.workload.trace import Trace

Progress = Callable[[int, int, str], None]  # layers done, layers in all, name of the last
_ONE_SHOT = ("one-shot: pruned without retraining, which costs accuracy; the activations are those of the pruned "
             "network")


def record(model: Any, inputs: Any, prune: str | None = None, samples: int | None = None, bits: int = 8, *,
           network: str | os.PathLike[str] | None = None, keep: Collection[str] = (), skip: Collection[str] = (),
           image: ImageRule | None = None, name: str | None = None, progress: Progress | None = None) -> Trace:
    """Run `model` on `inputs` and return the trace of its layers.

    model: path of an .onnx file; a torch.nn.Module, `module:callable` or a TorchScript file; or path of .safetensors or
    .npz weights with `network`, a YAML file that joins them (docs/record.md). inputs: one or several paths of images,
    .npy or .npz files, or arrays, or mappings of input names to arrays. prune: a pruning spec (docs/prune.md), applied
    to the floats before the model runs; layers that match a pattern of `keep` stay dense. samples: at most so many.
    bits: of weights and activations, 2 to 16; the model runs with its operands rounded to them, one symmetric scale per
    tensor, kept in `made_by`. skip: types or names of operators to leave out, which `made_by` then lists. image: how
    pictures become tensors.
    Raises RecordError, PruneError or TraceError with a way out; an unsupported operator with MACs is one.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 16:
        raise RecordError(f"bits is {bits!r}, wanted a whole number from 2 to 16")
    spec = None if prune is None else parse(prune)
    source, title = open_source(model, inputs, network, image or ImageRule(), samples, skip)
    try:
        made_by: dict[str, Any] = {
            "importer": source.importer, "packages": dict(source.packages), **source.notes,
            "samples": source.samples, "image": (image or ImageRule()).to_dict(), "bits": bits,
            "quantization": "symmetric, one scale per tensor: value = integer * scale; the model ran on such values",
            "left_out": list(source.left_out)}
        if spec is not None:
            made_by["pruning"] = [_prune(source, spec, keep)]
        layers, made_by["layers"] = [], {}
        calls_of = plan(source.sites)
        floats = [source.outputs(i) for i in range(source.samples)]
        scales, lost = run_rounded(source, calls_of, bits)
        made_by["rounding_drift"] = _drift(floats, [source.outputs(i) for i in range(source.samples)])
        for calls, operands in captured(source, calls_of):
            try:
                layer, note = _layer(calls, operands, bits, scales[calls[0].name])
            except TraceError as error:
                raise RecordError(f"{calls[0].source}: {error}") from None
            layers.append(layer)
            made_by["layers"][layer.name] = note | (
                {"weights_rounded_to_zero": lost[layer.name]} if layer.name in lost else {})
            if progress is not None:
                progress(len(layers), len(calls_of), layer.name)
        return Trace(layers, name or title, source.edges, made_by)
    finally:
        source.close()


def open_source(model: Any, inputs: Any, network: Any, image: ImageRule, samples: int | None,
                skip: Collection[str]) -> tuple[Source, str]:
    """The importer's source for `model`, and a name for the trace."""
    skip = [skip] if isinstance(skip, str) else skip
    if not isinstance(model, (str, os.PathLike)):
        from accelsim.workload.importers.torch import TorchSource, is_module

        if not is_module(model):
            raise RecordError(f"model is a {type(model).__name__}; wanted a path, 'module:callable' or a "
                              "torch.nn.Module")
        return TorchSource(model, inputs, image, samples, skip), type(model).__name__.lower()
    text = os.fspath(model)
    path = Path(text)
    if network is not None or path.suffix in (".safetensors", ".npz"):
        return _from_weights(path, inputs, network, image, samples, skip)
    from accelsim.workload.importers.torch import SCRIPTS, TorchSource, load

    if path.suffix in SCRIPTS or (":" in text and not path.is_file()):
        title = text.rpartition(":")[2] if ":" in text else path.stem
        return TorchSource(load(text), inputs, image, samples, skip), title
    if not path.is_file():
        raise RecordError(f"{text}: no such file; give an .onnx model, module:callable, a TorchScript file, or weights "
                          "with a network YAML")
    from accelsim.workload.importers.onnx import OnnxSource

    return OnnxSource(path, inputs, image, samples, skip), path.stem


def _from_weights(path: Path, inputs: Any, network: Any, image: ImageRule, samples: int | None,
                  skip: Collection[str]) -> tuple[Source, str]:
    if network is None:
        raise RecordError(f"{path}: weights alone do not say how layers follow each other; give network=FILE.yaml "
                          "(--network), see docs/record.md")
    from accelsim.workload.importers.onnx import OnnxSource
    from accelsim.workload.importers.weights import model_from_weights

    model = model_from_weights(path, Path(network))
    return OnnxSource(path, inputs, image, samples, skip, model), model.graph.name


def _layer(calls: list[Site], operands: list[Operands], bits: int, scales: Scales) -> tuple[Layer, dict[str, Any]]:
    """The integer layer behind the operands of all samples and calls."""
    site, first = calls[0], operands[0]
    varying = not site.weight_is_constant
    if varying and site.op != "matmul" and len(operands) > 1:
        raise RecordError(f"{site.source}: its weight changes with the sample; record one sample at a time")
    weight = np.concatenate([o.weight for o in operands]) if varying else first.weight
    activation = _joined(site, [o.activation for o in operands], varying)
    weights, _ = quantize(weight, bits, scales.weight)
    activations, _ = quantize(activation, bits, scales.activation)
    bias = None
    if first.bias is not None and site.op != "matmul":
        bias = np.rint(first.bias.astype(np.float64) / (scales.weight * scales.activation)).astype(np.int32)
    note = {"source": site.source, "weight": "activation" if varying else "constant",
            "weight_scale": scales.weight, "activation_scale": scales.activation,
            "weights_rounded_to_zero": _lost(weight, weights),
            "activations_rounded_to_zero": _lost(activation, activations)}
    beyond = float(np.mean(np.abs(activation) > scales.activation * (largest(bits) + 0.5))) if activation.size else 0.0
    if beyond:
        note["activations_saturated"] = beyond
    if len(calls) > 1:
        note["calls"] = f"one weight, {len(calls)} calls per sample; rows of the activation are calls in order"
    notes = dict.fromkeys(o.note for o in operands if o.note)
    if notes:
        note["note"] = "; ".join(notes)
    if site.op == "conv2d":
        return conv2d(site.name, weights, activations, **dict(first.geometry or {}), bias=bias), note
    if site.op == "matmul":
        return matmul(site.name, weights, activations), note
    return linear(site.name, weights, activations, bias), note


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


def _prune(source: Source, spec: Any, keep: Collection[str]) -> dict[str, Any]:
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
            "left_as_they_are": [n for n in plan(source.sites) if n not in layers], "drift": _drift(dense, pruned)}


def _weights(source: Source, site: Site) -> Weights:
    shape = site.weight_shape if len(site.weight_shape) > 2 else (1, *site.weight_shape)
    return Weights(site.name, shape, lambda: source.weight(site).reshape(shape), site.groups)


def _drift(dense: list[list[np.ndarray]], pruned: list[list[np.ndarray]]) -> dict[str, float]:
    """How far the outputs moved, over all samples."""
    before = np.concatenate([v.ravel() for sample in dense for v in sample] or [np.zeros(0)]).astype(np.float64)
    after = np.concatenate([v.ravel() for sample in pruned for v in sample] or [np.zeros(0)]).astype(np.float64)
    if before.shape != after.shape or not before.size or not np.isfinite([before.sum(), after.sum()]).all():
        return {}
    norms = float(np.linalg.norm(before)), float(np.linalg.norm(after))
    drift = {"relative_l2": float(np.linalg.norm(after - before)) / norms[0] if norms[0] else 0.0,
             "cosine": float(before @ after) / (norms[0] * norms[1]) if all(norms) else 0.0}
    pairs = [(a[0], b[0]) for a, b in zip(dense, pruned, strict=True) if a[0].ndim >= 1 and a[0].shape[-1] > 1]
    if pairs:
        drift["same_largest_output"] = float(np.mean([(a.argmax(-1) == b.argmax(-1)).mean() for a, b in pairs]))
    return drift


def drift_text(drift: dict[str, float]) -> str:
    """`_drift` for people."""
    parts = [f"{key.replace('_', ' ')} {value:.3f}" for key, value in drift.items()]
    return ", ".join(parts) or "not known (no finite outputs)"
