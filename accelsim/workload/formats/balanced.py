"""Equally many values in every group of a row: N:M and block-balanced sparsity with index metadata."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.errors import ConfigError
from accelsim.workload.formats.base import DoesNotFitError, Format, pack_values, take_values
from accelsim.workload.formats.blocks import cut, join
from accelsim.workload.formats.fields import Reader, pack, width_of


@dataclass(frozen=True)
class Balanced(Format):
    """Each row is cut into groups of m positions; of each, n values and their n positions inside it are stored.

    n: None takes the fewest that the fullest group of the matrix needs and stores n; a given n refuses a matrix with a
    fuller group. Groups with fewer non-zeros store zeros at unused positions; the last group of a row is filled up.
    n=2, m=4 is the 2:4 format of sparse tensor cores (2 bits of metadata per value), m = row length / banks is ESE's
    and block-balanced sparsity.
    Source: [NVIDIA A100 architecture text]; [ESE, FPGA 2017].
    """

    m: int = 4
    n: int | None = None
    name: ClassVar[str] = "balanced"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("m", self.m, 1, 1 << 20)
        self._whole("n", self.n, 0, 1 << 20, optional=True)
        if self.n is not None and self.n > self.m:
            raise ConfigError(f"{self.name}: n = {self.n} is more than m = {self.m}")

    def _chosen(self, mask: np.ndarray) -> int:
        """n for groups mask[row, group, position]."""
        fullest = int(mask.sum(axis=2, dtype=np.int32).max())
        if self.n is None:
            return fullest
        if fullest > self.n:
            raise DoesNotFitError(f"{self.name}: a group of {self.m} has {fullest} non-zeros, the format holds "
                                  f"{self.n}; prune to {self.n}:{self.m} (accelsim prune --nm {self.n}:{self.m})")
        return self.n

    def _header_bits(self) -> int:
        return self.m.bit_length() if self.n is None else 0

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        mask = cut(matrix != 0, (1, self.m))[:, :, 0]
        stored = mask.shape[0] * mask.shape[1] * self._chosen(mask)
        return self._header_bits() + stored * (width_of(self.m) + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        groups = cut(matrix, (1, self.m))[:, :, 0]
        n = self._chosen(groups != 0)
        order = np.argsort(groups == 0, axis=2, kind="stable")[:, :, :n]  # the non-zeros first, each kind in order
        index = np.sort(order, axis=2)
        return [pack(np.array([n]), self._header_bits()), pack(index.reshape(-1), width_of(self.m)),
                pack_values(np.take_along_axis(groups, index, axis=2).reshape(-1), value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        rows, groups = matrix.shape[0], -(-matrix.shape[1] // self.m)
        n = int(reader.take(1, self._header_bits())[0]) if self.n is None else self.n
        if n > self.m:
            raise reader.broken(f"{n} values in a group of {self.m}")
        index = reader.take(rows * groups * n, width_of(self.m)).reshape(rows, groups, n)
        if index.size and index.max() >= self.m:
            raise reader.broken(f"a position lies outside its group of {self.m}")
        values = take_values(reader, index.size, value_bits, matrix.dtype).reshape(index.shape)
        blocks = np.zeros((rows, groups, self.m), matrix.dtype)
        np.put_along_axis(blocks, index, values, axis=2)
        if not join(blocks[:, :, None], matrix):
            raise reader.broken("a group holds values beyond its row")
