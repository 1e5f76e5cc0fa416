"""The registry of machines: one line each. Loading a configuration finds its machine here."""

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim import shipped
from accelsim.config import ArchConfig, did_you_mean, line_of, read_yaml, validate
from accelsim.errors import ConfigError, told

if TYPE_CHECKING:
    from accelsim.arch.base import Machine, Policy

_KINDS = {
    "eie": "accelsim.arch.eie.model:Eie",
    "eyeriss": "accelsim.arch.eyeriss.model:Eyeriss",
    "procrustes": "accelsim.arch.procrustes.model:Procrustes",
    "scnn": "accelsim.arch.scnn.model:Scnn",
    "dcnn": "accelsim.arch.dcnn.model:Dcnn",
    "sigma": "accelsim.arch.sigma.model:Sigma",
    "systolic": "accelsim.arch.systolic.model:Systolic",
    "tensor_core": "accelsim.arch.tensor_core.model:TensorCore",
}


@cache
def kinds() -> dict[str, str]:
    """Every kind and where its machine lives: ours, and those of installed packages (group `accelsim.arch`)."""
    return _KINDS | {e.name: e.value for e in entry_points(group="accelsim.arch") if e.name not in _KINDS}


@cache
def machine(kind: str) -> "Machine":
    """The machine of a kind. Raises ConfigError for an unknown kind."""
    if kind not in kinds():
        raise ConfigError(f"no machine is of kind {kind!r}{did_you_mean(kind, kinds())}")
    module, _, name = kinds()[kind].partition(":")
    try:
        instance: Machine = getattr(import_module(module), name)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever another package does when it is imported
        if kind in _KINDS:
            raise
        raise ConfigError(f"arch entry point {kind!r} ({kinds()[kind]}): cannot be loaded ({told(error)}); correct or "
                          "uninstall the package") from error
    return instance


@cache
def policies(kind: str) -> "dict[str, Policy]":
    """Every policy of a kind, the default first: the machine's own, and those of installed packages.

    A package registers an entry point `KIND:NAME` in the group `accelsim.policies`. Raises ConfigError when it cannot
    be loaded or takes a name that the machine has.
    """
    found = dict(machine(kind).policies)
    for entry in sorted(entry_points(group="accelsim.policies"), key=lambda e: (e.name, e.value)):
        owner, _, name = entry.name.partition(":")
        where = f"policy entry point {entry.name!r} ({entry.value})"
        if owner not in kinds() or not name:
            raise ConfigError(f"{where}: wanted KIND:NAME with a kind out of {', '.join(sorted(kinds()))}")
        if owner != kind:
            continue
        if name in found:
            raise ConfigError(f"{where}: {kind} already has a policy {name!r}; give it another name")
        try:
            found[name] = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the package does when it is imported
            raise ConfigError(f"{where}: cannot be loaded ({told(error)}); correct or uninstall the package") from error
    return found


def load_arch(arch: str | os.PathLike[str] | ArchConfig, changes: Mapping[str, Any] | None = None) -> ArchConfig:
    """An architecture from a shipped name, a YAML file's path or a config object, with `changes` of keys applied.

    An `energy_table` that the file names may lie beside it. Raises ConfigError with every mistake at once.
    """
    if isinstance(arch, ArchConfig):
        data: Mapping[Any, Any] = arch.to_dict()
        where = f"config {arch.name!r}"
    elif isinstance(arch, (str, os.PathLike)):
        path = shipped.find("arch", os.fspath(arch))
        data, where = read_yaml(path), str(path)
    else:
        raise ConfigError(f"arch is a {type(arch).__name__}, wanted a preset's name, a path or a config object")
    if "kind" not in data:
        raise ConfigError(f"{where}: key 'kind' is missing; wanted one of {', '.join(sorted(kinds()))}")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in kinds():
        word = kind[:60] if isinstance(kind, str) else f"a {type(kind).__name__}"
        raise ConfigError(f"{where}{line_of(data, 'kind')}: kind {word!r} is unknown{did_you_mean(word, kinds())}")
    if isinstance(changes, Mapping) and "kind" in changes:
        raise ConfigError("set: 'kind' cannot be set; name an arch of that kind")
    if not isinstance(arch, ArchConfig) and isinstance(changes or {}, Mapping):
        changes = _table_beside(path, data) | dict(changes or {})
    return validate(machine(kind).config, data, where, changes, without="kind")


def _table_beside(path: Path, data: Mapping[Any, Any]) -> dict[str, str]:
    """The change that makes `energy_table`, where it is the name of a file beside `path`, that file's path."""
    table = data.get("energy_table")
    if not isinstance(table, str) or "\0" in table or table in shipped.names("energy"):
        return {}
    beside = path.parent / table
    try:
        return {"energy_table": str(beside)} if beside.is_file() else {}
    except OSError:  # a name too long for a file
        return {}


def schema() -> dict[str, Any]:
    """JSON schema of architecture files: one alternative per kind."""
    alternatives = []
    shared: dict[str, Any] = {}
    for kind in sorted(kinds()):
        one = machine(kind).config.model_json_schema()
        one["title"] = kind
        shared |= one.pop("$defs", {})  # references inside start at the root
        one["properties"] = {"kind": {"const": kind}} | one["properties"]
        one["required"] = ["kind", *one["required"]]
        alternatives.append(one)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "accelsim architecture",
            "$defs": shared, "oneOf": alternatives}
