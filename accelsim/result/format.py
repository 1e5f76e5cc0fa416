"""What the records of result files are made of."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]


class FileRecord(BaseModel):
    """Base: types as in JSON, finite numbers; keys of a file that are not known are left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def of(cls, source: object, **given: Any) -> Self:
        """The record of an object that has the record's keys as attributes, but for those that are `given`."""
        return cls(**{key: getattr(source, key) for key in cls.model_fields if key not in given}, **given)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, in the order of files."""
        return self.model_dump()


def integers(numbers: Mapping[str, int]) -> dict[str, int]:
    """The same as Python's integers: an engine may count in numpy's."""
    return {name: int(n) for name, n in numbers.items()}
