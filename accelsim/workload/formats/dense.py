"""Every position, zero or not."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader


@dataclass(frozen=True)
class Dense(Format):
    """rows x cols values, row by row: what the other formats are measured against."""

    name: ClassVar[str] = "dense"

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return matrix.size * value_bits

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        return [pack_values(matrix.reshape(-1), value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        matrix.reshape(-1)[:] = take_values(reader, matrix.size, value_bits, matrix.dtype)
