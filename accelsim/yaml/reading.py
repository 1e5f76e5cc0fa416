"""YAML read strictly: all mistakes are reported at once, each with file, line and key, what was found, what was wanted
and, for a misspelt key, the likely one.
"""

import difflib
import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from accelsim.arguments import mapping
from accelsim.errors import ConfigError, cut, shown
from accelsim.files import reason_of
from accelsim.yaml.strict import StrictModel

MAX_YAML_BYTES = 1 << 17  # parsing costs 10 to 30 s per MB; presets have 1 kB
MAX_BRACKETS = 50  # open at once: ruamel's time grows with the square of the depth
MAX_KNOWN = 250  # characters of a list of all that would be known
MAX_PROBLEMS = 20  # printed at once; more hide the first
MAX_TEXT = 1700  # characters of them, unless the first alone has more
Model = TypeVar("Model", bound="StrictModel")
# what ruamel.yaml lets through on hostile text, besides its own YAMLError
_PARSER_FAULTS = (ValueError, RecursionError, OverflowError, AssertionError, TypeError, LookupError, AttributeError,
                  NotImplementedError)

_ENDLESS = 10 ** 4000  # Python prints no number much longer than this


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-able value in one canonical spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_yaml(path: Path) -> Mapping[Any, Any]:
    """The YAML mapping in `path` (ruamel's round-trip types, which know their lines). Shared: do not modify it."""
    return parse_yaml(path, read_text(path))


def read_text(path: Path) -> str:
    """The UTF-8 text of the YAML file `path`. Raises ConfigError when there is no such text."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is not a file; give the path of a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_YAML_BYTES + 1)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); give a YAML file") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({reason_of(error)}); give the path of a YAML file") from None
    if len(content) > MAX_YAML_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_YAML_BYTES:,} bytes; this is not an accelsim YAML file")
    return text


@lru_cache(maxsize=64)
def parse_yaml(path: Path, text: str) -> Mapping[Any, Any]:
    """The mapping in `text`, read from `path`. Parsing takes longer than simulating a small layer: it is done once."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError, YAMLWarning

    _refuse_depth(text, str(path), lines=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", YAMLWarning)  # what ruamel finds doubtful is a mistake here
            _refuse_references(path, text)
            data = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        raise ConfigError(f"{path}{_mark(error)}: not valid YAML: {_first_line(error)}") from None
    except (YAMLWarning, *_PARSER_FAULTS) as error:
        raise ConfigError(f"{path}: not valid YAML: {_first_line(error)}") from None
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: holds {_kind_of(data)}, wanted a mapping of keys to values (key: value lines)")
    return data


def read_scalar(text: str, where: str) -> Any:
    """`text` as YAML reads a value (8 is a number, true a truth value, eie a name)."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError, YAMLWarning

    _refuse_depth(text, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", YAMLWarning)
            value = YAML(typ="safe", pure=True).load(text) if text.strip() else text
    except (YAMLError, YAMLWarning, *_PARSER_FAULTS) as error:
        raise ConfigError(f"{where}: {text[:60]!r} is not a YAML value: {_first_line(error)}") from None
    if not isinstance(value, (str, int, float, bool)) and value is not None:
        raise ConfigError(f"{where}: {text[:60]!r} is {_kind_of(value)}, wanted a number, a truth value or a name")
    return value


def validate(model: type[Model], data: Mapping[Any, Any], where: str,
             changes: Mapping[str, Any] | None = None, without: str = "") -> Model:
    """`data` (less the key `without`), with `changes` over it, as a `model`.

    Raises one ConfigError that lists every mistake with its line.
    """
    changes = mapping("set:", changes, ConfigError, "a mapping of keys to values")
    try:
        foreign = [*_foreign(data, where), *_foreign(changes, "set")]
        if foreign:
            raise ConfigError(_listed(foreign, len(foreign)))
        plain = _changed(_plain(data), _plain(changes))
        return model.model_validate({k: v for k, v in plain.items() if k != without})
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply; give a flat mapping of keys to values") from None
    except ValidationError as error:
        problems = (_problem(model, data, where, e, changes) for e in error.errors())
        raise ConfigError(_listed(problems, error.error_count())) from None


def _problem(model: type[StrictModel], data: Mapping[Any, Any], where: str, error: Any,
             changes: Mapping[str, Any]) -> str:
    path, message = error["loc"], error["msg"].removeprefix("Value error, ")
    if not path:
        return f"{where}: {message}"
    key = cut(".".join(map(str, path)))
    changed = any(f"{key}.".startswith(f"{c}.") or c.startswith(f"{key}.") for c in changes)
    place = f"set {key}" if changed else f"{where}{line_of(data, *path)}"
    fields = _fields(model, path[:-1])
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key {key!r}{did_you_mean(str(path[-1]), fields)}"
    if error["type"] == "missing":
        field = fields.get(str(path[-1]))
        hint = f" ({field.description})" if field is not None and field.description else ""
        return f"{place}: key {key!r} is missing{hint}"
    return f"{place}: {key}: {message[0].lower()}{message[1:]}, got {shown(error['input'])}"


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
                raise ConfigError(f"set {cut(key)}: {cut(group)!r} is {shown(inner)}, not a group of keys; "
                                  "set it as a whole")
        inner[last] = value
    return data


def _fields(model: Any, path: tuple[Any, ...]) -> dict[str, Any]:
    """The fields of the model that reads what lies at `path` below `model`; none where no model does."""
    for key in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(key))
            model = None if field is None else field.annotation
            if type(None) in get_args(model):  # X | None
                model = get_args(model)[0]
        else:  # dict[str, X] or list[X]
            model = (get_args(model) or (None,))[-1]
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _foreign(data: Any, where: str, place: str = "") -> Iterator[str]:
    """A message for every key, at any depth, that is not text, and every number that nobody can print."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            there = f"{where}{line_of(data, key)}"
            if not isinstance(key, str):
                yield f"{there}: key {shown(key)} is not text; keys are names, quote it"
            yield from _foreign(value, where, f"{there}: {cut(str(key)) if isinstance(key, str) else ''}")
    elif isinstance(data, (list, tuple)):
        for item in data:
            yield from _foreign(item, where, place)
    elif isinstance(data, int) and abs(data) >= _ENDLESS:
        yield f"{place}: {shown(data)}: more than 4,000 digits; give a number that fits a machine's word"


def _listed(problems: Iterable[str], total: int) -> str:
    """The first problems, as many as a person reads; the others are not even worded."""
    lines: list[str] = []
    for problem in problems:
        if len(lines) == MAX_PROBLEMS or (lines and sum(map(len, lines)) + len(problem) > MAX_TEXT):
            break
        lines.append(problem)
    return "\n".join(lines + ([f"... and {total - len(lines)} more mistakes"] if total > len(lines) else []))


def did_you_mean(word: str, known: Any) -> str:
    """'; did you mean X?' for a near miss, else the list of what is known."""
    close = difflib.get_close_matches(word[:MAX_KNOWN], list(known), n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {cut(', '.join(sorted(known)), MAX_KNOWN)}" if known else ""


def line_of(data: Any, *path: Any) -> str:
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
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()  # numpy's scalars are numbers
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def _refuse_references(path: Path, text: str) -> None:
    """Aliases blow a small file up to gigabytes, anchors and tags change types silently; accelsim files need none."""
    if not set("&*!") & set(text):
        return  # scanning costs as much as parsing
    from ruamel.yaml import YAML
    from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

    words = {AliasToken: "aliases (*name)", AnchorToken: "anchors (&name)", TagToken: "tags (!name)"}
    for token in YAML(typ="rt").scan(StringIO(text)):
        if type(token) in words:
            raise ConfigError(f"{path}:{token.start_mark.line + 1}: YAML {words[type(token)]} are not accepted; "
                              "write the value out, in quotes if it is text")


def _refuse_depth(text: str, where: str, lines: bool = False) -> None:
    depth = 0
    for bracket in re.finditer(r"[][{}]", text):  # those in comments and quotes too: they come in pairs
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_BRACKETS:
            place = f":{text.count(chr(10), 0, bracket.start()) + 1}" if lines else ""
            raise ConfigError(f"{where}{place}: more than {MAX_BRACKETS} brackets are open at once; close them")


def _mark(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _first_line(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = getattr(error, "problem", None) or str(error).strip() or type(error).__name__
    return cut(text.splitlines()[0].split("; use sys.")[0], 200)  # Python's own way out is none for a file


def _kind_of(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__.removeprefix('Commented').lower()}"
