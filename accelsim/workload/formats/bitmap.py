"""One bit per position, then the non-zeros."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader


@dataclass(frozen=True)
class Bitmap(Format):
    """A mask bit per position, row by row, and the non-zero values packed in the same order.

    SIGMA's and SparTen's format. Source: [SIGMA paper; SparTen, MICRO 2019].
    """

    name: ClassVar[str] = "bitmap"

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return matrix.size + int(np.count_nonzero(matrix)) * value_bits

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        mask = matrix != 0
        return [mask.reshape(-1), pack_values(matrix[mask], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        mask = reader.take(matrix.size, 1).reshape(matrix.shape) != 0
        matrix[mask] = take_values(reader, int(mask.sum()), value_bits, matrix.dtype)
