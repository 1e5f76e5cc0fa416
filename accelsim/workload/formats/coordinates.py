"""A row and a column number beside each non-zero (COO)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader, pack, width_of


@dataclass(frozen=True)
class Coordinates(Format):
    """Per non-zero: its row, its column (as many bits as the shape needs) and its value, in row-major order."""

    name: ClassVar[str] = "coo"

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return int(np.count_nonzero(matrix)) * (sum(map(width_of, matrix.shape)) + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        rows, cols = np.nonzero(matrix)
        row_bits, col_bits = map(width_of, matrix.shape)
        return [pack(rows, row_bits), pack(cols, col_bits), pack_values(matrix[rows, cols], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        row_bits, col_bits = map(width_of, matrix.shape)
        count = reader.rest(row_bits + col_bits + value_bits)
        rows, cols = reader.take(count, row_bits), reader.take(count, col_bits)
        if count and (rows.max() >= matrix.shape[0] or cols.max() >= matrix.shape[1]):
            raise reader.broken(f"a coordinate lies outside {matrix.shape[0]} x {matrix.shape[1]}")
        matrix[rows, cols] = take_values(reader, count, value_bits, matrix.dtype)
