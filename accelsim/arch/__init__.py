"""The registry of machines: one line each. Loading a configuration finds its machine here."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from accelsim import shipped
from accelsim.config import ArchConfig, did_you_mean, read_yaml, validate
from accelsim.errors import ConfigError

if TYPE_CHECKING:
    from accelsim.arch.base import Machine

_KINDS = {
    "eie": "accelsim.arch.eie.model:Eie",
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
    instance: Machine = getattr(import_module(module), name)()
    return instance


def load_arch(arch: str | ArchConfig, changes: Mapping[str, Any] | None = None) -> ArchConfig:
    """An architecture from a shipped name, a YAML file's path or a config object, with `changes` of keys applied.

    Raises ConfigError with every mistake at once.
    """
    if isinstance(arch, ArchConfig):
        data: Mapping[Any, Any] = arch.to_dict()
        where = f"config {arch.name!r}"
    elif isinstance(arch, str):
        path = shipped.find("arch", arch)
        data, where = read_yaml(path), str(path)
    else:
        raise ConfigError(f"arch is a {type(arch).__name__}, wanted a preset's name, a path or a config object")
    kind = data.get("kind", "")
    if kind not in kinds():
        raise ConfigError(f"{where}: kind {kind!r} is not one of {', '.join(kinds())}"
                          f"{did_you_mean(str(kind), kinds())}")
    if changes and "kind" in changes:
        raise ConfigError("'kind' cannot be set; name an arch of that kind")
    return validate(machine(kind).config, data, where, changes, without="kind")


def schema() -> dict[str, Any]:
    """JSON schema of architecture files: one alternative per kind."""
    alternatives = []
    for kind in sorted(kinds()):
        one = machine(kind).config.model_json_schema()
        one["title"] = kind
        one["properties"] = {"kind": {"const": kind}} | one["properties"]
        one["required"] = ["kind", *one["required"]]
        alternatives.append(one)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "accelsim architecture",
            "oneOf": alternatives}
