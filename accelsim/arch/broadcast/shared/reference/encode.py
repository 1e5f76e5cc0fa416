"""EIE's sparse matrix format, as its rules read: relative indices per PE and column, padding, pointers.

Source: [paper] and [authors' code]; rules in docs/machines/eie.md, "Encoding". Used by the reference alone.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PADDING_CODE = 0  # the one code that stands for the value 0


class Entry(NamedTuple):
    """One stored entry: a weight code, and its relative index: the zeros since the entry before in this sub-column."""

    code: int
    zeros_before: int


@dataclass(frozen=True)
class PeMemory:
    """What one PE stores: column j of its rows is `entries[pointers[j]:pointers[j + 1]]`.

    global_rows[local row] is the matrix row behind each of the PE's accumulators.
    """

    entries: tuple[Entry, ...]
    pointers: tuple[int, ...]
    global_rows: tuple[int, ...]


@dataclass(frozen=True)
class EncodedMatrix:
    """A matrix product's weights as the PEs hold them; `codebook[code]` is the weight of a code."""

    memories: tuple[PeMemory, ...]
    codebook: tuple[int, ...]


def encode(columns: np.ndarray, pe_of_row: np.ndarray, pes: int, index_bits: int) -> EncodedMatrix:
    """Encode `columns` [out, column] (the bias, if any, is its last column), with row i given to PE `pe_of_row[i]`.

    The codebook holds every distinct non-zero weight. More than 2^weight_bits - 1 of them make it longer than the
    hardware's; this changes no cycle, so it is accepted (our assumption).
    """
    distinct = sorted({int(value) for value in np.unique(columns)} - {0})
    code_of_weight = {weight: code for code, weight in enumerate(distinct, start=PADDING_CODE + 1)}
    memories = []
    for pe in range(pes):
        global_rows = np.flatnonzero(pe_of_row == pe)
        entries: list[Entry] = []
        pointers = [0]
        for sub_column in columns[global_rows].T.tolist():
            codes = [PADDING_CODE if weight == 0 else code_of_weight[weight] for weight in sub_column]
            entries += encode_sub_column(codes, index_bits)
            pointers.append(len(entries))
        memories.append(PeMemory(tuple(entries), tuple(pointers), tuple(global_rows.tolist())))
    return EncodedMatrix(tuple(memories), (0, *distinct))


def encode_sub_column(codes: list[int], index_bits: int) -> list[Entry]:
    """Entries of one PE's part of one column, given the code of each of its local rows (0 where the weight is 0)."""
    longest_gap = 2**index_bits - 1
    entries = []
    gap = 0
    for code in codes:
        if code == PADDING_CODE:
            gap += 1
            continue
        while gap > longest_gap:
            entries.append(Entry(PADDING_CODE, longest_gap))
            gap -= longest_gap + 1  # the padding entry stands for a zero of its own, besides those before it
        entries.append(Entry(code, gap))
        gap = 0
    return entries
