"""What every design of the family has: how wide the parts of an element are, and the lines they lie on."""

from typing import TypeVar

import numpy as np
from pydantic import Field

from accelsim.arch.config import ArchConfig

Lengths = TypeVar("Lengths", int, np.ndarray)


class StreamsConfig(ArchConfig):
    """Keys that all kinds of the family share; docs/machines/streams.md says what each does."""

    coordinate_bits: int = Field(ge=1, le=64, description="bits of an element's coordinate")
    value_bits: int = Field(ge=1, le=64, description="bits of an element's value")
    pointer_bits: int = Field(ge=1, le=64, description="bits of where a fiber begins")
    line_bits: int = Field(ge=8, le=1 << 14, description="what memory moves at least")

    def fiber_lines(self, elements: Lengths) -> Lengths:
        """Lines of a fiber: its coordinates, then its values, each from the begin of a line."""
        coordinates = -(-elements * self.coordinate_bits // self.line_bits)
        return coordinates + -(-elements * self.value_bits // self.line_bits)

    def pointer_lines(self, fibers: int) -> int:
        """Lines of the pointers to so many fibers."""
        return -(-fibers * self.pointer_bits // self.line_bits)
