"""Compressed sparse columns."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.csr import Csr
from accelsim.workload.formats.fields import Reader


@dataclass(frozen=True)
class Csc(Csr):
    """`Csr` of the transposed matrix: cols + 1 pointers, then per non-zero its row, then the values."""

    name: ClassVar[str] = "csc"

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return super()._size(matrix.T, value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        return super()._encode(matrix.T, value_bits)

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        super()._decode(reader, matrix.T, value_bits)
