"""Objectives and the points that no other point beats."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from accelsim.errors import ConfigError
from accelsim.study.where import Row, column_name

_SHORT = {"energy": "energy_pj", "time": "time_us", "area": "area_mm2", "sram": "sram_kbytes"}


class Objective(NamedTuple):
    """A column, to be minimised unless `sign` is -1."""

    column: str
    sign: int = 1

    def __str__(self) -> str:
        return ("-" if self.sign < 0 else "") + self.column


def parse_objectives(names: Iterable[str]) -> list[Objective]:
    """Objectives from column names; `-name` is maximised; energy, time, area and sram are short names.

    Raises ConfigError when there is none, or one repeats.
    """
    found = []
    for name in names:
        bare = name.strip().removeprefix("-").strip()
        if not bare:
            raise ConfigError(f"objectives {', '.join(names)!r}: a name is missing; for example cycles,energy")
        found.append(Objective(_SHORT.get(bare, bare), -1 if name.strip().startswith("-") else 1))
    if not found or len({o.column for o in found}) < len(found):
        raise ConfigError("objectives: wanted at least one column, each once; for example cycles,energy")
    return found


def costs(row: Row, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """What is to be minimised of `row`; ConfigError when a column is unknown or holds no number."""
    values = []
    for objective in objectives:
        column = column_name(objective.column, row)
        if isinstance(row[column], bool) or not isinstance(row[column], (int, float)):
            raise ConfigError(f"objective {objective.column!r}: point {row.get('run_id', '')} holds {row[column]!r}, "
                              "wanted a number; choose another column, or leave such points out with --where")
        values.append(objective.sign * row[column])
    return tuple(values)


def front(vectors: Sequence[tuple[float, ...]]) -> list[int]:
    """Positions of the vectors that no other is at least as small as in everything and smaller in something.

    Equal vectors stay together. Sorted first, so that a vector can only be beaten by one before it.
    """
    order = sorted(range(len(vectors)), key=lambda i: vectors[i])
    kept: list[int] = []
    for i in order:
        beaten = any(vectors[k] != vectors[i] and all(a <= b for a, b in zip(vectors[k], vectors[i], strict=True))
                     for k in kept)
        if not beaten:
            kept.append(i)
    return sorted(kept)


def pareto_rows(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """The rows on the front of their own trace, in their order: points on different data do not compete."""
    groups: dict[object, list[int]] = {}
    for position, row in enumerate(rows):
        groups.setdefault(row.get("trace_digest"), []).append(position)
    chosen: list[int] = []
    for positions in groups.values():
        chosen += [positions[i] for i in front([costs(rows[p], objectives) for p in positions])]
    return [rows[p] for p in sorted(chosen)]
