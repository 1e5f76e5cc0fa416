"""Published pruned models by name: one variant of a table in `workloads/`, with a density for every layer.

"resnet50" is the first variant of `workloads/resnet50.yaml`, "resnet50:erk90" the one of that name.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

from accelsim import shipped
from accelsim.arguments import path_text
from accelsim.errors import ConfigError
from accelsim.workload.planned import PlannedLayer, Workload
from accelsim.workload.tables import PREVIOUS, ConvShape, MatmulShape, Numbers, Source, Stack, Variant, WorkloadFile
from accelsim.workload.topologies import ENDINGS, load_topology
from accelsim.yaml import did_you_mean, read_yaml, validate


def load_workload(name: str | os.PathLike[str], weight_density: float | None = None,
                  activation_density: float | None = None, *, shapes_only: bool = False) -> Workload:
    """A published workload from "NAME", "NAME:VARIANT", or the same with the path of a YAML file.

    Or the layers of a file of the field (`accelsim.workload.topologies`): a SCALE-Sim topology, a list of STONNE's or a
    matrix, with the densities that it does not have; shapes_only shows it without them. Raises ConfigError with every
    mistake of the file, or when there is no such workload or variant.
    """
    name = path_text("workload", name, ConfigError, "a workload's name or a path")
    if Path(name).suffix in ENDINGS:
        return load_topology(Path(name), weight_density, activation_density, shapes_only)
    if weight_density is not None or activation_density is not None:
        raise ConfigError(f"{name}: has densities of its own for every layer; do not give --weight-density or "
                          "--activation-density")
    path, variant = _split(name)
    file, data = _read(path)
    label = path if path in shipped.names("workload") else file.stem
    if variant is None:
        variant = next(iter(data.variants))
    if variant not in data.variants:
        raise ConfigError(f"workload {label!r} has no variant {variant!r}{did_you_mean(variant, data.variants)}")
    return _plan(f"{label}:{variant}", str(file), data, data.variants[variant])


def variants(name: str) -> dict[str, str]:
    """Variant -> what it is, of a shipped workload or a file; the first is the default."""
    return {key: variant.about for key, variant in _read(name)[1].variants.items()}


def _split(name: str) -> tuple[str, str | None]:
    if ":" in name and not Path(name).is_file():
        path, _, variant = name.rpartition(":")
        return path, variant
    return name, None


def _read(name: str) -> tuple[Path, WorkloadFile]:
    file = shipped.find("workload", name)
    return file, validate(WorkloadFile, read_yaml(file), str(file))


def _plan(name: str, where: str, data: WorkloadFile, variant: Variant) -> Workload:
    shapes = list(_expanded(data.layers))
    names = [shape.name for shape in shapes]
    repeated = sorted(n for n, times in Counter(names).items() if times > 1)
    if repeated:
        raise ConfigError(f"{where}: layer names repeat: {', '.join(repeated)}; give each its own")
    where = f"{where}: variant {name.rpartition(':')[2]!r}"
    for unknown in set(variant.omits) - set(names):
        raise ConfigError(f"{where}: omits {unknown!r}, which is no layer{did_you_mean(unknown, names)}")
    kept = [shape for shape in shapes if shape.name not in variant.omits]
    weights = _densities(where, "weights", variant.weights, kept, data.sources)
    activations = _densities(where, "activations", variant.activations, kept, data.sources)
    layers = tuple(
        PlannedLayer(shape, weight[0], activation[0], weight[1].source, activation[1].source,
                     None if weight[1].n_of_m is None else (weight[1].n_of_m[0], weight[1].n_of_m[1]))
        for shape, weight, activation in zip(kept, weights, activations, strict=True))
    used = {x.weight_source for x in layers} | {x.activation_source for x in layers}
    return Workload(name, f"{data.about} {variant.about}", layers, _edges(where, data, shapes, {s.name for s in kept}),
                    {key: source for key, source in data.sources.items() if key in used}, dict(variant.omits),
                    data.activation_values == "signed")


def _expanded(layers: Iterable[ConvShape | MatmulShape | Stack]) -> Iterator[ConvShape | MatmulShape]:
    last: list[str] = []
    for layer in layers:
        if not isinstance(layer, Stack):
            yield layer
            last = [layer.name]
            continue
        own = {shape.name for shape in layer.layers}
        for copy in range(layer.times):
            previous = last
            for shape in layer.layers:
                after = None if shape.after is None else [
                    name for word in shape.after for name in
                    (previous if word == PREVIOUS else [f"{layer.name}.{copy}.{word}" if word in own else word])]
                last = [f"{layer.name}.{copy}.{shape.name}"]
                yield shape.model_copy(update={"name": last[0], "after": after})


def _densities(where: str, key: str, groups: list[Numbers], shapes: list[Any],
               sources: Mapping[str, Source]) -> list[tuple[float, Numbers]]:
    """For each layer its density and the group that gives it; every entry must be of use."""
    given: dict[str, tuple[float, Numbers]] = {}
    for group in groups:
        if group.source not in sources:
            raise ConfigError(f"{where}: {key}: no source is called {group.source!r}"
                              f"{did_you_mean(group.source, sources)}")
        for name, density in group.density.items():
            if name in given:
                raise ConfigError(f"{where}: {key}: {name!r} is given twice")
            given[name] = (density, group)
    found, unused = [], set(given)
    for shape in shapes:
        matches = [shape.name] if shape.name in given else [n for n in given if fnmatchcase(shape.name, n)]
        if len(matches) != 1:
            raise ConfigError(f"{where}: {key}: layer {shape.name!r} has {len(matches)} densities "
                              f"{matches or ''}; give each layer one, or omit the layer and say why")
        unused.discard(matches[0])
        found.append(given[matches[0]])
    if unused:
        raise ConfigError(f"{where}: {key}: no layer is called {', '.join(map(repr, sorted(unused)))}")
    return found


def _edges(where: str, data: WorkloadFile, shapes: list[Any], kept: set[str]) -> tuple[tuple[str, str], ...]:
    if data.graph == "separate":
        return ()
    known = {shape.name for shape in shapes}
    edges = []
    for before, shape in pairwise([None, *shapes]):
        parents = ([] if before is None else [before.name]) if shape.after is None else shape.after
        for parent in parents:
            if parent not in known:
                raise ConfigError(f"{where}: {shape.name!r} comes after {parent!r}, which is no layer"
                                  f"{did_you_mean(parent, known)}")
            edges.append((parent, shape.name))
    return tuple(edge for edge in edges if kept.issuperset(edge))
