"""Files of the field that list layers, as workloads: SCALE-Sim topologies (.csv), STONNE's lists (.txt), matrices.

They have shapes and hardly ever say what is zero, so densities come from the user. A matrix (.mtx, .smtx) is one linear
layer whose weight is its real pattern.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from accelsim.errors import ConfigError, RecordError, cut
from accelsim.workload.importers.matrix_files import MATRICES, read_matrix
from accelsim.workload.planned import PlannedLayer, Workload
from accelsim.workload.tables import ConvShape, MatmulShape, Source

ENDINGS = (".csv", ".txt", *MATRICES)
_MAX_BYTES, _MAX_LAYERS = 1 << 20, 5000
_CONV = ("ifmap height", "ifmap width", "filter height", "filter width", "channels", "num filter", "strides")
_GEMM = ("m", "n", "k")
_STONNE = re.compile(r"-(CONV|FC|DenseGEMM|SparseGEMM)\b")
_OPTION = re.compile(r"-(\w+)=(\S+)")
_GIVEN = {"given": Source(cite="density given by the user", confidence="assumed"),
          "file": Source(cite="the file itself", confidence="read")}


def load_topology(path: Path, weight_density: float | None, activation_density: float | None,
                  shapes_only: bool = False) -> Workload:
    """The workload of a file, with the densities of the user where the file has none.

    shapes_only: all dense where none is given, to be looked at. Raises ConfigError with file and line.
    """
    for key, value in (("weight_density", weight_density), ("activation_density", activation_density)):
        if value is not None and not (isinstance(value, (int, float)) and 0 <= value <= 1):
            raise ConfigError(f"{key} is {str(value)[:60]}, wanted a number from 0 to 1")
    try:
        layers = [_matrix(path)] if path.suffix in MATRICES else _listed(path)
    except RecordError as error:
        raise ConfigError(str(error)) from None
    for role, given in (("weight", weight_density), ("activation", activation_density)):
        if given is not None and all(getattr(layer, f"{role}_density") >= 0 for layer in layers):
            raise ConfigError(f"{path}: every layer has its own {role} density; do not give --{role}-density")
    planned = [_with_densities(path, layer, weight_density, activation_density, shapes_only) for layer in layers]
    dense = shapes_only and None in (weight_density, activation_density)
    about = f"Layers of {path.name}.{' Densities that are not given are shown as 1.' if dense else ''}"
    return Workload(path.stem, about, tuple(planned), (), _GIVEN, {}, False)


def _with_densities(path: Path, layer: PlannedLayer, weight: float | None, activation: float | None,
                    shapes_only: bool) -> PlannedLayer:
    found: dict[str, Any] = {}
    for role, own, given in (("weight", layer.weight_density, weight),
                             ("activation", layer.activation_density, activation)):
        if own >= 0:
            continue
        if given is None and not shapes_only:
            raise ConfigError(f"{path}: says nothing of zeros; give --weight-density and --activation-density (1 for "
                              "dense tensors)")
        found[f"{role}_density"] = 1.0 if given is None else float(given)
        found[f"{role}_source"] = "given"
    return replace(layer, **found)


def _matrix(path: Path) -> PlannedLayer:
    matrix = read_matrix(path)
    pattern = matrix != 0
    shape = MatmulShape(name=_name(path.stem), op="linear", inputs=matrix.shape[1], outputs=matrix.shape[0])
    return PlannedLayer(shape, float(pattern.mean()), -1, "file", "given", None, matrix)


def _listed(path: Path) -> list[PlannedLayer]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: more than {_MAX_BYTES:,} bytes are no list of layers")
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); give a text "
                          "file") from None
    layers = list(_topology(path, lines) if path.suffix == ".csv" else _stonne(path, lines))
    if not 1 <= len(layers) <= _MAX_LAYERS:
        raise ConfigError(f"{path}: lists {len(layers):,} layers, wanted 1 to {_MAX_LAYERS:,}")
    names: dict[str, int] = {}
    for i, layer in enumerate(layers):
        name = layer.shape.name
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            layers[i] = replace(layer, shape=layer.shape.model_copy(update={"name": f"{name}.{names[name]}"}))
    return layers


def _topology(path: Path, lines: list[str]) -> Iterable[PlannedLayer]:
    """SCALE-Sim: a header, then one layer a line; inputs include their padding. GEMMs are M x K times K x N."""
    rows = list(csv.reader(lines))
    header = [" ".join(cell.lower().replace("_", " ").split()) for cell in rows[0]] if rows else []
    columns = {name.removesuffix("s") if name == "num filters" else name: i for i, name in enumerate(header) if name}
    wanted = next((names for names in (_CONV, _GEMM) if set(names) <= set(columns)), None)
    if wanted is None:
        raise ConfigError(f"{path}: line 1: no SCALE-Sim topology; wanted a header with the columns "
                          f"{', '.join(_CONV)}, or {', '.join(_GEMM)} for GEMMs")
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        sizes = {name: _whole(path, line, name, row[columns[name]] if columns[name] < len(row) else "")
                 for name in wanted}
        pattern = _n_of_m(path, line, row[columns["sparsity"]]) if "sparsity" in columns and columns["sparsity"] < len(
            row) else None
        name = _name(row[0])
        if wanted is _GEMM:
            fields: dict[str, Any] = {"op": "linear", "inputs": sizes["k"], "outputs": sizes["n"],
                                      "vectors": sizes["m"]}
        else:
            fields = {"op": "conv2d", "input": [sizes["channels"], sizes["ifmap height"], sizes["ifmap width"]],
                      "filters": sizes["num filter"], "kernel": [sizes["filter height"], sizes["filter width"]],
                      "stride": [sizes["strides"]] * 2, "padding": [0, 0]}
        density = -1.0 if pattern is None else pattern[0] / pattern[1]
        yield PlannedLayer(_shape(path, line, {"name": name, **fields}), density, -1, "file", "given", pattern)


def _stonne(path: Path, lines: list[str]) -> Iterable[PlannedLayer]:
    """STONNE: the options of one layer a line, as its command line takes them; sparsities in per cent."""
    for line, text in enumerate(lines, 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        kind = _STONNE.search(text)
        if kind is None:
            raise ConfigError(f"{path}: line {line}: no layer as STONNE lists them; wanted -CONV, -FC, -DenseGEMM or "
                              "-SparseGEMM with its sizes, such as -FC -M=64 -N=1 -K=128")
        given = dict(_OPTION.findall(text))
        name = _name(given.get("L", f"{kind[1].lower()}{line}"))
        keys = ("R", "S", "C", "K", "X", "Y") if kind[1] == "CONV" else ("M", "N", "K")
        size = {key: _whole(path, line, key, given.get(key, "")) for key in keys}
        weight, activation = (_density(path, line, key, given) for key in ("MK_sparsity", "KN_sparsity"))
        if kind[1] == "CONV":
            groups, stride = (_whole(path, line, key, given.get(key, "1")) for key in ("G", "strides"))
            fields: dict[str, Any] = {"op": "conv2d", "input": [size["C"] * groups, size["X"], size["Y"]],
                                      "filters": size["K"] * groups, "kernel": [size["R"], size["S"]],
                                      "stride": [stride, stride], "padding": [0, 0], "groups": groups}
        else:
            fields = {"op": "linear", "inputs": size["K"], "outputs": size["M"], "vectors": size["N"]}
        yield PlannedLayer(_shape(path, line, {"name": name, **fields}), weight, activation, "file", "file", None)


def _shape(path: Path, line: int, fields: Mapping[str, Any]) -> ConvShape | MatmulShape:
    try:
        return (ConvShape if fields["op"] == "conv2d" else MatmulShape).model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = cut(".".join(map(str, first["loc"])), 120) or "the layer"
        raise ConfigError(f"{path}: line {line}: {where}: {cut(first['msg'], 300)}") from None


def _whole(path: Path, line: int, key: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII):
        raise ConfigError(f"{path}: line {line}: {key} is {text.strip()[:40]!r}, wanted a whole number")
    return int(text)


def _density(path: Path, line: int, key: str, given: Mapping[str, str]) -> float:
    """1 - the share of zeros; -1 where the line has none."""
    if key not in given:
        return -1.0
    percent = _whole(path, line, key, given[key])
    if percent > 100:
        raise ConfigError(f"{path}: line {line}: {key} is {percent}, wanted per cent from 0 to 100")
    return 1 - percent / 100


def _n_of_m(path: Path, line: int, text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text.strip(), re.ASCII)
    if not text.strip():
        return None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"{path}: line {line}: sparsity is {text.strip()[:40]!r}, wanted N:M such as 2:4")
    return int(match[1]), int(match[2])


def _name(text: str) -> str:
    """A layer's name out of whatever stands in the file."""
    return re.sub(r"[^\w.+-]+", "_", text.strip())[:60].strip("_") or "layer"
