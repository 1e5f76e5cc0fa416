"""Dense blocks where anything is non-zero (block CSR)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats.base import Format, pack_values, take_values
from accelsim.workload.formats.blocks import cut, join
from accelsim.workload.formats.csr import rows_of
from accelsim.workload.formats.fields import Reader, pack, width_of


@dataclass(frozen=True)
class Block(Format):
    """Blocks of `block` = (rows, cols) with a non-zero are stored whole; block rows + 1 pointers, then per block its
    block column, then all its values. Blocks that stick out of the matrix are filled with zeros, which are stored.
    """

    block: tuple[int, int] = (4, 4)
    name: ClassVar[str] = "block"

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in (0, 1):
            self._whole("block", self.block[axis], 1, 1 << 16)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        kept = cut(matrix != 0, self.block).any(axis=(2, 3))
        per_block = width_of(kept.shape[1]) + self.block[0] * self.block[1] * value_bits
        return (kept.shape[0] + 1) * kept.size.bit_length() + int(kept.sum()) * per_block

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        blocks = cut(matrix, self.block)
        kept = (blocks != 0).any(axis=(2, 3))
        pointers = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        return [pack(pointers, kept.size.bit_length()), pack(np.nonzero(kept)[1], width_of(kept.shape[1])),
                pack_values(blocks[kept].reshape(-1), value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        height, width = self.block
        rows, cols = -(-matrix.shape[0] // height), -(-matrix.shape[1] // width)
        row = rows_of(reader, reader.take(rows + 1, (rows * cols).bit_length()))
        col = reader.take(row.size, width_of(cols))
        if col.size and col.max() >= cols:
            raise reader.broken(f"a block lies outside {cols} block columns")
        values = take_values(reader, row.size * height * width, value_bits, matrix.dtype)
        blocks = np.zeros((rows, cols, height, width), matrix.dtype)
        blocks[row, col] = values.reshape(-1, height, width)
        if not join(blocks, matrix):
            raise reader.broken("a block holds values beyond the matrix")
