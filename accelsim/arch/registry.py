"""The registry of machines: every folder FAMILY/KIND beside this file that holds a machine.py is a kind.

Loading a configuration finds its machine here.
"""

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim import shipped
from accelsim.arch.config import ArchConfig
from accelsim.arguments import mapping, path_text
from accelsim.errors import ConfigError, told
from accelsim.hw.memory.tiles import STALLS as MEMORY_STALLS
from accelsim.yaml import did_you_mean, line_of, read_yaml, validate

if TYPE_CHECKING:
    from accelsim.arch.machine import Machine, Policy

_GROUP = "accelsim.arch"  # entry points of installed packages: the kind's name = the folder with its machine.py


@cache
def kinds() -> dict[str, str]:
    """Every kind and the module of its machine: ours, and those of installed packages (group `accelsim.arch`)."""
    ours = {file.parent.name: f"accelsim.arch.{file.parent.parent.name}.{file.parent.name}.machine"
            for file in sorted(Path(__file__).parent.glob("*/*/machine.py"))}
    return ours | {e.name: f"{e.value}.machine" for e in entry_points(group=_GROUP) if e.name not in ours}


def family(kind: str) -> str:
    """The family whose folder the kind lies in; the package's name for one from outside."""
    return kinds()[kind].split(".")[-3]


@cache
def machine(kind: str) -> "Machine[Any]":
    """The machine of a kind. Raises ConfigError for an unknown kind."""
    if kind not in kinds():
        raise ConfigError(f"no machine is of kind {kind!r}{did_you_mean(kind, kinds())}")
    import_module("accelsim.compile_cache")  # before numba looks for a place to keep the machine's kernels
    try:
        module = import_module(kinds()[kind])
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever another package does when it is imported
        if kinds()[kind].startswith("accelsim."):
            raise
        raise ConfigError(f"arch entry point {kind!r} ({kinds()[kind]}): cannot be loaded ({told(error)}); correct or "
                          "uninstall the package") from error
    found = [thing for thing in vars(module).values() if getattr(thing, "__module__", "") == module.__name__
             and isinstance(thing, type) and getattr(thing, "kind", None) == kind and hasattr(thing, "policies")]
    if len(found) != 1:
        raise ConfigError(f"{module.__file__}: wanted one class with kind = {kind!r}, found {len(found)}")
    instance: Machine[Any] = found[0]()
    return instance


@cache
def _causes() -> dict[str, str]:
    found = dict.fromkeys(MEMORY_STALLS, "memory")
    for kind in kinds():
        for stall in machine(kind).stalls:
            found.setdefault(stall.name, stall.cause)
    return found


def cause_of_stall(name: str) -> str | None:
    """Why slots stall so, in the words of `accelsim.arch.facts`; None for a name that no machine declares."""
    return _causes().get(name)


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
        path = shipped.find("arch", path_text("arch", arch, ConfigError, "a preset's name or a path"))
        data, where = read_yaml(path), str(path)
    else:
        raise ConfigError(f"arch is a {type(arch).__name__}, wanted a preset's name, a path or a config object")
    if "kind" not in data:
        raise ConfigError(f"{where}: key 'kind' is missing; wanted one of {', '.join(sorted(kinds()))}")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in kinds():
        word = kind[:60] if isinstance(kind, str) else f"a {type(kind).__name__}"
        raise ConfigError(f"{where}{line_of(data, 'kind')}: kind {word!r} is unknown{did_you_mean(word, kinds())}")
    changes = mapping("set:", changes, ConfigError, "a mapping of keys to values")
    if "kind" in changes:
        raise ConfigError("set: 'kind' cannot be set; name an arch of that kind")
    is_set = "energy_table" in changes
    if not isinstance(arch, ArchConfig):
        changes = _table_beside(path, data) | changes
    config = validate(machine(kind).config, data, where, changes, without="kind")
    try:
        shipped.find("energy", config.energy_table)
    except ConfigError as error:
        place = "set energy_table" if is_set else f"{where}{line_of(data, 'energy_table')}: energy_table"
        raise ConfigError(f"{place}: {error}") from None
    return config


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
