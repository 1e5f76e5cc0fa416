"""What a study file says: traces, designs, how points are chosen, and constraints."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from accelsim import shipped
from accelsim.errors import ConfigError
from accelsim.study.pareto import parse_objectives
from accelsim.study.where import parse_where
from accelsim.yaml import StrictModel, validate

Scalar = bool | int | float | str
MAX_AXIS_VALUES = 100_000


def _span(data: Mapping[str, Any]) -> list[Any]:
    """The values of {from, to, step} (adding) or {from, to, times} (multiplying), both ends included when hit."""
    if set(data) not in ({"from", "to", "step"}, {"from", "to", "times"}):
        raise ValueError("wanted a value, a list of values, {from, to, step} or {from, to, times}")
    low, high, grow = data["from"], data["to"], data.get("step", data.get("times"))
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in (low, high, grow)):
        raise ValueError("from, to and step (or times) are numbers")
    if low > high or grow <= 0 or ("times" in data and (grow <= 1 or low <= 0)):
        raise ValueError("from is at most to; step is above 0; times is above 1, from then above 0")
    values: list[Any] = []
    value = low
    while value <= high:
        if len(values) == MAX_AXIS_VALUES:
            raise ValueError(f"more than {MAX_AXIS_VALUES:,} values on one axis")
        values.append(value)
        value = low + len(values) * grow if "step" in data else value * grow
    return values


def _axis(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = _span(value)
    return value if isinstance(value, list) else [value]


def _list(value: Any) -> Any:
    return [value] if isinstance(value, (str, Mapping)) else value


Axis = Annotated[list[Scalar], BeforeValidator(_axis), Field(min_length=1, max_length=MAX_AXIS_VALUES)]
Axes = dict[str, Axis]
Names = Annotated[list[str], BeforeValidator(_list), Field(min_length=1)]
PolicyNames = Names | None


class Design(StrictModel):
    """An architecture, with axes and policies of its own over those of the study."""

    arch: str = Field(min_length=1, description="a preset's name or an architecture file")
    set: Axes = Field(default_factory=dict, description="axes of this architecture alone: config key to values")
    policies: PolicyNames = Field(default=None, description="policies of this architecture; [all] for every one")


class Grid(StrictModel):
    """Every combination."""

    by: Literal["grid"] = "grid"


class ListedPoint(StrictModel):
    """One point of a list: config keys, and which of the study's archs and policies (the first of each when absent)."""

    arch: str | None = None
    policy: str | None = None
    set: dict[str, Scalar] = Field(default_factory=dict)


class Listed(StrictModel):
    """The points that are written out."""

    by: Literal["list"]
    points: list[ListedPoint] = Field(min_length=1)


class Random(StrictModel):
    """`points` combinations per seed, drawn without replacement; the study is the union over the seeds."""

    by: Literal["random"]
    points: int = Field(ge=1, le=1_000_000)
    seeds: list[int] = Field(default=[0], min_length=1)


class Search(StrictModel):
    """Optuna asks for combinations, `batch` at a time, until `points` different ones have been tried per seed."""

    by: Literal["optuna"]
    points: int = Field(ge=1, le=100_000)
    objectives: Names = Field(description="columns to minimise; -NAME to maximise")
    seeds: list[int] = Field(default=[0], min_length=1)
    batch: int = Field(default=8, ge=1, le=1024, description="points asked for at once; part of what is reproducible")
    sampler: Literal["tpe", "nsga2"] = "tpe"

    @field_validator("objectives")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        return [str(o) for o in _as_value_error(lambda: parse_objectives(value))]


Choice = Annotated[Grid | Listed | Random | Search, Field(discriminator="by")]


def _designs(value: Any) -> Any:
    return [{"arch": d} if isinstance(d, str) else d for d in _list(value)] if isinstance(_list(value), list) else value


class Study(StrictModel):
    """One study. `set`, `policies` and `choose` hold for every architecture; see docs/sweeps.md."""

    name: str = Field(default="study", min_length=1, max_length=80)
    traces: Names = Field(description="shipped traces or trace files")
    archs: Annotated[list[Design], BeforeValidator(_designs), Field(min_length=1)]
    set: Axes = Field(default_factory=dict, description="axes: config key to values")
    policies: PolicyNames = Field(default=None, description="policies, or all; the published one when absent")
    choose: Choice = Field(default_factory=Grid, description="how points are chosen")
    constraints: Annotated[list[str], BeforeValidator(_list)] = Field(
        default_factory=list, description="what holds of every point that is run, for example area_mm2 <= 50")

    @field_validator("constraints")
    @classmethod
    def _readable(cls, value: list[str]) -> list[str]:
        for text in value:
            _as_value_error(lambda text=text: parse_where(text))
        return value

    @model_validator(mode="after")
    def _no_axes_beside_a_list(self) -> Self:
        if isinstance(self.choose, Listed) and (self.set or any(d.set for d in self.archs)):
            raise ValueError("set has no meaning beside choose: {by: list}; write the keys into each of its points")
        return self


def read_study(path: Path, data: Mapping[Any, Any]) -> Study:
    """The study that the file at `path` holds as `data`; what it names lies beside it. Raises ConfigError."""
    read = validate(Study, data, str(path))
    updates = {
        "traces": [_beside(path, "trace", name) for name in read.traces],
        "archs": [d.model_copy(update={"arch": _beside(path, "arch", d.arch)}) for d in read.archs],
        "name": read.name if "name" in read.model_fields_set else path.stem[:80] or "study",
    }
    return read.model_copy(update=updates)


def axes_of(study: Study, design: Design) -> dict[str, list[Any]]:
    """The axes of one architecture: the study's, with its own over them."""
    return {**study.set, **design.set}


def _beside(study_file: Path, shelf: str, name: str) -> str:
    return name if name in shipped.names(shelf) else str(study_file.parent / name)


def _as_value_error(read: Any) -> Iterable[Any]:
    """pydantic reports ValueErrors with their place."""
    try:
        found: Iterable[Any] = read()
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return found
