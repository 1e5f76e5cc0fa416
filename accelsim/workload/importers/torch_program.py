"""`torch.export` files (.pt2): the program they hold, run by an interpreter of our own.

PyTorch's reader unpickles sample inputs, evaluates size expressions and compiles guards out of the file. Nothing of
that is needed to run the graph, so it is read as the JSON that it is: operators from an allow list, their arguments,
and raw tensors.
"""

import json
import math
import operator
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from accelsim.errors import RecordError
from accelsim.workload.importers.arrays import check_archive
from accelsim.workload.importers.torch_operators import ARITHMETIC, allowed

_AGAIN = "save it again with torch.export.save (PyTorch 2.8 or later)"
_ATEN = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)")
_GRAD_MODE = "torch.ops.higher_order.wrap_with_set_grad_enabled"
_DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
           12: "bool", 13: "bfloat16"}
_MEMORY_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d,
                   4: torch.preserve_format}
_STRIDED = 7
_MAX_JSON_BYTES = 256 << 20
NARROW = (torch.float16, torch.bfloat16, torch.float64)  # computed in float32


class Program(torch.nn.Module):
    """An exported program, in float32 where it is of another precision.

    Parameters and buffers have the names they had; `enter` is told which module runs.
    """

    def __init__(self, path: Path, model: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._path = path
        self.enter: Callable[[str], None] = lambda module: None
        self._narrow = {t.dtype for t in tensors.values()} & set(NARROW)
        self.computed = sorted(note(kind) for kind in self._narrow)
        tensors = {n: t.float() if t.dtype in self._narrow else t for n, t in tensors.items()}
        self._graph = model["graph_module"]["graph"]
        self._check_operators(self._graph)
        self._given: dict[str, Any] = {}
        self._inputs: list[str] = []
        for spec in model["graph_module"]["signature"]["input_specs"]:
            self._bind(spec, tensors)
        named = model["graph_module"]["module_call_graph"][0]["signature"] or {}
        names = named.get("forward_arg_names") or []
        self._names = list(names) if len(names) == len(self._inputs) else list(self._inputs)

    def _bind(self, spec: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        [(kind, entry)] = spec.items()
        if kind == "user_input":
            [(form, value)] = entry["arg"].items()
            if form != "as_tensor":
                raise RecordError(f"{self._path}: an input of the program is no tensor ({form}); export it with "
                                  "tensors")
            self._inputs.append(value["name"])
        elif kind == "constant_input":
            [(_, self._given[entry["name"]])] = entry["value"].items()
        elif kind in ("parameter", "buffer", "tensor_constant"):
            name = entry[f"{kind}_name"]
            if name not in tensors:
                raise RecordError(f"{self._path}: tensor {name[:80]!r} is missing; {_AGAIN}")
            self._given[entry["arg"]["name"]] = tensors[name]
            self._register(name, tensors[name])
        else:
            raise RecordError(f"{self._path}: an input of the kind {kind!r} has no rule; export plain tensors alone")

    def _register(self, name: str, tensor: torch.Tensor) -> None:
        """Under its own name, so that layers are called after it."""
        *parts, last = name.split(".")
        module: torch.nn.Module = self
        for part in parts:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        if last not in module._buffers:
            module.register_buffer(last, tensor)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the program returns for these inputs, in order or by the names of its arguments."""
        given = dict(zip(self._names, args, strict=False)) | kwargs
        if set(given) != set(self._names) or len(args) > len(self._names):
            raise RecordError(f"{self._path}: the program wants the inputs {self._names}, got {sorted(given)}")
        values = {own: given[name] for own, name in zip(self._inputs, self._names, strict=True)}
        return self._run(self._graph, self._given | values)

    def _run(self, graph: Mapping[str, Any], values: dict[str, Any]) -> list[Any]:
        for node in graph["nodes"]:
            self.enter(_module(node))
            positional = [n for n in node["inputs"] if n.get("kind", 1) != 2]
            args = [self._value(n["arg"], values) for n in positional]
            kwargs = {n["name"]: self._value(n["arg"], values) for n in node["inputs"] if n.get("kind", 1) == 2}
            if node["target"] == _GRAD_MODE:
                inner = args[1]
                names = [_only(i)["name"] for i in inner["inputs"]]
                result: Any = self._run(inner, dict(zip(names, args[2:], strict=True)))
            else:
                result = self._operator(node)(*args, **kwargs)
            _keep(node["outputs"], result, values)
        return [self._value(output, values) for output in graph["outputs"]]

    def _check_operators(self, graph: Mapping[str, Any]) -> None:
        refused = []
        for node in graph["nodes"]:
            if node["target"] != _GRAD_MODE:
                refused += [] if self._operator(node, missing_ok=True) else [node["target"]]
            for argument in node["inputs"]:
                if "as_graph" in argument["arg"]:
                    self._check_operators(argument["arg"]["as_graph"]["graph"])
        if refused:
            names = ", ".join(sorted({str(name)[:60] for name in refused})[:10])
            raise RecordError(f"{self._path}: calls {names}, outside the operators that a program in a file may call; "
                              "export the model without them, or record it in Python (module:callable)")

    def _operator(self, node: Mapping[str, Any], missing_ok: bool = False) -> Any:
        """What a node's target names, or None; never anything but an operator of the allow list."""
        target = node["target"]
        match = _ATEN.fullmatch(target)
        found: Any = None
        if match and allowed("aten", match[1]):
            found = getattr(getattr(torch.ops.aten, match[1], None), match[2], None)
        elif target.startswith("_operator.") and target[10:] in ARITHMETIC:
            found = getattr(operator, target[10:])
        elif target in ("math.ceil", "math.floor", "math.trunc"):
            found = getattr(math, target[5:])
        elif target in ("torch.sym_max", "torch.sym_min", "torch.sym_float", "torch.sym_int", "torch.sym_not"):
            found = getattr(torch, target[6:])
        if found is None and not missing_ok:
            raise RecordError(f"{self._path}: this PyTorch has no operator {str(target)[:80]!r}; {_AGAIN}")
        return found

    def _value(self, argument: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        [(kind, value)] = argument.items()
        if kind in ("as_tensor", "as_token"):
            return values[value["name"]]
        if kind in ("as_tensors", "as_optional_tensors"):
            return [None if "as_none" in v else values[v.get("as_tensor", v)["name"]] for v in value]
        if kind == "as_optional_tensor":
            return None if "as_none" in value else values[value["as_tensor"]["name"]]
        if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
            [(form, own)] = value.items()
            return values[own] if form == "as_name" else own
        if kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats"):
            return [values[own] if form == "as_name" else own for [(form, own)] in (v.items() for v in value)]
        plain: dict[str, Callable[[Any], Any]] = {
                 "as_none": lambda v: None, "as_float": float, "as_floats": lambda v: [float(x) for x in v],
                 "as_scalar_type": self._dtype, "as_memory_format": _MEMORY_FORMATS.__getitem__, "as_layout": _layout,
                 "as_device": lambda v: torch.device("cpu"), "as_graph": lambda v: v["graph"],
                 **dict.fromkeys(("as_int", "as_ints", "as_bool", "as_bools", "as_string", "as_strings",
                                  "as_int_lists", "as_float_lists"), lambda v: v)}
        if kind not in plain:
            raise RecordError(f"{self._path}: an argument of the kind {kind[:40]!r} has no rule; {_AGAIN}")
        return plain[kind](value)

    def _dtype(self, number: int) -> torch.dtype:
        dtype = _dtype(number)
        return torch.float32 if dtype in self._narrow else dtype


def note(kind: torch.dtype) -> str:
    """How a trace says that a precision was widened or narrowed."""
    return f"{str(kind).removeprefix('torch.')} computed in float32"


def read_program(path: Path) -> Program:
    """The program in a .pt2 file. Raises RecordError when it is damaged or calls what it may not."""
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            model = _json(archive, path, "models/model.json")
            tensors = {}
            for part in ("weights", "constants"):
                config = _json(archive, path, f"data/{part}/model_{part}_config.json")["config"]
                for name, entry in config.items():
                    tensors[name] = _tensor(archive, path, part, name, entry)
        return Program(path, model, tensors)
    except RecordError:
        raise
    except Exception as error:  # what a damaged archive or text leads to is of any kind
        text = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise RecordError(f"{path}: not a readable torch.export file ({type(error).__name__}: {text}); "
                          f"{_AGAIN}") from None


def _json(archive: zipfile.ZipFile, path: Path, ending: str) -> Any:
    names = [n for n in archive.namelist() if n.endswith(f"/{ending}")]
    if len(names) != 1:
        old = any(n.endswith("serialized_exported_program.json") for n in archive.namelist())
        raise RecordError(f"{path}: {'written by an older PyTorch' if old else f'has no {ending}'}, so not a "
                          f"torch.export file that can be read; {_AGAIN}")
    if archive.getinfo(names[0]).file_size > _MAX_JSON_BYTES:
        raise RecordError(f"{path}: its {ending} is larger than {_MAX_JSON_BYTES:,} bytes; {_AGAIN}")
    return json.loads(archive.read(names[0]))


def _tensor(archive: zipfile.ZipFile, path: Path, part: str, name: str, entry: Mapping[str, Any]) -> torch.Tensor:
    meta = entry["tensor_meta"]
    sizes, strides = ([int(n["as_int"]) for n in meta[key]] for key in ("sizes", "strides"))
    [member] = [n for n in archive.namelist() if n.endswith(f"/data/{part}/{entry['path_name']}")]
    if entry.get("use_pickle"):
        raise RecordError(f"{path}: tensor {name[:80]!r} is pickled, which is never loaded; {_AGAIN}")
    dtype, data = _dtype(meta["dtype"]), archive.read(member)
    offset = int(meta["storage_offset"].get("as_int", 0))
    last = offset + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True)) if math.prod(sizes) else -1
    if min([offset, *sizes, *strides]) < 0 or (last + 1) * dtype.itemsize > len(data):
        raise RecordError(f"{path}: tensor {name[:80]!r} of shape {sizes[:8]} does not hold its values; {_AGAIN}")
    if not math.prod(sizes):
        return torch.empty(sizes, dtype=dtype)
    flat = torch.frombuffer(bytearray(data), dtype=dtype, count=len(data) // dtype.itemsize)
    return flat.as_strided(sizes, strides, offset).contiguous()


def _keep(outputs: Sequence[Mapping[str, Any]], result: Any, values: dict[str, Any]) -> None:
    """Note a node's results under the names of its outputs."""
    if len(outputs) == 1 and "as_tensors" in outputs[0]:
        values.update((v["name"], r) for v, r in zip(outputs[0]["as_tensors"], result, strict=True))
        return
    results = result if len(outputs) > 1 or isinstance(result, (tuple, list)) else [result]
    for output, one in zip(outputs, results, strict=False):
        own = _only(output)
        if isinstance(own, dict):
            values[own.get("name") or own.get("as_name") or ""] = one


def _only(argument: Mapping[str, Any]) -> Any:
    [value] = argument.values()
    return value


def _module(node: Mapping[str, Any]) -> str:
    """The path of the module that called a node, '' for the model itself."""
    last = node.get("metadata", {}).get("nn_module_stack", "").split(";")[-1].split(",")
    return last[1] if len(last) > 2 else ""


def _dtype(number: int) -> torch.dtype:
    if number not in _DTYPES:
        raise RecordError(f"a tensor of the type {number!r} has no rule; export the model in float32, float16 or "
                          "bfloat16")
    found: torch.dtype = getattr(torch, _DTYPES[number])
    return found


def _layout(number: int) -> Any:
    if number != _STRIDED:
        raise RecordError("an exported program with sparse tensors has no rule; make them dense before exporting")
    return torch.strided
