"""PyTorch modules and TorchScript files: activations are what the model really multiplies when it runs."""

import hashlib
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.samples import ImageRule, Sample, read_samples
from accelsim.workload.importers.site import (
    CellPart,
    Names,
    OpenedModel,
    Scales,
    Site,
    SiteOperands,
    forward_edges,
    write_through,
)

_MISSING = "recording PyTorch models needs one more package: pip install accelsim[torch]"

_RECURRENT = re.compile(r"(?:(?P<module>.*)\.)?weight_"
                        r"(?P<own>(?P<role>ih|hh|hr)(?P<layer>_l\d+)?(?P<reverse>_reverse)?)")
_ROLES = {"ih": "weight", "hh": "recurrent_weight", "hr": "projection"}
_CELL = re.compile(r"(?P<kind>lstm|gru|rnn)(?:_(?P<nonlinearity>tanh|relu))?(?:_cell)?")  # operators


class TorchSource(OpenedModel):
    """A PyTorch model with its samples (see `Source`). The module runs in evaluation mode and is left as it was."""

    importer = "torch"

    def __init__(self, model: Any, inputs: Any, rule: ImageRule, limit: int | None, skip: Collection[str],
                 limits: Limits, path: Path | None = None) -> None:
        torch = import_torch()
        from accelsim.workload.importers.torch_plain import plain

        self.packages = {"torch": torch.__version__}
        self._model, self._skip, self._limits, self._path = model, frozenset(skip), limits, path
        self._replaced: dict[int, Any] = {}
        self._rounded: dict[int, dict[str, float]] = {}
        self._was_training = model.training
        self._restore = ExitStack()
        try:
            _set_mode(model, False)
            changed = self._restore.enter_context(plain(model))
            self._open(inputs, rule, limit, changed)
        except BaseException:
            self.close()
            raise

    def _open(self, inputs: Any, rule: ImageRule, limit: int | None, changed: Sequence[str]) -> None:
        model = self._model
        self._samples, notes = read_samples(_arrays(inputs), None, rule, limit)
        self.samples = len(self._samples)
        self._parameters = {t.untyped_storage().data_ptr(): (n, t.numel()) for n, t in
                            [*model.named_parameters(), *model.named_buffers()] if t.numel()}
        self.notes = {"model": {"class": getattr(model, "original_name", type(model).__name__),
                                "sha256": _digest(model)}, "inputs": notes,
                      **({"computed": list(changed)} if changed else {})}
        self._find()

    def _find(self) -> None:
        """All sites, from a run on the first sample."""
        met: list[Any] = []
        watch, _ = self._run(self._samples[0], met.append)
        if watch.problems:
            more = f" (and {len(watch.problems) - 10} more)" if len(watch.problems) > 10 else ""
            raise RecordError(f"{'; '.join(watch.problems[:10])}{more}; nothing is skipped silently: leave operators "
                              "out by name with skip (--skip), and the trace will say so")
        self.left_out = list(dict.fromkeys(watch.skipped))
        unused = self._skip - {title.split(" in ")[0] for title in self.left_out}
        if unused:
            raise RecordError(f"skip names {sorted(unused)}, which did not run; give names of operators (aten)")
        names = Names()
        shared: dict[Any, str] = {}
        named: dict[int, str] = {}
        for meeting in met:
            wish, key = self._name(meeting)
            if meeting.product.op == "linear" and key is not None and key in shared:
                named[meeting.position] = shared[key]
                continue
            named[meeting.position] = names.unique(wish)
            if key is not None:
                shared[key] = named[meeting.position]
        if not met:
            raise RecordError("no operator of this model carries MACs; there is nothing to record")
        self._count = len(met)
        self.sites = [_site(m, named[m.position], self._in_a_cell(m), self._part(m, named[m.position])) for m in met]
        sources: dict[str, set[str]] = {}
        for meeting in met:
            found = sources.setdefault(named[meeting.position], set())
            found.update(named[p] for p in meeting.sources)
        self.edges = forward_edges([s.name for s in self.sites], sources)

    def _name(self, meeting: Any) -> tuple[str, Any]:
        """(the wished name, what identifies the weight): the parameter's name, else the module's."""
        fallback = f"{meeting.module}.matmul" if meeting.module else "matmul"
        if meeting.weight is None:
            return fallback, None
        storage = meeting.weight.untyped_storage().data_ptr()
        if storage not in self._parameters:
            return meeting.module or meeting.operator, None
        name, size = self._parameters[storage]
        recurrent = _RECURRENT.fullmatch(name)
        wish = (".".join(g for g in recurrent.group("module", "own") if g) if recurrent
                else re.sub(r"[._]weight$", "", name) if size == meeting.weight.numel()
                else meeting.module or name)
        return wish, (meeting.weight.data_ptr(), tuple(meeting.weight.shape))

    def _in_a_cell(self, meeting: Any) -> bool:
        """Does it multiply one of an LSTM's, GRU's or RNN's weights?"""
        storage = None if meeting.weight is None else meeting.weight.untyped_storage().data_ptr()
        return storage in self._parameters and bool(_RECURRENT.fullmatch(self._parameters[storage][0]))

    def _part(self, meeting: Any, name: str) -> CellPart | None:
        """What it is to an LSTM, GRU or RNN; None for a matrix of such a name in other operators."""
        if not self._in_a_cell(meeting):
            return None
        storage = meeting.weight.untyped_storage().data_ptr()
        found = _RECURRENT.fullmatch(self._parameters[storage][0])
        cells = [_CELL.fullmatch(operator) for operator in meeting.inside]
        cell = next((c for c in cells if c), None)
        if found is None or cell is None or name != ".".join(g for g in (found["module"], found["own"]) if g):
            return None
        kind = cell["kind"]
        layer = ".".join(part for part in (found["module"], (found["layer"] or "").strip("_")) if part)
        return CellPart(layer or kind, _ROLES[found["role"]], "reverse" if found["reverse"] else "forward", kind, True,
                        cell["nonlinearity"] or "tanh")

    def _run(self, sample: Sample, meet: Any) -> tuple[Any, list[np.ndarray]]:
        from accelsim.workload.importers import torch_watch

        try:
            return torch_watch.run(self._model, sample, self._skip, self._replaced, self._rounded, meet, self._limits)
        except RecordError:
            raise
        except Exception as error:
            shapes = {k: list(v.shape) for k, v in sample.items()}
            where = "" if self._path is None else f"{self._path}: "
            raise RecordError(f"{where}running the model on inputs {shapes} failed: {type(error).__name__}: "
                              f"{_last_line(error)}") from None

    def capture(self, sites: Sequence[Site], sample: int) -> list[SiteOperands]:
        """The operands of `sites`, from one run."""
        wanted = {s.key["position"]: s for s in sites}
        found: dict[int, SiteOperands] = {}

        def meet(meeting: Any) -> None:
            if meeting.position in wanted:
                found[meeting.position] = meeting.product.read()

        watch, _ = self._run(self._samples[sample], meet)
        if watch.count != self._count or set(found) != set(wanted):
            raise RecordError(f"sample {sample + 1} takes another path through the model ({watch.count} operators with "
                              f"MACs instead of {self._count}); record such samples apart")
        return [found[s.key["position"]] for s in sites]

    def weight(self, site: Site) -> np.ndarray:
        """The site's constant weight."""
        array = self._weight(site)
        return np.asarray(site.key["layout"](array) * np.float32(site.key["scale"])).reshape(site.weight_shape)

    def replace(self, site: Site, values: np.ndarray) -> None:
        """Run every call of this weight with `values` from now on."""
        import torch

        array, layout = np.array(self._weight(site)), site.key["layout"]
        values = values.reshape(layout(array).shape) / np.float32(site.key["scale"])
        write_through(array, layout, values)
        new = torch.from_numpy(array)
        for other in self.sites:
            if other.name == site.name:
                self._replaced[other.key["position"]] = new

    def _weight(self, site: Site) -> np.ndarray:
        return _numpy(self._replaced.get(site.key["position"], site.key["weight"]))

    def round(self, scales: Mapping[str, Scales]) -> None:
        """Multiply rounded activations from now on."""
        self._rounded = {s.key["position"]: {r: getattr(scales[s.name], r) for r in s.key["rounds"]}
                         for s in self.sites if s.name in scales}

    def outputs(self, sample: int) -> list[np.ndarray]:
        """The model's floating-point outputs."""
        return self._run(self._samples[sample], lambda meeting: None)[1]

    def close(self) -> None:
        """Give the module back as it was."""
        self._restore.close()
        _set_mode(self._model, self._was_training)


def _site(meeting: Any, name: str, in_a_cell: bool, part: CellPart | None) -> Site:
    layout = meeting.product.layout
    shape = () if meeting.weight is None else layout(np.broadcast_to(np.float32(0), tuple(meeting.weight.shape))).shape
    rounds = [r for r in meeting.product.rounds if r == "activation" or meeting.weight is None]
    key = {"position": meeting.position, "weight": meeting.weight, "layout": layout, "scale": meeting.product.scale,
           "rounds": [] if in_a_cell else rounds}
    source = f"{meeting.operator} in {meeting.module or 'the model'}"
    return Site(name, meeting.product.op, source, meeting.weight is not None, tuple(shape),
                4 * meeting.product.activation.numel(), meeting.product.groups, key, cell=part)


def _set_mode(model: Any, training: bool) -> None:
    with suppress(NotImplementedError):  # an exported program has the one mode that it was exported in
        model.train(training)


def module_of(value: Any) -> Any:
    """A torch.nn.Module, or that of an ExportedProgram; None for others (torch is not imported to find that out)."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    export = sys.modules.get("torch.export")
    if export is not None and isinstance(value, export.ExportedProgram):
        return value.module()
    return value if isinstance(value, torch.nn.Module) else None


def import_torch() -> Any:
    """The module torch. Raises RecordError with the way out when it is absent."""
    try:
        import torch
    except ImportError as error:
        raise RecordError(f"{_MISSING}; {error}") from None
    return torch


def _numpy(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array


def _arrays(inputs: Any) -> Any:
    """`inputs` with tensors as arrays."""
    torch = import_torch()
    if isinstance(inputs, torch.Tensor):
        return inputs.detach().cpu().numpy()
    if isinstance(inputs, Mapping):
        return {k: _arrays(v) for k, v in inputs.items()}
    return [_arrays(v) for v in inputs] if isinstance(inputs, (list, tuple)) else inputs


def _digest(model: Any) -> str:
    """SHA-256 of all parameters and buffers with their names."""
    sha = hashlib.sha256()
    for name, tensor in sorted([*model.named_parameters(), *model.named_buffers()]):
        sha.update(f"{name} {list(tensor.shape)} {tensor.dtype}".encode())
        sha.update(np.ascontiguousarray(_numpy(tensor)).data)
    return sha.hexdigest()


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
