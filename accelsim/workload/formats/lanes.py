"""Formats of machines that skip zeros in lanes: Cnvlutin, Cambricon-X, Cambricon-S, SparTen."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats import runs
from accelsim.workload.formats.base import DoesNotFitError, Format, as_values, pack_values, take_values
from accelsim.workload.formats.fields import Reader, pack, width_of


def _in_blocks(matrix: np.ndarray, width: int) -> np.ndarray:
    """[row, block, position] of a matrix whose rows are filled up with zeros to whole blocks."""
    blocks = -(-matrix.shape[1] // width)
    filled = np.zeros((len(matrix), blocks * width), matrix.dtype)
    filled[:, :matrix.shape[1]] = matrix
    return filled.reshape(len(matrix), blocks, width)


@dataclass(frozen=True)
class Zfnaf(Format):
    """Bricks of positions of a row: the brick's non-zeros first, each with its offset; room for a full brick is kept.

    So nothing shrinks: a brick takes brick x (value + offset) bits whatever it holds. Unused room is zero.
    Source: Cnvlutin's ZFNAf, bricks of 16 with 4-bit offsets [recalled; docs/machines/cnvlutin.md].
    """

    brick: int = 16
    name: ClassVar[str] = "zfnaf"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("brick", self.brick, 1, 1 << 16)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        bricks = len(matrix) * -(-matrix.shape[1] // self.brick)
        return bricks * self.brick * (value_bits + width_of(self.brick))

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        bricks = _in_blocks(matrix, self.brick)
        first = np.argsort(bricks == 0, axis=2, kind="stable")  # offsets of the non-zeros, in order, then the others
        values = np.take_along_axis(bricks, first, 2)
        return [pack_values(values, value_bits), pack(np.where(values != 0, first, 0), width_of(self.brick))]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        blocks = -(-matrix.shape[1] // self.brick)
        shape = len(matrix), blocks, self.brick
        count = len(matrix) * blocks * self.brick
        values = take_values(reader, count, value_bits, matrix.dtype).reshape(shape)
        offsets = reader.take(count, width_of(self.brick)).reshape(shape)
        row, block, entry = np.nonzero(values)
        column = block * self.brick + offsets[row, block, entry]
        if column.size and (column.max() >= matrix.shape[1] or (offsets >= self.brick).any()):
            raise reader.broken("an offset leads out of its row")
        matrix[row, column] = values[row, block, entry]


@dataclass(frozen=True)
class StepIndex(Format):
    """The non-zeros of each row in order, each with its step from the one before; a count for each row.

    A step counts up to 2^index_bits positions; a filler of value zero bridges each 2^index_bits that lie between.
    Source: Cambricon-X's step index [derived; docs/machines/cambricon_x.md]; the rows' counts are our choice.
    """

    index_bits: int = 4
    name: ClassVar[str] = "step_index"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("index_bits", self.index_bits, 1, runs.MAX_RUN_BITS)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        rows, cols = matrix.shape
        entries = runs.entries_per_segment(np.ascontiguousarray(matrix).reshape(-1, 1), *_rows_and_places(matrix.shape),
                                           rows, self.index_bits)
        return rows * cols.bit_length() + int(entries.sum()) * (self.index_bits + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        row, column = np.nonzero(matrix)
        coded = runs.entries_of(row, column, matrix[row, column], len(matrix), self.index_bits)
        return [pack(coded.per_segment, matrix.shape[1].bit_length()), pack(coded.run, self.index_bits),
                pack_values(coded.value, value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        per_row = reader.take(len(matrix), matrix.shape[1].bit_length())
        count = int(per_row.sum())
        run, value = reader.take(count, self.index_bits), reader.take(count, value_bits)
        row, column, real = runs.positions_of(run, per_row, matrix.shape[1], value, reader)
        matrix[row, column] = as_values(value[real], value_bits, matrix.dtype)


def _rows_and_places(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    places = np.arange(shape[0] * shape[1])
    return places // shape[1], places % shape[1]


@dataclass(frozen=True)
class SharedIndex(Format):
    """A bit for each position of a block of rows that share their index, and the columns it keeps, dense.

    Values lie row by row; a zero in a kept column is stored as any value.
    Source: Cambricon-S's shared synapse index, 16 outputs [docs/machines/cambricon_s.md].
    """

    block_rows: int = 16
    name: ClassVar[str] = "shared_index"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("block_rows", self.block_rows, 1, 1 << 20)

    def _kept(self, matrix: np.ndarray) -> np.ndarray:
        """[block, column]"""
        kept: np.ndarray = np.logical_or.reduceat(matrix != 0, np.arange(0, len(matrix), self.block_rows), axis=0)
        return kept

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        kept = self._kept(matrix)
        rows = np.minimum(self.block_rows, len(matrix) - self.block_rows * np.arange(len(kept)))
        return kept.size + int(rows @ kept.sum(axis=1)) * value_bits

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        kept = self._kept(matrix)
        stored = np.repeat(kept, self.block_rows, axis=0)[:len(matrix)]
        return [kept.reshape(-1), pack_values(matrix[stored], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        blocks = -(-len(matrix) // self.block_rows)
        kept = reader.take(blocks * matrix.shape[1], 1).reshape(blocks, -1) != 0
        stored = np.repeat(kept, self.block_rows, axis=0)[:len(matrix)]
        matrix[stored] = take_values(reader, int(stored.sum()), value_bits, matrix.dtype)


@dataclass(frozen=True)
class SparseMap(Format):
    """Chunks of positions of a row: a mask bit for each position, and a pointer to the chunk's packed non-zeros.

    The last chunk of a row has a whole mask. Source: SparTen's SparseMap, chunks of 128 [docs/machines/sparten.md];
    pointers of 32 bits are an assumption.
    """

    chunk: int = 128
    pointer_bits: int = 32
    name: ClassVar[str] = "sparse_map"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("chunk", self.chunk, 1, 1 << 20)
        self._whole("pointer_bits", self.pointer_bits, 1, 62)

    def _chunks(self, shape: tuple[int, ...]) -> int:
        return shape[0] * -(-shape[1] // self.chunk)

    def _pointed(self, nonzeros: int) -> int:
        if nonzeros.bit_length() > self.pointer_bits:
            raise DoesNotFitError(f"{self.name}: {nonzeros:,} non-zeros are more than pointers of {self.pointer_bits} "
                                  "bits address; use wider pointers")
        return nonzeros

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        nonzeros = self._pointed(int(np.count_nonzero(matrix)))
        return self._chunks(matrix.shape) * (self.chunk + self.pointer_bits) + nonzeros * value_bits

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        masks = _in_blocks(matrix != 0, self.chunk).reshape(-1, self.chunk)
        each = masks.sum(axis=1)
        self._pointed(int(each.sum()))
        return [masks.reshape(-1), pack(np.cumsum(each) - each, self.pointer_bits),
                pack_values(matrix[matrix != 0], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        rows, cols = matrix.shape
        masks = reader.take(self._chunks(matrix.shape) * self.chunk, 1).reshape(-1, self.chunk) != 0
        each = masks.sum(axis=1)
        if (reader.take(len(masks), self.pointer_bits) != np.cumsum(each) - each).any():
            raise reader.broken("a chunk's pointer is not where its values begin")
        mask = masks.reshape(rows, -1)
        if mask[:, cols:].any():
            raise reader.broken("a mask leads out of its row")
        matrix[mask[:, :cols]] = take_values(reader, int(each.sum()), value_bits, matrix.dtype)
