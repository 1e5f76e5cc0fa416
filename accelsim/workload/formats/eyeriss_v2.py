"""Eyeriss v2's compressed columns with 4-bit zero counts."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.errors import ConfigError
from accelsim.workload.formats import runs
from accelsim.workload.formats.base import Format, as_values, pack_values
from accelsim.workload.formats.fields import Reader, pack


@dataclass(frozen=True)
class EyerissV2Csc(Format):
    """The matrix is cut into what one PE holds at a time: `segment_rows` (M0) x `tile_cols` (C0 x S).

    Each column of such a tile is a segment of entries (count of zeros before it, value), stored in words of two
    entries; an odd segment's last word has an empty half. One address per column says where its segment ends, in
    words from the start of its tile; an empty column repeats the address. Runs above 2^count_bits - 1 take padding
    entries of value 0, which segments of at most 2^count_bits rows never need (our assumption; the paper shows
    none). Defaults: M0 = 16, C0 = 8 and 7-bit addresses.
    Source: [Eyeriss v2 paper, section IV]; M0 and C0 from the Sparseloop artifact's mapping.
    """

    segment_rows: int = 16
    tile_cols: int = 8
    count_bits: int = 4
    address_bits: int = 7
    name: ClassVar[str] = "eyeriss_v2_csc"

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, high in (("segment_rows", 1 << 16), ("tile_cols", 1 << 16), ("count_bits", runs.MAX_RUN_BITS),
                          ("address_bits", 48)):
            self._whole(key, getattr(self, key), 1, high)
        words = self.tile_cols * -(-self.segment_rows // 2)
        if words.bit_length() > self.address_bits:
            raise ConfigError(f"{self.name}: a full tile has {words} words, more than addresses of {self.address_bits} "
                              "bits reach; raise address_bits or make the tile smaller")

    def _segments(self, matrix: np.ndarray) -> int:
        return -(-matrix.shape[0] // self.segment_rows)

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        row = np.arange(matrix.shape[0])
        entries = runs.entries_per_segment(matrix, row // self.segment_rows, row % self.segment_rows,
                                           self._segments(matrix), self.count_bits)
        words = int(((entries + 1) // 2).sum())
        return entries.size * self.address_bits + 2 * words * (self.count_bits + value_bits)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        cols, segments = matrix.shape[1], self._segments(matrix)
        i, j = np.nonzero(matrix)
        order = np.lexsort((i % self.segment_rows, j, i // self.segment_rows))
        i, j = i[order], j[order]
        coded = runs.entries_of(i // self.segment_rows * cols + j, i % self.segment_rows, matrix[i, j],
                                segments * cols, self.count_bits)
        words = (coded.per_segment + 1) // 2
        starts = np.cumsum(words) - words
        slot = np.arange(coded.run.size) + np.repeat(2 * starts - np.cumsum(coded.per_segment) + coded.per_segment,
                                                     coded.per_segment)
        count, value = np.zeros((2, 2 * int(words.sum())), np.int64)
        count[slot], value[slot] = coded.run, coded.value
        return [pack(self._addresses(words.reshape(segments, cols)), self.address_bits), pack(count, self.count_bits),
                pack_values(value, value_bits)]

    def _addresses(self, words: np.ndarray) -> np.ndarray:
        """Where each column's segment ends [segment, col], in words from the start of its tile."""
        ends = np.cumsum(words, axis=1)
        before_tile = (ends - words)[:, ::self.tile_cols]
        return ends - np.repeat(before_tile, self.tile_cols, axis=1)[:, :words.shape[1]]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        cols, segments = matrix.shape[1], self._segments(matrix)
        ends = reader.take(segments * cols, self.address_bits).reshape(segments, cols)
        words = np.diff(ends, axis=1, prepend=0)
        words[:, ::self.tile_cols] = ends[:, ::self.tile_cols]
        if (words < 0).any() or words.sum() > reader.left:
            raise reader.broken("the addresses of a tile fall, or promise more words than there are")
        slots = 2 * int(words.sum())
        count, value = reader.take(slots, self.count_bits), reader.take(slots, value_bits)
        segment, position, real = runs.positions_of(count, 2 * words.reshape(-1), self.segment_rows, value, reader)
        row = segment // cols * self.segment_rows + position
        if row.size and row.max() >= matrix.shape[0]:
            raise reader.broken(f"an entry lies outside the {matrix.shape[0]} rows")
        matrix[row, segment % cols] = as_values(value[real], value_bits, matrix.dtype)
