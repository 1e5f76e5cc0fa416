"""What everything read from YAML is made of."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def printable(text: str) -> str:
    """`text` if it has no control characters (nor others that a terminal acts on), else ValueError."""
    if not text.isprintable():
        raise ValueError("should hold printable characters only")
    return text


Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(printable)]


class StrictModel(BaseModel):
    """Base of everything read from YAML: unknown keys, wrong types and non-finite numbers are errors."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def dotted_keys(model: type[BaseModel]) -> list[str]:
    """Every key of `model` that can be set; a group of keys, and those inside as `group.key`."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                keys += [f"{name}.{key}" for key in dotted_keys(inner)]
    return keys


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with the keys inside of groups as `group.key`, as they are set; a group that is null stays one key."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": inner for key, inner in flattened(value).items()}
        else:
            flat[name] = value
    return flat
