"""What a study's file can get wrong beyond its form: axes, values and policies that an architecture does not have."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import load_arch, machine
from accelsim.arguments import path_text
from accelsim.errors import ConfigError
from accelsim.hw.energy import load_energy_table
from accelsim.simulation import find_policy
from accelsim.study.schema import Design, Listed, Study, axes_of, read_study
from accelsim.yaml import did_you_mean, dotted_keys, line_of, read_yaml, validate

Key = tuple[str | int, ...]


def load_study(study: str | os.PathLike[str] | Mapping[str, Any] | Study) -> Study:
    """A study from a YAML file, a mapping of the same keys, or as it is; checked.

    Raises one ConfigError with every mistake and its line.
    """
    if isinstance(study, Study):
        check_study(study, {}, "study")
        return study
    if isinstance(study, Mapping):
        read = validate(Study, study, "study")
        check_study(read, {}, "study")
        return read
    path = Path(path_text("study", study, ConfigError, "a YAML file, a mapping or a Study"))
    data = read_yaml(path)
    read = read_study(path, data)
    check_study(read, data, str(path))
    return read


def check_study(study: Study, data: Mapping[Any, Any], where: str) -> None:
    """Raises one ConfigError with every mistake; `data` is what `study` was read from and knows its lines.

    A value is a mistake when it is wrong by itself. Values that only do not go together fail as a point, later.
    """
    problems = []
    for number, design in enumerate(study.archs):
        try:
            base = load_arch(design.arch)
        except ConfigError as error:
            problems.append(f"{where}{line_of(data, 'archs', number)}: {error}")
            continue
        for path, message in _mistakes(study, number, design, base):
            problems.append(f"{where}{line_of(data, *path)}: {'.'.join(map(str, path))}: {message}")
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _mistakes(study: Study, number: int, design: Design, base: ArchConfig) -> Iterator[tuple[Key, str]]:
    known = [key for key in dotted_keys(machine(base.kind).config) if key != "name"]
    for key, values in axes_of(study, design).items():
        path: Key = ("archs", number, "set", key) if key in design.set else ("set", key)
        if key not in known:
            yield path, f"{base.kind} has no key {key!r} to set{did_you_mean(key, known)}"
            continue
        for value in values:
            yield from ((path, message) for message in _value_mistakes(base, key, value))
    own = design.policies is not None
    for name in (design.policies if own else study.policies) or ():
        if name != "all":
            try:
                find_policy(base.kind, name)
            except ConfigError as error:
                yield ("archs", number, "policies") if own else ("policies",), str(error)
    if isinstance(study.choose, Listed):
        for index, point in enumerate(study.choose.points):
            if point.arch in (None, design.arch, base.name):
                for key in point.set:
                    if key not in known and (point.arch is not None or number == 0):
                        yield (("choose", "points", index, "set", key),
                               f"{base.kind} has no key {key!r} to set{did_you_mean(key, known)}")


def _value_mistakes(base: ArchConfig, key: str, value: Any) -> Iterator[str]:
    try:
        config = load_arch(base, {key: value})
        if key == "energy_table":
            load_energy_table(config.energy_table)
    except ConfigError as error:
        text = str(error)
        if text.startswith(f"set {key}: ") or key == "energy_table":
            yield text.removeprefix(f"set {key}: ").removeprefix(f"{key}: ")
