"""Compressed sparse rows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import DoesNotFitError, Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader, pack, width_of


@dataclass(frozen=True)
class Csr(Format):
    """rows + 1 pointers (non-zeros before each row, and in all), then per non-zero its column, then the values.

    pointer_bits: None takes what a full matrix of the shape would need; a column takes what the shape needs.
    """

    pointer_bits: int | None = None
    name: ClassVar[str] = "csr"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("pointer_bits", self.pointer_bits, 1, 62, optional=True)

    def _pointer_width(self, matrix: np.ndarray) -> int:
        return matrix.size.bit_length() if self.pointer_bits is None else self.pointer_bits

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        rows, cols = matrix.shape
        nonzeros = int(np.count_nonzero(matrix))
        if nonzeros.bit_length() > self._pointer_width(matrix):
            raise DoesNotFitError(f"{self.name}: {nonzeros:,} non-zeros do not fit pointers of {self.pointer_bits} "
                                  "bits; raise pointer_bits")
        return (rows + 1) * self._pointer_width(matrix) + nonzeros * (width_of(cols) + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        self._size(matrix, value_bits)  # refuses what does not fit
        rows, cols = np.nonzero(matrix)
        pointers = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=matrix.shape[0]))])
        return [pack(pointers, self._pointer_width(matrix)), pack(cols, width_of(matrix.shape[1])),
                pack_values(matrix[rows, cols], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        rows = rows_of(reader, reader.take(matrix.shape[0] + 1, self._pointer_width(matrix)))
        cols = reader.take(rows.size, width_of(matrix.shape[1]))
        if cols.size and cols.max() >= matrix.shape[1]:
            raise reader.broken(f"a column lies outside {matrix.shape[1]}")
        matrix[rows, cols] = take_values(reader, rows.size, value_bits, matrix.dtype)


def rows_of(reader: Reader, pointers: np.ndarray) -> np.ndarray:
    """The row of each entry behind `pointers`, which must start at 0, never fall, and not promise too much."""
    if pointers[0] != 0 or (np.diff(pointers) < 0).any() or pointers[-1] > reader.left:
        raise reader.broken("its pointers do not rise from 0 to the number of entries")
    return np.repeat(np.arange(pointers.size - 1), np.diff(pointers))
