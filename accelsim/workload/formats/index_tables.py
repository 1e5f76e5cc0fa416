"""Schedules of sparse kernels as they are stored: a table of indices and a table of values, row by row."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)
from accelsim.workload.formats.base import DoesNotFitError, Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader, pack, width_of

_COUNT_BITS = 32  # of the rows of a group's tables


@dataclass(frozen=True)
class IndexTables(Format):
    """Rows of the matrix are kernels, `kernels` of them a group; a group's tables have one row for each cycle.

    An INDEX row has `replicas` positions, ascending (the last again where there are fewer); a VALUE row has for each
    kernel a valid bit, which of the positions it takes, and a value (zeros where it is not valid). The schedule is the
    policy `lowest_index`. Source: Spectral CNN's tables [docs/machines/spectral_cnn.md]; a group's count of rows, in
    32 bits, is our choice.
    """

    kernels: int = 64
    replicas: int = 10
    name: ClassVar[str] = "index_tables"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("kernels", self.kernels, 1, 1 << 16)
        self._whole("replicas", self.replicas, 1, 1 << 10)

    def _groups(self, matrix: np.ndarray) -> list[np.ndarray]:
        return [np.ascontiguousarray(matrix[first:first + self.kernels])
                for first in range(0, len(matrix), self.kernels)]

    def _row_bits(self, shape: tuple[int, ...], value_bits: int) -> int:
        return self.replicas * width_of(shape[1]) + shape[0] * (1 + width_of(self.replicas) + value_bits)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return sum(_COUNT_BITS + int(lowest_first(group != 0, self.replicas).max(initial=-1) + 1)
                   * self._row_bits(group.shape, value_bits) for group in self._groups(matrix))

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        pieces = []
        for group in self._groups(matrix):
            cycle, (kernel, index) = lowest_first(group != 0, self.replicas), np.nonzero(group)
            rows = int(cycle.max(initial=-1) + 1)
            if rows.bit_length() > _COUNT_BITS:
                raise DoesNotFitError(f"{self.name}: a schedule of {rows:,} rows is longer than its count can say")
            read = np.unique(cycle * matrix.shape[1] + index)  # (cycle, index), ascending
            first = np.searchsorted(read, np.arange(rows) * matrix.shape[1])
            each = np.diff(first, append=len(read))
            place = np.minimum(np.arange(self.replicas), each[:, None] - 1)
            table = read[first[:, None] + place] % matrix.shape[1]
            valid, selector, values = (np.zeros((rows, len(group)), np.int64) for _ in "vsw")
            valid[cycle, kernel] = 1
            selector[cycle, kernel] = np.searchsorted(read, cycle * matrix.shape[1] + index) - first[cycle]
            values[cycle, kernel] = group[kernel, index]
            pieces += [pack(np.array([rows]), _COUNT_BITS), pack(table, width_of(matrix.shape[1])), pack(valid, 1),
                       pack(selector, width_of(self.replicas)), pack_values(values, value_bits)]
        return pieces

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        for first in range(0, len(matrix), self.kernels):
            group = matrix[first:first + self.kernels]
            rows = int(reader.take(1, _COUNT_BITS)[0])
            if rows * self._row_bits(group.shape, value_bits) > reader.left:
                raise reader.broken(f"tables of {rows:,} rows are longer than what is left")
            table = reader.take(rows * self.replicas, width_of(matrix.shape[1])).reshape(rows, self.replicas)
            valid, selector = (reader.take(rows * len(group), width).reshape(rows, len(group))
                               for width in (1, width_of(self.replicas)))
            values = take_values(reader, rows * len(group), value_bits, matrix.dtype).reshape(rows, len(group))
            cycle, kernel = np.nonzero(valid)
            chosen = selector[cycle, kernel]
            if (chosen >= self.replicas).any() or (table >= matrix.shape[1]).any():
                raise reader.broken("a selector or an index leads out of the tables")
            group[kernel, table[cycle, chosen]] = values[cycle, kernel]


@njit(cache=True)
def lowest_first(mask, replicas):
    """The row of each set position of mask [kernel, index], in order: every row reads the lowest indices wanted."""
    kernels, positions = mask.shape
    cycle = np.zeros(np.count_nonzero(mask), np.int64)
    begin, then = np.zeros(kernels + 1, np.int64), np.zeros(kernels, np.int64)
    index = np.empty(len(cycle), np.int64)
    at = 0
    for kernel in range(kernels):
        for position in range(positions):
            if mask[kernel, position]:
                index[at] = position
                at += 1
        begin[kernel + 1] = at
        then[kernel] = begin[kernel]
    row, left = 0, at
    while left:
        lowest, found = -1, 0
        while found < replicas:
            least = positions
            for kernel in range(kernels):
                if then[kernel] < begin[kernel + 1] and lowest < index[then[kernel]] < least:
                    least = index[then[kernel]]
            if least == positions:
                break
            lowest = least
            found += 1
        for kernel in range(kernels):
            if then[kernel] < begin[kernel + 1] and index[then[kernel]] <= lowest:
                cycle[then[kernel]] = row
                then[kernel] += 1
                left -= 1
        row += 1
    return cycle
