"""What everything read from YAML is made of."""

from typing import Annotated

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
