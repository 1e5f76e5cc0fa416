"""EIE's interleaved compressed columns with relative indices."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats import runs
from accelsim.workload.formats.base import DoesNotFitError, Format, as_values, pack_values
from accelsim.workload.formats.fields import Reader, pack


@dataclass(frozen=True)
class EieCsc(Format):
    """Row i belongs to PE i mod pes; each PE stores the columns of its rows, one after the other.

    Per PE cols + 1 pointers; per entry the zeros since the entry before in this PE's part of the column, and a value.
    A run above 2^index_bits - 1 takes padding entries of value 0. A PE's entries must fit its pointers.
    Source: [EIE paper, section III]; no bias column (a layer's matter, not a format's). EIE's values are 4-bit codes
    of a codebook: pass codes and value_bits=4 for its exact sizes.
    """

    pes: int = 64
    index_bits: int = 4
    pointer_bits: int = 16
    name: ClassVar[str] = "eie_csc"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("pes", self.pes, 1, 1 << 20)
        self._whole("index_bits", self.index_bits, 1, runs.MAX_RUN_BITS)
        self._whole("pointer_bits", self.pointer_bits, 1, 62)

    def _checked_total(self, per_pe: np.ndarray) -> int:
        fullest = int(per_pe.max(initial=0))
        if fullest.bit_length() > self.pointer_bits:
            raise DoesNotFitError(f"{self.name}: a PE has {fullest:,} entries, more than pointers of "
                                  f"{self.pointer_bits} bits address; use more PEs or wider pointers")
        return int(per_pe.sum())

    def _pointers_size(self, matrix: np.ndarray) -> int:
        return self.pes * (matrix.shape[1] + 1) * self.pointer_bits

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        row = np.arange(matrix.shape[0])
        entries = runs.entries_per_segment(matrix, row % self.pes, row // self.pes, self.pes, self.index_bits)
        return self._pointers_size(matrix) + self._checked_total(entries.sum(axis=1)) * (self.index_bits + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        cols = matrix.shape[1]
        i, j = np.nonzero(matrix)
        order = np.lexsort((i // self.pes, j, i % self.pes))
        i, j = i[order], j[order]
        coded = runs.entries_of(i % self.pes * cols + j, i // self.pes, matrix[i, j], self.pes * cols, self.index_bits)
        per_column = coded.per_segment.reshape(self.pes, cols)
        self._checked_total(per_column.sum(axis=1))
        pointers = np.concatenate([np.zeros((self.pes, 1), np.int64), np.cumsum(per_column, axis=1)], axis=1)
        return [pack(pointers, self.pointer_bits), pack(coded.run, self.index_bits),
                pack_values(coded.value, value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        rows, cols = matrix.shape
        pointers = reader.take(self.pes * (cols + 1), self.pointer_bits).reshape(self.pes, cols + 1)
        per_column = np.diff(pointers, axis=1)
        if (pointers[:, 0] != 0).any() or (per_column < 0).any() or pointers[:, -1].sum() > reader.left:
            raise reader.broken("a PE's pointers do not rise from 0 to its number of entries")
        count = int(pointers[:, -1].sum())
        run, value = reader.take(count, self.index_bits), reader.take(count, value_bits)
        segment, position, real = runs.positions_of(run, per_column.reshape(-1), -(-rows // self.pes), value, reader)
        row = position * self.pes + segment // cols
        if row.size and row.max() >= rows:
            raise reader.broken(f"an entry lies outside the {rows} rows")
        matrix[row, segment % cols] = as_values(value[real], value_bits, matrix.dtype)
