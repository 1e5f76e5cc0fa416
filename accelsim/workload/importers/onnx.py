"""ONNX models: activations are what onnxruntime computes for the inputs of every operator that carries MACs."""

import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.files import sha256_of
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.onnx_bfloat16 import NOTE
from accelsim.workload.importers.onnx_einsum import einsum
from accelsim.workload.importers.onnx_file import first_line, modules, read_model
from accelsim.workload.importers.onnx_graph import Graph
from accelsim.workload.importers.onnx_quantized import (
    conv_integer,
    matmul_integer,
    qlinear_conv,
    qlinear_matmul,
    with_stored,
)
from accelsim.workload.importers.onnx_recurrent import recurrent
from accelsim.workload.importers.onnx_rules import OnnxSite, conv, conv_transpose, gemm, matmul, title, unsupported
from accelsim.workload.importers.onnx_values import used
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

RULES = {"Conv": conv, "ConvTranspose": conv_transpose, "Gemm": gemm, "MatMul": matmul, "Einsum": einsum,
         "LSTM": recurrent, "GRU": recurrent, "RNN": recurrent, "QLinearConv": qlinear_conv,
         "QLinearMatMul": qlinear_matmul, "ConvInteger": conv_integer, "MatMulInteger": matmul_integer}
# what rules and numpy raise on operands that do not fit together
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, AttributeError, ArithmeticError, StopIteration)
_RECURRENT = ("LSTM", "GRU", "RNN")
_PARAMETER = re.compile(r"(.+)[._/](?:weight|kernel)(?:_quantized|_q)?")


class OnnxSource(OpenedModel):
    """An ONNX model with its samples (see `Source`)."""

    importer = "onnx"

    def __init__(self, path: Path, inputs: Any, rule: ImageRule, limit: int | None, skip: Collection[str],
                 limits: Limits, model: Any = None, notes: Mapping[str, Any] | None = None) -> None:
        onnx, runtime = modules()
        self.packages = {"onnx": onnx.__version__, "onnxruntime": runtime.__version__}
        self._folder = tempfile.TemporaryDirectory(prefix="accelsim-")
        try:
            self._graph = Graph(read_model(path) if model is None else model, path, Path(self._folder.name), limits)
            self._open(path, inputs, rule, limit, skip, notes or {})
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path, inputs: Any, rule: ImageRule, limit: int | None, skip: Collection[str],
              more: Mapping[str, Any]) -> None:
        self._types: dict[str, Any] = {}  # of values that were captured
        graph = self._graph
        wants = [_want(graph, i) for i in graph.inputs]
        self._samples, notes = read_samples(inputs, wants, rule, limit)
        self.samples = len(self._samples)
        for sample in self._samples:
            graph.settle(sample)
        graph.flatten(self._samples[0])
        if graph.branches:
            graph.settle(self._samples[0])
        self.left_out = _refuse_unsupported(graph, skip)
        self.notes = {
            "model": {"file": path.name, "sha256": sha256_of(path)}, "inputs": notes, **more,
            **({"bfloat16": NOTE} if graph.bfloat16 else {}),
            **({"branches": dict(graph.branches)} if graph.branches else {})}
        for i, sample in enumerate(self._samples[1:], 2):
            if graph.branches and graph.conditions(sample) != graph.branches:
                raise RecordError(f"{path}: sample {i} takes another branch than the first; record them apart")
        self._find(skip)

    def _find(self, skip: Collection[str]) -> None:
        """All sites, their shapes (from the first sample) and the edges between them."""
        names, found = Names(), []
        for node in self._graph.model.graph.node:
            if node.op_type not in RULES or _skipped(node, skip) or not any(
                    n not in self._graph.constant for n in node.input if n):
                continue
            found += [(replace(site, made=node.output[0]), node) for site in self._sites_of(node)]
        self._graph.index()  # rules may have named an output
        if not found:
            raise RecordError(f"{self._graph.path}: no operator of this model carries MACs "
                              f"({', '.join(sorted(RULES))}); there is nothing to record")
        shared: dict[tuple[str, str], str] = {}
        sites: list[Site] = []
        layers: dict[str, list[str]] = {}  # by the node's first output
        shapes = self._shapes({n for site, _ in found for n in site.needs})
        for site, node in found:
            wish = _name(self._graph, node, site)
            key = (site.weight or "", wish)
            name = shared.get(key) if site.op == "linear" and site.weight else None
            name = name or names.unique(wish)
            shared[key] = name
            layers.setdefault(node.output[0], []).append(name)
            try:
                sites.append(_site(site, node, name, shapes, self._graph))
            except _DAMAGE as error:
                raise self._damaged(title(node), error) from None
        self.sites = sites
        self.edges = self._edges(layers)

    def _sites_of(self, node: Any) -> list[OnnxSite]:
        try:
            return [with_stored(self._graph, node, site) for site in RULES[node.op_type](self._graph, node)]
        except RecordError as error:
            raise RecordError(f"{self._graph.path}: {error}") from None
        except _DAMAGE as error:
            raise self._damaged(title(node), error) from None

    def _damaged(self, where: str, error: Exception) -> RecordError:
        return RecordError(f"{self._graph.path}: {where} does not fit its operands ({type(error).__name__}: "
                           f"{first_line(error)}); export the model again")

    def _shapes(self, names: set[str]) -> dict[str, tuple[int, ...]]:
        """Shapes of values in the first sample, without keeping the values."""
        graph = self._graph
        known = {n: graph.constants[n].shape for n in names if n in graph.constants}
        known |= {n: self._samples[0][n].shape for n in names if n in self._samples[0]}
        rest = sorted(names - set(known))
        probes = {f"{n}/accelsim_shape": n for n in rest}
        nodes = graph.model.graph.node
        before = len(nodes)
        nodes.extend(graph.onnx.helper.make_node("Shape", [n], [p]) for p, n in probes.items())
        values = graph.run(probes, self._samples[0])
        del nodes[before:]
        return known | {probes[p]: tuple(int(n) for n in v) for p, v in values.items()}

    def _edges(self, layers: Mapping[str, list[str]]) -> list[tuple[str, str]]:
        """Pairs of layers joined through operators without MACs."""
        reach: dict[str, frozenset[str]] = {}
        sources: dict[str, set[str]] = {}
        for node in self._graph.model.graph.node:
            found: frozenset[str] = frozenset().union(*(reach.get(n, frozenset()) for n in used(node)))
            own = layers.get(node.output[0])
            if own:
                state: frozenset[str] = frozenset()  # of a recurrent node: the layers that make its hidden state
                for name in own:
                    hidden = name.rpartition(".")[2].startswith("hh") and node.op_type in _RECURRENT
                    sources.setdefault(name, set()).update(state if hidden else found)
                    state = state | {name} if hidden else frozenset([name])
                found = frozenset(own)
            for output in node.output:
                reach[output] = found
        return forward_edges([s.name for s in self.sites], sources)

    def capture(self, sites: Sequence[Site], sample: int) -> list[SiteOperands]:
        """The operands of `sites`, from one run that computes no more than they need."""
        values = self._graph.run([n for s in sites for n in s.key.needs], self._samples[sample])
        self._types |= {n: v.dtype for n, v in values.items()}
        floats = {n: v.astype(np.float32) if v.dtype in (np.float16, np.float64) else v for n, v in values.items()}
        return [self._read(site, floats) for site in sites]

    def _read(self, site: Site, values: Mapping[str, np.ndarray]) -> SiteOperands:
        try:
            found: SiteOperands = site.key.read(values)
        except RecordError as error:
            raise RecordError(f"{self._graph.path}: {error}") from None
        except _DAMAGE as error:
            raise self._damaged(site.source, error) from None
        return found

    def weight(self, site: Site) -> np.ndarray:
        """The site's constant weight."""
        stored = site.key.stored.get("weight")
        if stored is not None:
            values = {n: self._constant(n) for n in stored.needs}
            plain = replace(stored, perms=())
            array = plain.centred(values) * plain.scales(values)
        else:
            array = self._constant(site.key.weight)
        shown = np.asarray(site.key.layout(array), np.float32).reshape(site.weight_shape)
        return shown if site.key.scale == 1 else shown * np.float32(site.key.scale)

    def replace(self, site: Site, values: np.ndarray) -> None:
        """Run with `values` as the weight from now on."""
        array, layout = self._constant(site.key.weight), site.key.layout
        if not isinstance(array, np.memmap):  # large weights lie in a file of their own and are changed there
            array = np.array(array)
        shown = values.reshape(layout(np.broadcast_to(np.float32(0), array.shape)).shape)
        stored = site.key.stored.get("weight")
        if stored is None:
            write_through(array, layout, shown if site.key.scale == 1 else shown / np.float32(site.key.scale))
        else:  # back to the integers of the model: what is pruned becomes its zero point
            constants = {n: self._constant(n) for n in stored.needs}
            plain = replace(stored, perms=())
            floats = np.zeros(array.shape, np.float32)
            write_through(floats, layout, shown)
            zero = np.float32(0) if stored.zero is None else array.astype(np.float32) - plain.centred(constants)
            array[...] = np.rint(floats / plain.scales(constants) + zero).astype(array.dtype)
        self._graph.set_constant(site.key.weight, array)

    def round(self, scales: Mapping[str, Scales]) -> None:
        """Multiply rounded activations from now on: divide, round and multiply in front of their operators."""
        for site in self.sites:
            for role, at in site.key.rounds.items():
                if site.name in scales and (role == "activation" or not site.weight_is_constant):
                    scale = getattr(scales[site.name], role) / (site.key.scale if role == "weight" else 1.0)
                    dtype = self._types[site.key.operands[role]]
                    self._graph.round_input(site.key.made, at, scale, dtype)

    def outputs(self, sample: int) -> list[np.ndarray]:
        """The model's floating-point outputs."""
        values = self._graph.run(self._graph.outputs, self._samples[sample])
        return [v for v in values.values() if isinstance(v, np.ndarray) and v.dtype.kind == "f"]

    def close(self) -> None:
        """Remove the temporary files."""
        self.__dict__.pop("_graph", None)
        self._folder.cleanup()

    def _constant(self, name: str) -> np.ndarray:
        return self._graph.run([name], {})[name]


def _want(graph: Graph, value: Any) -> Want:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise RecordError(f"{graph.path}: input {value.name!r} is not a tensor; export the model with tensor inputs")
    try:
        dtype = np.dtype(graph.onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{graph.path}: input {value.name!r} has an unknown type ({first_line(error)})") from None
    if not kind.HasField("shape"):
        return Want(value.name, None, dtype)
    dims = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim)
    return Want(value.name, dims, dtype)


def _skipped(node: Any, skip: Collection[str]) -> bool:
    return bool({node.op_type, node.name, *node.output} & set(skip))


def _refuse_unsupported(graph: Graph, skip: Collection[str]) -> list[str]:
    """What the caller left out, by name; an error that names every other operator without a rule."""
    known = {s.name for s in graph.onnx.defs.get_all_schemas()}
    problems = unsupported(graph.model.graph.node, known, RULES)
    refused = [f"{title(node)} {reason}" for reason, node in problems if not _skipped(node, skip)]
    if refused:
        more = f" (and {len(refused) - 10} more)" if len(refused) > 10 else ""
        raise RecordError(f"{graph.path}: {'; '.join(refused[:10])}{more}; nothing is skipped silently: leave such "
                          "operators out by type or name with skip (--skip), and the trace will say so")
    left = [title(n) for n in graph.model.graph.node if _skipped(n, skip)]
    left += [title(n) for _, n in problems if title(n) not in left]
    unknown = set(skip) - {x for n in graph.model.graph.node for x in (n.op_type, n.name, *n.output)}
    unknown -= {x for _, n in problems for x in (n.op_type, n.name, *n.output)}
    if unknown:
        raise RecordError(f"{graph.path}: skip names {sorted(unknown)}, which this model does not have; "
                          "give operator types or node names")
    return left


def _name(graph: Graph, node: Any, site: OnnxSite) -> str:
    """A layer's name: the parameter's without `.weight`, else the module path in the node's name, else the node's."""
    head, _, tail = node.name.strip("/").rpartition("/")
    path = head.replace("/", ".") if node.op_type in tail else ""
    own = path or node.name.strip("/") or node.output[0]
    if site.suffix:
        return f"{own}.{site.suffix}"
    if site.weight is None:
        return f"{path}.matmul" if path else own
    parameter = _PARAMETER.fullmatch(site.weight)
    return re.sub(r"^(branch\d+/)+", "", parameter.group(1)) if parameter else own


def _site(found: OnnxSite, node: Any, name: str, shapes: Mapping[str, tuple[int, ...]], graph: Graph) -> Site:
    """`found` with the shapes of its first sample; a constant that is not stored in the file counts as one too."""
    constant = found.weight is not None and found.weight in graph.constant
    empty = next((n for n in found.needs if 0 in shapes[n]), None)
    if empty is not None:
        raise RecordError(f"{graph.path}: {title(node)}: {empty!r} has shape {list(shapes[empty])}; no axis may be "
                          "empty")
    if found.weight is not None:
        shape = found.layout(np.broadcast_to(np.float32(0), shapes[found.weight])).shape
    else:
        second = found.stored["weight"].integers if "weight" in found.stored else found.operands["weight"]
        shape = (1, *shapes[second][-2:])
    size = sum(4 * int(np.prod(shapes[n])) for n in found.needs if n not in graph.constant)
    op = "matmul" if found.op == "linear" and len(shape) > 2 else found.op
    if op == "matmul" and len(shape) > 3:
        shape = (int(np.prod(shape[:-2])), *shape[-2:])
    part = found.cell
    if part is not None:
        part = part._replace(layer=name.removesuffix(f".{found.suffix}") + part.layer) if constant else None
    return Site(name, op, title(node), constant, tuple(shape), size, found.groups, found, found.operands, part)
