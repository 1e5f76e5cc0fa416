"""Zero runs before values, with padding entries: what run-length, EIE's and Eyeriss v2's formats share.

A *segment* is a sequence of positions that is coded on its own. An entry is (run, value): `run` zeros, then the value.
A run field of b bits counts to 2^b - 1; where more zeros lie before a value, entries (2^b - 1, 0) stand for 2^b zeros
each. Zeros after a segment's last non-zero are not stored.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)
from accelsim.workload.formats.fields import Reader

MAX_RUN_BITS = 16


class Entries(NamedTuple):
    """Coded segments: `run[entry]`, `value[entry]` (0 in padding), `per_segment[segment]` entries."""

    run: np.ndarray
    value: np.ndarray
    per_segment: np.ndarray


def entries_of(segment: np.ndarray, position: np.ndarray, value: np.ndarray, segments: int, run_bits: int) -> Entries:
    """Code non-zeros: segment[nz] (rising), position[nz] inside it (rising within a segment), value[nz]."""
    first = np.ones(segment.size, bool)
    first[1:] = segment[1:] != segment[:-1]
    gap = np.diff(position, prepend=-1) - 1
    gap[first] = position[first]
    cost = (gap >> run_bits) + 1  # the entry itself, and the padding before it
    ends = np.cumsum(cost)
    total = int(ends[-1]) if ends.size else 0
    run, coded = np.full(total, (1 << run_bits) - 1, np.int64), np.zeros(total, np.int64)
    run[ends - 1], coded[ends - 1] = gap & ((1 << run_bits) - 1), value
    per_segment = np.zeros(segments, np.int64)
    np.add.at(per_segment, segment[first], np.add.reduceat(cost, np.flatnonzero(first)) if total else 0)
    return Entries(run, coded, per_segment)


def positions_of(run: np.ndarray, per_segment: np.ndarray, length: int, value: np.ndarray,
                 reader: Reader) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segment, position and index of each entry that is no padding; checked against the segments' `length`."""
    segment = np.repeat(np.arange(per_segment.size), per_segment)
    ends = np.cumsum(run + 1)
    before = np.concatenate([[0], ends])[np.concatenate([[0], np.cumsum(per_segment)[:-1]])]
    position = ends - 1 - before[segment]
    real = np.flatnonzero(value)
    if real.size and position[real].max() >= length:
        raise reader.broken(f"a run leads past the {length} positions of its segment")
    return segment[real], position[real], real


def padding_by_run_bits(matrix: np.ndarray) -> np.ndarray:
    """Padding entries of the whole matrix as one row-major segment, for run fields of 0 .. MAX_RUN_BITS bits."""
    return _padding_by_run_bits(np.ascontiguousarray(matrix).reshape(-1))


def entries_per_segment(matrix: np.ndarray, segment_of_row: np.ndarray, position_of_row: np.ndarray, segments: int,
                        run_bits: int) -> np.ndarray:
    """Entries [row segment, col], padding among them, where each column is cut into segments of rows."""
    return _entries_per_segment(np.ascontiguousarray(matrix), segment_of_row, position_of_row, segments, run_bits)


@njit(cache=True)
def _padding_by_run_bits(flat):
    padding = np.zeros(MAX_RUN_BITS + 1, np.int64)
    gap = 0
    for element in flat:
        if element != 0:
            left = gap
            bits = 0
            while left > 0 and bits <= MAX_RUN_BITS:
                padding[bits] += left
                bits += 1
                left >>= 1
            gap = 0
        else:
            gap += 1
    return padding


@njit(cache=True)
def _entries_per_segment(matrix, segment_of_row, position_of_row, segments, run_bits):
    rows, cols = matrix.shape
    entries = np.zeros((segments, cols), np.int64)
    following = np.zeros((segments, cols), np.int64)  # the position after the last non-zero
    for i in range(rows):
        segment, position = segment_of_row[i], position_of_row[i]
        for j in range(cols):
            if matrix[i, j] != 0:
                entries[segment, j] += ((position - following[segment, j]) >> run_bits) + 1
                following[segment, j] = position + 1
    return entries
