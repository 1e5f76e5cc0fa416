"""Compressed sparse blocks: a pointer and a mask per block, and packed non-zeros (CSB)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.blocks import cut, join
from accelsim.workload.formats.csr import rows_of
from accelsim.workload.formats.fields import Reader, pack


@dataclass(frozen=True)
class CompressedSparseBlock(Format):
    """Every block of `block` = (rows, cols) has a pointer to its values and a mask bit per position.

    blocks + 1 pointers as wide as a full matrix needs, the masks, then the non-zeros block by block. Pointers and masks
    have fixed sizes, so that a block is found in forward and in transposed order. A convolution's filter slices R x S
    are blocks (1, R*S) of the matrix [K, C*R*S]; 8 x 8 for matrices is our assumption.
    Source: [Procrustes, MICRO 2020, recalled].
    """

    block: tuple[int, int] = (8, 8)
    name: ClassVar[str] = "csb"

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in (0, 1):
            self._whole("block", self.block[axis], 1, 1 << 16)

    def _grid(self, matrix: np.ndarray) -> tuple[int, int]:
        return -(-matrix.shape[0] // self.block[0]), -(-matrix.shape[1] // self.block[1])

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        rows, cols = self._grid(matrix)
        pointers = (rows * cols + 1) * matrix.size.bit_length()
        return pointers + rows * cols * self.block[0] * self.block[1] + int(np.count_nonzero(matrix)) * value_bits

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        blocks = cut(matrix, self.block)
        mask = blocks != 0
        pointers = np.concatenate([[0], np.cumsum(mask.sum(axis=(2, 3)).reshape(-1))])
        return [pack(pointers, matrix.size.bit_length()), mask.reshape(-1), pack_values(blocks[mask], value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        rows, cols = self._grid(matrix)
        owner = rows_of(reader, reader.take(rows * cols + 1, matrix.size.bit_length()))
        mask = reader.take(rows * cols * self.block[0] * self.block[1], 1).reshape(rows, cols, *self.block) != 0
        if not np.array_equal(np.bincount(owner, minlength=rows * cols), mask.sum(axis=(2, 3)).reshape(-1)):
            raise reader.broken("its pointers and masks disagree")
        blocks = np.zeros(mask.shape, matrix.dtype)
        blocks[mask] = take_values(reader, owner.size, value_bits, matrix.dtype)
        if not join(blocks, matrix):
            raise reader.broken("a mask has bits beyond the matrix")
