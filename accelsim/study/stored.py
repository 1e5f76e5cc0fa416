"""What a store's columns may hold, checked as it is read: any program can write into a database."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

_Text = Annotated[str, Field(max_length=1 << 20)]
_Whole = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]  # what the store's readers can hold
_Scalar = bool | _Whole | float | _Text | None
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_FACTS: TypeAdapter[dict[str, Any]] = TypeAdapter(
    dict[_Text, _Scalar | list[_Scalar] | list[list[_Scalar]] | dict[str, Any]], config=_STRICT)
_NUMBERS: TypeAdapter[dict[str, int | float]] = TypeAdapter(dict[_Text, _Whole | float], config=_STRICT)
# facts that every reader takes for text
_TEXTS = ("trace", "trace_digest", "arch", "kind", "policy", "energy_table", "energy_table_digest")
_NUMBER: TypeAdapter[int | float] = TypeAdapter(_Whole | float, config=_STRICT)
_SIZES = ("area_mm2", "sram_kbytes")  # facts that every reader takes for numbers


def text_in(value: Any) -> str:
    """`value` if it is text (SQLite lets every column hold anything), else ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} where text belongs")
    return value


def facts_in(value: Any) -> dict[str, Any]:
    """What is known of a point before its run; ValueError for anything else."""
    facts = _FACTS.validate_json(text_in(value))
    for key in _TEXTS:
        text_in(facts.get(key, ""))
    for key in _SIZES:
        _NUMBER.validate_python(facts.get(key, 0))
    return facts


def numbers_in(value: Any) -> dict[str, int | float]:
    """What a point's run yielded: finite numbers alone; ValueError for anything else."""
    return _NUMBERS.validate_json(text_in(value))
