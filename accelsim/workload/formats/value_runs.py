"""Runs of equal values, or of zeros alone, with their lengths: CompAct's codes of activations."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.fields import Reader, pack

MAX_LENGTH_BITS = 16


def equal_runs(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(value, length) of the longest stretches of equal values; every row is a stream of its own."""
    flat = matrix.reshape(-1)
    first = np.ones(flat.size, bool)
    first[1:] = flat[1:] != flat[:-1]
    first[::matrix.shape[1]] = True
    starts = np.flatnonzero(first)
    return flat[starts], np.diff(starts, append=flat.size)


def split(values: np.ndarray, lengths: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with no length above `longest`: full codes first, then the rest."""
    codes = -(-lengths // longest)
    cut = np.full(int(codes.sum()), longest)
    last = np.cumsum(codes) - 1
    cut[last] = lengths - (codes - 1) * longest
    return np.repeat(values, codes), cut


@dataclass(frozen=True)
class EqualRuns(Format):
    """Codes (value, length), each row on its own; a length is 1 to 2^run_bits - 1, longer runs take several codes.

    Source: CompAct [recalled; docs/machines/compact.md, rules 2 to 4].
    """

    run_bits: int = 4
    name: ClassVar[str] = "equal_runs"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("run_bits", self.run_bits, 1, MAX_LENGTH_BITS)

    @property
    def longest(self) -> int:
        return (1 << self.run_bits) - 1

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        _, lengths = equal_runs(matrix)
        return int((-(-lengths // self.longest)).sum()) * (value_bits + self.run_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        values, lengths = split(*equal_runs(matrix), self.longest)
        return [pack_values(values, value_bits), pack(lengths, self.run_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        count = reader.rest(value_bits + self.run_bits)
        values = take_values(reader, count, value_bits, matrix.dtype)
        lengths = reader.take(count, self.run_bits)
        ends = np.cumsum(lengths)
        rows = np.arange(1, len(matrix) + 1) * matrix.shape[1]
        if not np.isin(rows, ends).all() or int(lengths.sum()) != matrix.size or not lengths.all():
            raise reader.broken("the runs do not end where rows end")
        matrix.reshape(-1)[:] = np.repeat(values, lengths)


@dataclass(frozen=True)
class ZeroRuns(EqualRuns):
    """A non-zero is its value alone; a value of zero announces a run of zeros, and its length follows.

    Source: CompAct's Sparse-RLC [recalled; docs/machines/compact.md, rules 2 to 4].
    """

    name: ClassVar[str] = "zero_runs"

    def _codes(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, lengths = equal_runs(matrix)
        one_by_one = np.where(values == 0, 1, lengths)  # of a stretch of equal non-zeros each is a code
        values, lengths = np.repeat(values, one_by_one), np.repeat(np.where(values == 0, lengths, 1), one_by_one)
        return split(values, lengths, self.longest)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        values, lengths = equal_runs(matrix)
        zeros = int((-(-lengths[values == 0] // self.longest)).sum())
        return int(np.count_nonzero(matrix)) * value_bits + zeros * (value_bits + self.run_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        values, lengths = self._codes(matrix)
        ends = np.cumsum(value_bits + self.run_bits * (values == 0))
        bits = np.zeros(int(ends[-1]), bool)
        starts = np.concatenate([[0], ends[:-1]])
        places = starts[:, None] + np.arange(value_bits)
        bits[places] = pack_values(values, value_bits).reshape(-1, value_bits)
        zero = values == 0
        bits[starts[zero][:, None] + value_bits + np.arange(self.run_bits)] = pack(
            lengths[zero], self.run_bits).reshape(-1, self.run_bits)
        return [bits]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        for row in matrix:
            place = 0
            while place < len(row):
                value = take_values(reader, 1, value_bits, matrix.dtype)[0]
                length = 1 if value else int(reader.take(1, self.run_bits)[0])
                if not 1 <= length <= len(row) - place:
                    raise reader.broken(f"a run of {length} zeros at position {place} of a row of {len(row)}")
                row[place] = value
                place += length
