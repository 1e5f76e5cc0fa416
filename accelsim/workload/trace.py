"""Traces: the layers of one workload with their recorded tensors, in one safetensors file.

The file's metadata holds one JSON text under the key `accelsim` (`Header` below). The tensor of role r of layer i is
stored as `i.r`, in the smallest encoding of `accelsim.workload.tensors`. No pickle anywhere.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, ValidationError
from pydantic_core import from_json
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from accelsim import shipped
from accelsim.arguments import items, path_text
from accelsim.errors import TraceError, cut, listing, reason, shown, told
from accelsim.files import check_writable, refusing, replacing
from accelsim.workload import stored_layers
from accelsim.workload.layer import Layer
from accelsim.workload.operands import checked_name
from accelsim.workload.tensors import TensorSpec, restored, restored_bytes
from accelsim.yaml import StrictModel, digest_of

if TYPE_CHECKING:
    import networkx

_KEY = "accelsim"
MAX_MADE_BY = 1 << 24  # characters of JSON
_REMAKE = "make the file again with accelsim.Trace(...).save(path)"


class Header(StrictModel):
    """The JSON in the file's metadata. `edges` are (from, to) pairs of layer names."""

    format: Literal[1, 2]  # 2 knows compressed tensors
    name: str = Field(min_length=1)
    made_by: dict[str, Any]
    layers: list[stored_layers.Spec] = Field(min_length=1)
    edges: list[list[str]]
    digest: str


class Trace:
    """Layers in execution order, the graph that joins them, and how they were made.

    layers: from `accelsim.linear`, `accelsim.conv2d`, `accelsim.matmul`; names are unique.
    edges: (from, to) pairs of layer names; a chain in the given order when None.
    made_by: JSON-able provenance (model, data, pruning, quantization...), shown by `accelsim show`.
    Raises TraceError when a name repeats, the edges are not an acyclic graph over the layers, or `made_by` could not be
    saved and loaded again.
    """

    name: str
    layers: tuple[Layer, ...]
    edges: tuple[tuple[str, str], ...]
    made_by: dict[str, Any]

    def __init__(self, layers: Iterable[Layer], name: str = "trace",
                 edges: Iterable[Sequence[str]] | None = None, made_by: Mapping[str, Any] | None = None) -> None:
        set_once = self.__dict__  # a trace is frozen: see __setattr__
        set_once["name"] = checked_name("trace", name)
        found = items(f"trace {name!r}: layers", layers, TraceError, "a list of layers")
        set_once["layers"] = tuple(map(_checked, found))
        names = [layer.name for layer in self.layers]
        set_once["edges"] = (tuple(pairwise(names)) if edges is None
                             else tuple(map(self._edge, items(f"trace {name!r}: edges", edges, TraceError,
                                                              "pairs of layer names"))))
        set_once["made_by"] = json.loads(_provenance(name, {} if made_by is None else made_by))
        self._check(names)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a trace does not change: make another, accelsim.Trace(layers, name, edges, made_by), "
                             f"instead of setting {name}")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def _edge(self, edge: Any) -> tuple[str, str]:
        if not isinstance(edge, (tuple, list)) or len(edge) != 2 or not all(isinstance(end, str) for end in edge):
            raise TraceError(f"trace {self.name!r}: edge {shown(edge)} is not a pair of layer names")
        return edge[0], edge[1]

    def _check(self, names: list[str]) -> None:
        if not names:
            raise TraceError(f"trace {self.name!r} has no layers; give at least one")
        repeated = sorted(n for n, times in Counter(names).items() if times > 1)
        if repeated:
            raise TraceError(f"trace {self.name!r}: layer names repeat: {listing(repeated)}; give each its own")
        unknown = {n for edge in self.edges for n in edge} - set(names)
        if unknown:
            raise TraceError(f"trace {self.name!r}: edges name unknown layers: {listing(sorted(unknown))}")
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for source, target in self.edges:
            sorter.add(target, source)
        try:
            sorter.prepare()
        except CycleError as error:
            raise TraceError(f"trace {self.name!r}: edges form a cycle: "
                             f"{listing(error.args[1], ' -> ')}") from None

    def __iter__(self) -> Any:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, name: str) -> Layer:
        """The layer called `name`."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def begins_with(self, name: str) -> bool:
        """Whether the layer called `name` needs no other: its input is the trace's own."""
        return all(target != name for _, target in self.edges)

    def __repr__(self) -> str:
        return f"Trace({self.name!r}, {len(self.layers)} layers, {sum(x.macs_dense for x in self.layers):,} dense MACs)"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what can change a result: the layers with their tensors, and the graph."""
        return digest_of([[layer.digest for layer in self.layers], [list(e) for e in self.edges]])

    @property
    def graph(self) -> "networkx.DiGraph":
        """The workload as a networkx graph; node attribute `layer` holds the Layer."""
        import networkx

        graph = networkx.DiGraph(name=self.name)
        graph.add_nodes_from((layer.name, {"layer": layer}) for layer in self.layers)
        graph.add_edges_from(self.edges)
        return graph

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace to `path` (whole or not at all) and return it. Same trace, same bytes.

        Raises TraceError when the file cannot be written.
        """
        writable(path)
        target, specs = Path(path), []
        tensors: dict[str, np.ndarray] = {}
        for index, layer in enumerate(self.layers):
            spec, arrays = stored_layers.write(layer)
            tensors |= {f"{index}.{role}": array for role, array in arrays.items()}
            specs.append(spec)
        made_by = json.loads(_provenance(self.name, self.made_by))
        header = {"format": 2, "name": self.name, "made_by": made_by, "layers": specs,
                  "edges": [list(e) for e in self.edges], "digest": self.digest}
        text = json.dumps(header, sort_keys=True, separators=(",", ":"))
        with refusing(TraceError, str(target)), replacing(target) as (part,):
            try:
                save_file(tensors, part, metadata={_KEY: text})
                with safe_open(part, framework="numpy"):
                    pass  # a header that is too large is refused by who reads it alone
            except SafetensorError as error:
                raise OSError(None, str(error)) from None
        return target


def writable(path: str | os.PathLike[str]) -> None:
    """TraceError, before the work is done, when no file can be written at `path`."""
    check_writable(path, TraceError, os.fsdecode(path))


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """A trace from a shipped name or the path of a file that `Trace.save` wrote.

    The content is checked against the header: a file that was cut, edited or mixed up raises TraceError.
    """
    name = path_text("trace", path, TraceError, "a shipped trace's name or a path")
    _wrong_door(name)
    file = shipped.find("trace", name)
    try:
        file.open("rb").close()  # safetensors calls every file that it cannot open missing
    except OSError as error:
        raise TraceError(f"{file}: cannot be read ({error.strerror}); give the path of a trace file") from None
    try:
        with safe_open(file, framework="numpy") as tensors:
            header = _header(file, tensors.metadata() or {})
            unread = set(tensors.keys())
            layers = [_layer(file, tensors, unread, index, spec) for index, spec in enumerate(header.layers)]
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise TraceError(f"{file}: not a readable safetensors file ({reason(error)}); {_REMAKE}") from None
    if unread:
        raise TraceError(f"{file}: holds tensors that no layer names: {', '.join(sorted(unread))[:200]}; {_REMAKE}")
    trace = _located(file, lambda: Trace(layers, header.name, header.edges, header.made_by))
    if trace.digest != header.digest:
        raise TraceError(f"{file}: content does not match its digest (the file was changed); {_REMAKE}")
    return trace


_MODELS = (".onnx", ".tflite", ".pt", ".pth", ".pt2", ".jit", ".ts")
_LISTS = (".csv", ".txt", ".mtx", ".smtx")


def _wrong_door(name: str) -> None:
    """TraceError that names the right command, for what is known to be no trace."""
    suffix = Path(name).suffix
    if suffix in _MODELS:
        raise TraceError(f"{name[:200]}: is a model, not a trace; record it first: accelsim record {name[:200]} "
                         "--input FILE -o trace.safetensors")
    if suffix in _LISTS:
        raise TraceError(f"{name[:200]}: is a list of layers or a matrix, not a trace; draw one first: accelsim trace "
                         f"{name[:200]} --seed 1 --activation-density D -o trace.safetensors")
    if name.partition(":")[0] in shipped.names("workload") and name not in shipped.names("trace"):
        raise TraceError(f"{name[:200]}: is a published workload, not a trace; draw one first: accelsim trace "
                         f"{name[:200]} --seed 1 -o trace.safetensors")
    if suffix in (".npz", ".npy", ".bin") or name.endswith(".index.json"):
        raise TraceError(f"{name[:200]}: holds weights or arrays, not a trace; record the network first: accelsim "
                         f"record {name[:200]} --network net.yaml --input FILE -o trace.safetensors")


def _checked(layer: Any) -> Layer:
    if not isinstance(layer, Layer):
        raise TraceError(f"a trace is made of layers (accelsim.linear, conv2d, matmul), got {type(layer).__name__}")
    return layer


def _provenance(trace: str, made_by: Any) -> str:
    """`made_by` as JSON that `load_trace` reads."""
    wanted = "give a mapping of names to JSON-able values"
    try:
        text = json.dumps(dict(made_by), allow_nan=False)
        from_json(f'{{"made_by":{text}}}', allow_inf_nan=False)  # as deep as in a file, by the reader of files
    except Exception as error:  # a mapping may be any object
        raise TraceError(f"trace {trace!r}: made_by cannot be stored as JSON ({told(error)}); {wanted}") from None
    if len(text) > MAX_MADE_BY:
        raise TraceError(f"trace {trace!r}: made_by has {len(text):,} characters as JSON, more than {MAX_MADE_BY:,}; "
                         "store less, or the name of a file")
    return text


def _header(file: Path, metadata: Mapping[str, str]) -> Header:
    if _KEY not in metadata:
        raise TraceError(f"{file}: a safetensors file without accelsim's header is not a trace; if it holds weights: "
                         f"accelsim record {file} --network net.yaml --input FILE; else {_REMAKE}")
    try:
        return Header.model_validate_json(metadata[_KEY])
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("header",), "msg": "too deep"}
        loc = [part for i, part in enumerate(first["loc"]) if (i, first["loc"][0]) != (2, "layers")]  # the op
        where = cut(".".join(map(str, loc)), 120) or "the text"
        raise TraceError(f"{file}: header: {where}: {cut(str(first['msg']), 300)}; {_REMAKE}") from None


def _layer(file: Path, tensors: Any, unread: set[str], index: int, spec: stored_layers.Spec) -> Layer:
    def read(role: str, stored: TensorSpec | int) -> np.ndarray:
        key = f"{index}.{role}"
        if key not in unread:
            raise TraceError(f"tensor {key!r} is missing")
        unread.remove(key)
        if isinstance(stored, int):
            return restored_bytes(stored, tensors, key)
        return restored(stored, tensors, key, spec.op, role)

    try:
        return spec.layer(read)
    except TraceError as error:
        raise TraceError(f"{file}: {error}; {_REMAKE}") from None


def _located(file: Path, make: Any) -> Any:
    """`make()`, with the file's name put in front of what goes wrong in it."""
    try:
        return make()
    except TraceError as error:
        raise TraceError(f"{file}: {error}") from None
