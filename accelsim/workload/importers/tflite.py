"""TFLite models: activations are what the TFLite runtime computes for the inputs of every operator with MACs."""

import re
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError, told
from accelsim.files import sha256_of
from accelsim.workload.importers.arrays import DECODING
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.samples import ImageRule, Want, read_samples
from accelsim.workload.importers.site import (
    Names,
    OpenedModel,
    Scales,
    Site,
    SiteOperands,
    forward_edges,
    write_through,
)
from accelsim.workload.importers.tflite_file import DTYPES, Model
from accelsim.workload.importers.tflite_graph import Runner
from accelsim.workload.importers.tflite_rules import RULES, UNSUPPORTED, TfliteSite, along, with_integers

_TAIL = re.compile(r"/(?:Conv2D|conv2d_transpose|depthwise\w*|MatMul|BatchMatMul\w*|[kK]ernel|[wW]eights?|"
                   r"ReadVariableOp)[^/]*$")


class TfliteSource(OpenedModel):
    """A TFLite model with its samples (see `Source`)."""

    importer = "tflite"

    def __init__(self, path: Path, inputs: Any, rule: ImageRule, limit: int | None, skip: Collection[str],
                 limits: Limits) -> None:
        self._model = model = Model(path, limits)
        self._runner = Runner(model, limits)
        self.packages = {"ai-edge-litert": version("ai-edge-litert")}
        wants = [self._want(n) for n in model.graph.inputs]
        samples, notes = read_samples(inputs, wants, rule, limit)
        self._samples = [{n: s[w.name] for n, w in zip(model.graph.inputs, wants, strict=True)} for s in samples]
        self.samples = len(self._samples)
        self.notes = {"model": {"file": path.name, "sha256": sha256_of(path)},
                      "inputs": notes}
        self.left_out = self._refuse_unsupported(skip)
        try:
            self._find(skip)
        except DECODING as error:
            raise model.damaged(f"{told(error)}") from None

    def _want(self, tensor: int) -> Want:
        entry = self._model.tensors[tensor]
        if entry.type not in DTYPES:
            raise RecordError(f"{self._model.path}: input {self._model.names[tensor]!r} is of a type without a rule "
                              f"({entry.type}); convert the model with float or integer inputs")
        shape = entry.shapeSignature if entry.shapeSignature is not None else entry.shape
        dims = tuple(int(n) if n > 0 else None for n in np.asarray(shape if shape is not None else [], np.int64))
        return Want(self._model.names[tensor], dims, np.dtype(DTYPES[entry.type]))

    def _refuse_unsupported(self, skip: Collection[str]) -> list[str]:
        model, left, refused, seen = self._model, [], [], set()
        for name, op in model.operators:
            own = {name, *(model.names[n] for n in op.outputs)} & set(skip)
            seen |= own
            if own:
                left.append(model.title(name, op))
            elif name in UNSUPPORTED or name.startswith(("CUSTOM", "operator")):
                refused.append(model.title(name, op))
        if refused:
            more = f" (and {len(refused) - 10} more)" if len(refused) > 10 else ""
            raise RecordError(f"{model.path}: {', '.join(refused[:10])}{more}: carries MACs, or may, and has no rule; "
                              "nothing is skipped silently: leave such operators out by type or name with skip "
                              "(--skip), and the trace will say so")
        if set(skip) - seen:
            raise RecordError(f"{model.path}: skip names {sorted(set(skip) - seen)}, which this model does not have; "
                              "give operator types or names of outputs")
        return left

    def _find(self, skip: Collection[str]) -> None:
        model, names = self._model, Names()
        self.sites: list[Site] = []
        reach: dict[int, frozenset[str]] = {}
        sources: dict[str, set[str]] = {}
        for name, op in model.operators:
            before = frozenset[str]().union(*(reach.get(n, frozenset()) for n in op.inputs))
            left_out = {name, *(model.names[n] for n in op.outputs)} & set(skip)
            if name in RULES and not left_out and any(n >= 0 and n not in model.constants for n in op.inputs):
                site = self._site(names, name, op)
                self.sites.append(site)
                sources[site.name] = set(before)
                before = frozenset([site.name])
            for n in op.outputs:
                reach[n] = before
        if not self.sites:
            raise RecordError(f"{model.path}: no operator of this model carries MACs ({', '.join(sorted(RULES))}); "
                              "there is nothing to record")
        self.edges = forward_edges([s.name for s in self.sites], sources)

    def _site(self, names: Names, name: str, op: Any) -> Site:
        model = self._model
        plain = RULES[name](model, op)
        found = with_integers(model, plain)
        constant = found.weight in model.constants
        shape = model.shape(found.weight)
        if 0 in shape or 0 in model.shape(found.activation):
            raise RecordError(f"{model.path}: {model.title(name, op)}: an operand has an empty axis")
        if constant:
            shape = found.layout(np.broadcast_to(np.float32(0), model.constants[found.weight].shape)).shape
        wish = model.names[found.weight if constant else op.outputs[0]].partition(";")[0]
        wish = _TAIL.sub("", wish.removesuffix("_dequantize")) or wish
        size = 4 * int(np.prod(model.shape(found.activation))) * max(1, len(next(iter(self._samples[0].values()))))
        operands = {"activation": model.names[found.activation], "weight": model.names[found.weight]}
        return Site(names.unique(wish or name.lower()), found.op, model.title(name, op), constant, tuple(shape), size,
                    found.groups, found, operands)

    def capture(self, sites: Sequence[Site], sample: int) -> list[SiteOperands]:
        """The operands of `sites`, from one run that computes no more than they need."""
        values = self._runner.run([n for s in sites for n in s.key.needs], self._samples[sample])
        try:
            return [s.key.read(values) for s in sites]
        except DECODING as error:
            raise self._model.damaged(f"{told(error)}") from None

    def weight(self, site: Site) -> np.ndarray:
        """The site's constant weight."""
        array = self._model.constants[site.key.weight]
        found = self._model.quantization(site.key.weight)
        if array.dtype.kind in "iu" and found is not None:
            scale, zero, axis = found
            array = (array.astype(np.float32) - along(zero, axis, array.ndim)) * along(scale, axis, array.ndim)
        return np.asarray(site.key.layout(array), np.float32).reshape(site.weight_shape)

    def replace(self, site: Site, values: np.ndarray) -> None:
        """Run with `values` as the weight from now on."""
        array, found = self._model.constants[site.key.weight], self._model.quantization(site.key.weight)
        floats = np.zeros(array.shape, np.float32)
        shown = values.reshape(site.key.layout(np.broadcast_to(np.float32(0), array.shape)).shape)
        write_through(floats, site.key.layout, shown)
        if array.dtype.kind in "iu" and found is not None:
            scale, zero, axis = found
            floats = np.rint(floats / along(scale, axis, array.ndim) + along(zero, axis, array.ndim))
        self._model.set_constant(site.key.weight, floats.astype(array.dtype))
        self._runner.forget()

    def round(self, scales: Mapping[str, Scales]) -> None:
        """Multiply rounded activations from now on."""
        for site in self.sites:
            found: TfliteSite = site.key
            roles = {"activation": found.activation_at} | (
                {} if site.weight_is_constant else {"weight": found.weight_at})
            for role, at in roles.items():
                number = getattr(found, role)
                if site.name in scales and self._model.tensors[number].type == 0:
                    self._runner.round_input(found.operator, role, at, getattr(scales[site.name], role))

    def outputs(self, sample: int) -> list[np.ndarray]:
        """The model's outputs as floats."""
        found = []
        for n, value in self._runner.run(self._model.graph.outputs, self._samples[sample]).items():
            quantization = self._model.quantization(n)
            if value.dtype.kind == "f":
                found.append(value)
            elif quantization is not None:
                scale, zero, axis = quantization
                centred = value.astype(np.float32) - along(zero, axis, value.ndim)
                found.append(centred * along(scale, axis, value.ndim))
        return found

    def close(self) -> None:
        """Free the runtime."""
        self._runner.forget()
