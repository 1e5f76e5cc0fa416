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
    "scnn": "accelsim.arch.scnn.model:Scnn",
    "dcnn": "accelsim.arch.dcnn.model:Dcnn",
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
        kind, data, where = arch.kind, arch.model_dump(mode="json"), f"config {arch.name!r}"
    elif isinstance(arch, str):
        path = shipped.find("arch", arch)
        where, data = str(path), read_yaml(path)
        kind = data.get("kind")
        if not isinstance(kind, str):
            raise ConfigError(f"{where}: key 'kind' is missing or not a name; wanted one of {', '.join(kinds())}")
        del data["kind"]
    else:
        raise ConfigError(f"arch is {type(arch).__name__}, wanted a preset's name, a path or a config object")
    if kind not in kinds():
        raise ConfigError(f"{where}: kind {kind!r} is unknown{did_you_mean(kind, kinds())}")
    if changes:
        where += " with set"
        for key, value in changes.items():
            if key == "kind":
                raise ConfigError("'kind' cannot be set; name an arch of that kind")
            data[key] = value
    return validate(machine(kind).config, data, where)
