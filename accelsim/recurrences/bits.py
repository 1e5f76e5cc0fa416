"""Sets as bits of 64-bit words, for kernels: element k is bit k mod 64 of word k div 64."""

import numpy as np
from numba import njit
from numpy import uint64

WORD_BITS = 64


@njit(inline="always")
def popcount(word):
    """Set bits of a uint64 word."""
    word = word - ((word >> uint64(1)) & uint64(0x5555555555555555))
    word = (word & uint64(0x3333333333333333)) + ((word >> uint64(2)) & uint64(0x3333333333333333))
    word = (word + (word >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    word = word + (word >> uint64(8))  # sums of bytes; no multiplication, so that nothing overflows with the JIT off
    word = word + (word >> uint64(16))
    word = word + (word >> uint64(32))
    return np.int64(word & uint64(0x7F))


@njit(cache=True, nogil=True, inline="always")
def members(words):
    """Elements of the set words[word]."""
    total = np.int64(0)
    for w in range(len(words)):
        total += popcount(words[w])
    return total


@njit(cache=True, nogil=True, inline="always")
def take_first(count, words):
    """Makes words[word] the set of the elements 0 .. count - 1."""
    for w in range(len(words)):
        here = min(WORD_BITS, max(0, count - w * WORD_BITS))
        words[w] = uint64(0) if here == 0 else ~uint64(0) >> uint64(WORD_BITS - here)


@njit(cache=True, nogil=True, inline="always")
def rows_of_columns(pattern, word, sets):
    """Fills sets[column, word]: the rows of pattern[row, column] in which each column is not zero. word[column]:
    scratch."""
    rows, columns = pattern.shape
    for w in range(sets.shape[1]):
        word[:] = 0
        for row in range(w * WORD_BITS, min(rows, (w + 1) * WORD_BITS)):
            bit = uint64(row % WORD_BITS)
            for j in range(columns):
                word[j] |= uint64(pattern[row, j] != 0) << bit
        for j in range(columns):
            sets[j, w] = word[j]
