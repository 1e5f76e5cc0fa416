"""What a step copies: blocks of values and their metadata, encoded as they lie in memory.

Source: docs/machines/tensor_core.md, section Tiles, the table of bytes; NVIDIA's 2:4 format [paper], Wang et al.
[DSTC]. Metadata are packed bits; the tensor cores know of a compressed operand only what they unpack from them. A dense
operand is one of which 1 of every 1 value is kept.
"""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig


@dataclass(frozen=True)
class OperandFormat:
    """How a layer's operands are stored: runs "dense", "n_m" (keep of every group) or "dual_side" (bitmaps)."""

    runs: str
    keep: int
    group: int
    operand_bits: int

    @classmethod
    def of(cls, runs: str, config: TensorCoreConfig) -> "OperandFormat":
        """The format of a layer that `runs` so on a design."""
        keep, group = (config.nm_keep, config.nm_group) if runs == "n_m" else (1, 1)
        return cls(runs, keep, group, config.operand_bits)

    @property
    def index_bits(self) -> int:
        """Bits that name one place of a group."""
        return (self.group - 1).bit_length()

    def encode_a(self, values: np.ndarray) -> "OperandBlock":
        """A block [rows, k] of operand A; k is a multiple of `group`."""
        if self.runs == "dual_side":
            return self._condensed(values)
        kept, indices = compress(values, self.keep, self.group)
        return self._block(kept, pack(indices, self.index_bits))

    def encode_b(self, values: np.ndarray) -> "OperandBlock":
        """A block [rows, k] of operand B; its rows are vectors."""
        return self._condensed(values) if self.runs == "dual_side" else self._block(values, pack(values, 0))

    def largest(self, tile_m: int, tile_n: int, tile_k: int) -> "tuple[OperandBlock, OperandBlock]":
        """A and B of a whole step in which nothing is zero that need not be."""
        pattern = (np.arange(tile_k) % self.group < self.keep).astype(np.int64)
        return self.encode_a(np.tile(pattern, (tile_m, 1))), self.encode_b(np.ones((tile_n, tile_k), np.int64))

    def _condensed(self, values: np.ndarray) -> "OperandBlock":
        by_k = values.T  # an outer product takes one k of all rows
        return self._block(by_k[by_k != 0], pack(by_k != 0, 1))

    def _block(self, values: np.ndarray, metadata: np.ndarray) -> "OperandBlock":
        return OperandBlock(values, bytes_of(values.size * self.operand_bits), metadata)


@dataclass(frozen=True)
class OperandBlock:
    """One operand of one step: its values, in the order they are stored, and its metadata as bytes."""

    values: np.ndarray
    values_bytes: int
    metadata: np.ndarray

    @property
    def metadata_bytes(self) -> int:
        return len(self.metadata)

    @property
    def all_bytes(self) -> int:
        return self.values_bytes + self.metadata_bytes


def bytes_of(bits: int) -> int:
    """Whole bytes that hold `bits`."""
    return -(-bits // 8)


def compress(values: np.ndarray, keep: int, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Kept values [rows, kept] and, for each, its place 0 .. group - 1 in its group, ascending within a group.

    values [rows, k] with at most `keep` non-zeros per group. A group with fewer keeps its first zeros as well.
    """
    rows, k = values.shape
    groups = values.reshape(rows, k // group, group)
    nonzeros_first = np.argsort(groups == 0, axis=2, kind="stable")
    places = np.sort(nonzeros_first[:, :, :keep], axis=2)
    kept = np.take_along_axis(groups, places, axis=2)
    return kept.reshape(rows, -1), places.reshape(rows, -1)


def positions(places: np.ndarray, keep: int, group: int) -> np.ndarray:
    """The k of each kept value, from its place in its group (both [rows, kept])."""
    return np.arange(places.shape[1]) // keep * group + places


def pack(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of `bits` bits each, one after the other, lowest bit first, as uint8 bytes."""
    return np.packbits(numbers.reshape(-1, 1).astype(np.int64) >> np.arange(bits) & 1)


def unpack(packed: np.ndarray, shape: tuple[int, int], bits: int) -> np.ndarray:
    """The numbers that `pack` made bytes of, in `shape`."""
    single = np.unpackbits(packed, count=shape[0] * shape[1] * bits).reshape(*shape, bits).astype(np.int64)
    return single @ (1 << np.arange(bits))
