"""What Python hands to the API, checked: an error says which argument, what it is, and what was wanted."""

import os
from collections.abc import Mapping
from typing import Any

from accelsim.errors import AccelsimError, cut, shown, told

MAX_PATH = 4096  # bytes
Refusal = type[AccelsimError]


def path_text(what: str, value: Any, refusal: Refusal, wanted: str) -> str:
    """A path, or a name, as text."""
    if isinstance(value, (str, bytes, os.PathLike)):
        try:
            text = os.fsdecode(value)
            size = len(os.fsencode(text))
        except Exception as error:  # an object may say its path by code of its own
            raise refusal(f"{what}: {told(error)}; wanted {wanted}") from None
        if size > MAX_PATH:
            raise refusal(f"{what} {cut(text)!r} has {size:,} bytes, more than any path; wanted {wanted}")
        return text
    raise refusal(f"{what} is a {type(value).__name__}, wanted {wanted}")


def items(what: str, value: Any, refusal: Refusal, wanted: str) -> list[Any]:
    """What `value` holds, one after the other; text is no list of characters."""
    if isinstance(value, (str, bytes)):
        raise refusal(f"{what} is a {type(value).__name__}, wanted {wanted}")
    try:
        return list(value)
    except Exception:  # nothing to go through, or it fails on the way
        raise refusal(f"{what} is a {type(value).__name__}, wanted {wanted}") from None


def mapping(what: str, value: Any, refusal: Refusal, wanted: str) -> dict[Any, Any]:
    """A mapping, or nothing."""
    if value is not None and not isinstance(value, Mapping):
        raise refusal(f"{what} is a {type(value).__name__}, wanted {wanted}")
    return dict(value or {})


def whole(what: str, value: Any, refusal: Refusal, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, Python's or numpy's."""
    number = value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value
    if type(number) is not int or number < low or (high is not None and number > high):
        raise refusal(f"{what} is {shown(value)}, wanted a whole number "
                      + (f"of at least {low:,}" if high is None else f"from {low:,} to {high:,}"))
    return number


def texts(what: str, value: Any, refusal: Refusal, wanted: str) -> list[str]:
    """One text, or several."""
    found = [value] if isinstance(value, str) else items(what, value, refusal, wanted)
    for text in found:
        if not isinstance(text, str):
            raise refusal(f"{what}: {shown(text)} is not text, wanted {wanted}")
    return found


def truth(what: str, value: Any, refusal: Refusal) -> bool:
    """True or False, Python's or numpy's."""
    if type(value).__name__ not in ("bool", "bool_"):
        raise refusal(f"{what} is {shown(value)}, wanted True or False")
    return bool(value)
