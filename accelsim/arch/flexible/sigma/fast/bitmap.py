"""Bitmaps: 64 elements a word, bit k mod 64 of word k div 64, rows padded with zeros. Shared by SIGMA's kernels."""

import numpy as np
from numba import njit
from numpy import uint64

from accelsim.recurrences.bits import popcount

_PACK_BYTES = 1 << 24  # elements packed at once: bounds the temporaries


def pack_rows(matrix: np.ndarray) -> np.ndarray:
    """The non-zero bitmap of `matrix` [rows, k] as uint64 words [rows, ceil(k / 64)]."""
    rows, k = matrix.shape
    packed = np.zeros((rows, -(-k // 64)), np.dtype("<u8"))
    as_bytes = packed.view(np.uint8)[:, :-(-k // 8)]
    step = max(1, _PACK_BYTES // k)
    for low in range(0, rows, step):
        part = matrix[low:low + step]
        as_bytes[low:low + step] = np.packbits(part if part.dtype == bool else part != 0, axis=1, bitorder="little")
    return packed


@njit(inline="always")
def lowest_bits(word, count):
    """The `count` lowest set bits of a word that has more than `count`."""
    rest = word
    for _ in range(count):
        rest &= rest - uint64(1)
    return word ^ rest


@njit(cache=True)
def column_or(packed):
    """OR of all rows of packed[row, word]."""
    total = np.zeros(packed.shape[1], np.uint64)
    for i in range(packed.shape[0]):
        for w in range(packed.shape[1]):
            total[w] |= packed[i, w]
    return total


@njit(cache=True)
def tile_counts(packed, live, width):
    """Set bits of each row in each tile of `width` k, at k that are set in live[word]: [tile, row] int32.

    width: a power of two, or at least all k of a row.
    """
    rows, words = packed.shape
    per_word = max(1, 64 // width)
    words_per_tile = max(1, min(words, width // 64 + (width % 64 != 0)))
    counts = np.zeros((-(-words // words_per_tile) * per_word, rows), np.int32)
    mask = ~uint64(0) if width >= 64 else (uint64(1) << uint64(width)) - uint64(1)
    for i in range(rows):
        for w in range(words):
            word, tile = packed[i, w] & live[w], w // words_per_tile * per_word
            for part in range(per_word):
                counts[tile + part, i] += popcount((word >> uint64(part * width)) & mask)
    return counts


@njit(cache=True)
def pairs_that_meet(left, right):
    """Pairs (row of left, row of right) of packed[row, word] with a common set bit."""
    total = np.int64(0)
    for i in range(left.shape[0]):
        for j in range(right.shape[0]):
            for w in range(left.shape[1]):
                if left[i, w] & right[j, w]:
                    total += 1
                    break
    return total
