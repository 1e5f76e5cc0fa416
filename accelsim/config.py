"""Configurations: strict, frozen, read from YAML with the line of every mistake.

An architecture file names a `kind` and gives that kind's parameters. All mistakes are reported at once, each
with file, line, key, what was found, what was wanted and, for a misspelt key, the likely one.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from accelsim.errors import ConfigError

MAX_YAML_BYTES = 1 << 20
Model = TypeVar("Model", bound="StrictModel")


class StrictModel(BaseModel):
    """Base of everything read from YAML: unknown keys, wrong types and non-finite numbers are errors."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class DramConfig(StrictModel):
    """The memory behind a design (docs/memory.md); a key left out is that of the model."""

    model: Literal["stream", "ddr4_3200", "lpddr4_3200", "hbm2"] = Field(
        default="stream", description="stream: bandwidth and latency alone; else a preset")
    gbps: float | None = Field(default=None, gt=0, le=1e6, description="bandwidth of all channels, 10^9 bytes per second")
    latency_ns: float | None = Field(default=None, ge=0, le=1e6, description="from a transfer's end to the data's arrival")
    burst_bytes: int | None = Field(default=None, ge=1, le=1 << 16, description="transfers are rounded up to this")
    channels: int = Field(default=1, ge=1, le=1024, description="channels of a preset")
    row_buffer: bool = Field(default=False, description="row hits and misses of a preset")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.model == "stream" and self.gbps is None:
            raise ValueError("model 'stream' has no bandwidth of its own; give dram.gbps, or a preset as dram.model")
        if self.model == "stream" and (self.row_buffer or self.channels != 1):
            raise ValueError("model 'stream' has no rows and no channels; give a preset as dram.model")
        return self


class ArchConfig(StrictModel):
    """What every architecture has; each kind adds its own parameters (see `accelsim schema`).

    `name` is the design's name in results; `energy_table` names a shipped table or gives a file. With `dram` null memory
    takes no time and no energy; the other memory keys count only when it is given (docs/memory.md).
    """

    kind: ClassVar[str]
    name: str = Field(min_length=1, max_length=80, description="the design's name in results")
    clock_mhz: float = Field(gt=0, le=100_000, description="clock, MHz")
    energy_table: str = Field(min_length=1, description="shipped energy table by name, or a file")
    dram: DramConfig | None = Field(default=None, description="the memory behind the design; null: not modelled")
    buffering: int = Field(default=2, ge=1, le=1 << 16, description="tiles in flight between DRAM and the machine")
    prefetch_weights: bool = Field(default=True, description="fetch weights of later layers while a layer runs")
    resident_weights: bool = Field(default=False, description="weights are on chip before the run")
    resident_activations: bool = Field(default=False, description="inputs and outputs stay on chip")

    def to_dict(self) -> dict[str, Any]:
        """All parameters, `kind` first: what results carry and run ids hash."""
        return {"kind": self.kind} | self.model_dump(mode="json")


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-able value in one canonical spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_yaml(path: Path) -> Mapping[Any, Any]:
    """The YAML mapping in `path` (ruamel's round-trip types, which know their lines). Shared: do not modify it."""
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from None
    return _parse_yaml(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _parse_yaml(path: Path, size: int, modified_ns: int) -> Mapping[Any, Any]:
    """Parsing takes longer than simulating a small layer, so an unchanged file is parsed once per process."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        if size > MAX_YAML_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_YAML_BYTES} bytes; this is not an accelsim YAML file")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); give a YAML file") from None
    if "&" in text and "*" in text:
        _refuse_aliases(path, text)
    try:
        data = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        raise ConfigError(f"{path}{_mark(error)}: not valid YAML: {_first_line(error)}") from None
    except (ValueError, RecursionError, OverflowError, AssertionError, TypeError, IndexError, KeyError,
            AttributeError, NotImplementedError) as error:  # what ruamel lets through on hostile text
        raise ConfigError(f"{path}: not valid YAML: {_first_line(error)}") from None
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: holds {_kind_of(data)}, wanted a mapping of keys to values (key: value lines)")
    return data


def read_scalar(text: str, where: str) -> Any:
    """`text` as YAML reads a value (8 is a number, true a truth value, eie a name)."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text) if text.strip() else text
    except (YAMLError, ValueError, RecursionError, OverflowError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{where}: {text[:60]!r} is not a YAML value: {_first_line(error)}") from None
    if not isinstance(value, (str, int, float, bool)) and value is not None:
        raise ConfigError(f"{where}: {text[:60]!r} is {_kind_of(value)}, wanted a number, a truth value or a name")
    return value


def validate(model: type[Model], data: Mapping[Any, Any], where: str,
             changes: Mapping[str, Any] | None = None, without: str = "") -> Model:
    """`data` (less the key `without`), with `changes` over it, as a `model`.

    Raises one ConfigError that lists every mistake with its line.
    """
    problems = [f"{where}{_line(data, key)}: key {key!r} is not text; keys are names" for key in data
                if not isinstance(key, str)]
    if problems:
        raise ConfigError("\n".join(problems))
    try:
        plain = _changed(_plain(data), _plain(changes or {}))
        return model.model_validate({k: v for k, v in plain.items() if k != without})
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply; give a flat mapping of keys to values") from None
    except ValidationError as error:
        raise ConfigError("\n".join(_problem(model, data, where, e, changes or {}) for e in error.errors())) from None


def _problem(model: type[StrictModel], data: Mapping[Any, Any], where: str, error: Any,
             changes: Mapping[str, Any]) -> str:
    path, message = error["loc"], error["msg"].removeprefix("Value error, ")
    if not path:
        return f"{where}: {message}"
    key = ".".join(map(str, path))
    changed = any(f"{key}.".startswith(f"{c}.") or c.startswith(f"{key}.") for c in map(str, changes))
    place = f"set {key}" if changed else f"{where}{_line(data, *path)}"
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return f"{place}: unknown key {key!r}{did_you_mean(str(path[-1]), known)}"
    if error["type"] == "missing":
        field = model.model_fields.get(str(path[0])) if len(path) == 1 else None
        hint = f" ({field.description})" if field is not None and field.description else ""
        return f"{place}: key {key!r} is missing{hint}"
    return f"{place}: {key}: {message[0].lower()}{message[1:]}, got {_short(error['input'])}"


def _changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with `changes` over it; the key `a.b` changes the key b inside a (made if a is missing or null)."""
    for key, value in changes.items():
        *groups, last = key.split(".")
        inner = data
        for group in groups:
            if inner.get(group) is None:
                inner[group] = {}
            inner = inner[group]
            if not isinstance(inner, dict):
                raise ConfigError(f"set {key}: {group!r} is {_short(inner)}, not a group of keys; set {group!r} itself")
        inner[last] = value
    return data


def _keys_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Keys of the model that `path` leads to, none when it leads elsewhere."""
    for step in path:
        field = model.model_fields.get(str(step))
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def did_you_mean(word: str, known: Any) -> str:
    """'; did you mean X?' for a near miss, else the list of what is known."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _line(data: Any, *path: Any) -> str:
    """':LINE' of the deepest part of `path` that ruamel knows, else nothing."""
    found = ""
    for key in path:
        marks = getattr(data, "lc", None)
        if marks is None or not isinstance(data, (Mapping, list)):
            break
        try:
            found = f":{marks.data[key][0] + 1}"
            data = data[key]
        except (KeyError, TypeError, IndexError):
            break
    return found


def _plain(value: Any) -> Any:
    """ruamel's decorated types as plain Python ones (strict validation wants exact types)."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def _refuse_aliases(path: Path, text: str) -> None:
    """Aliases can blow a small file up to gigabytes; no accelsim file needs them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.tokens import AliasToken

    try:
        for token in YAML(typ="rt").scan(StringIO(text)):
            if isinstance(token, AliasToken):
                raise ConfigError(f"{path}:{token.start_mark.line + 1}: YAML aliases (*name) are not accepted; "
                                  "write the value out")
    except (YAMLError, ValueError, RecursionError):
        return  # the real parse reports it better


def _mark(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _first_line(error: Exception) -> str:
    return (getattr(error, "problem", None) or str(error) or type(error).__name__).splitlines()[0]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind_of(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__.removeprefix('Commented').lower()}"
