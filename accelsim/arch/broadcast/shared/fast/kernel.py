"""The kernels of the family: the scan of each vector, and its broadcast through the queues of the PEs.

Times are counter values of docs/machines/eie.md. The scan says when each column would leave the scanner if no queue
were ever full; the rest is the recurrence of `accelsim.recurrences.broadcast`. Nothing is ticked, and nothing of the
size [step, PE] is kept: what depends on how often a column is broadcast alone is multiplied, not added up step by step.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.recurrences.bits import WORD_BITS, members, popcount, rows_of_columns, take_first
from accelsim.recurrences.broadcast import DELAY, HELD_BACK, broadcast, latest_time, restart

READ_WORDS = 64  # words of vectors whose row reads are counted at once: bounds memory
PIPELINE_CYCLES = 5  # from the cycle after an entry leaves PtrRead to the first one without its write


class Sums(NamedTuple):
    """Over all vectors: cycles; PE-cycles up to each PE's last column; those in which a PE waits as another's full
    queue holds the scanner, in which it has finished and another has not, and in which all have; and by how many cycles
    full queues have delayed the scanner.
    """

    cycles: int
    until_last: int
    back_pressure: int
    barrier: int
    drain: int
    delay: int


class Shares(NamedTuple):
    """What some broadcasts take, by how often each column is broadcast: cycles that each PE presents a non-zero (busy);
    and, of all PEs, those that present padding, that hold a column without entries, and that hold any column.
    """

    busy: np.ndarray
    padding: int
    empty_column: int
    occupied: int


class Scan(NamedTuple):
    """Room for one vector's scan, a place longer than its columns, and for the ends of its last ones:
    columns[step], leave[step], pushed[step], ends[PIPELINE_CYCLES, pe].
    """

    columns: np.ndarray
    leave: np.ndarray
    pushed: np.ndarray
    ends: np.ndarray


def room_for_scan(columns: int, pes: int, lane: np.dtype) -> Scan:
    columns_room, leave, pushed = np.empty((3, columns + 1), np.int64)
    return Scan(columns_room, leave, pushed, np.empty((PIPELINE_CYCLES, pes), lane))


class Readers(NamedTuple):
    """Sets of vectors: sent[column, word], who broadcasts a column; have[pe, word], who has read the PE's present row,
    which ends before the address until[pe]; word[column] is scratch.
    """

    sent: np.ndarray
    have: np.ndarray
    until: np.ndarray
    word: np.ndarray


def room_for_readers(columns: int, pes: int, vectors: int) -> Readers:
    words = min(READ_WORDS, -(-vectors // WORD_BITS))
    return Readers(np.zeros((columns, words), np.uint64), np.zeros((pes, words), np.uint64), np.empty(pes, np.int64),
                   np.empty(columns, np.uint64))


def lane_type(columns: int, most_rows: int) -> np.dtype:
    """The integer type of times and addresses of vectors over `columns` columns on PEs of up to `most_rows` rows."""
    last_leave = 2 * columns + 1  # a push and at most one row's end a column
    latest = latest_time(last_leave, columns, most_rows) + PIPELINE_CYCLES  # entries of a column are no more than rows
    return np.dtype(np.int32 if latest <= np.iinfo(np.int32).max else np.int64)


@njit(cache=True, nogil=True, inline="always")
def scan_vector(vector, has_bias, pes, columns, leave):
    """Fills the columns that a scanner of `pes` lanes broadcasts and when each would leave; returns (steps, scan end).

    The bias, if any, stands in lane 0 of a row of its own behind the vector. Both arrays are longer than the vector: a
    place is written before it is known whether anything stands there.
    """
    found, row_ends = 0, 1  # cycles that went to ends of rows, and the first one
    for low in range(0, len(vector), pes):
        for j in range(low, min(low + pes, len(vector))):
            columns[found], leave[found] = j, found + row_ends
            found += vector[j] != 0
        last_lane = low + pes - 1
        if last_lane >= len(vector) or vector[last_lane] == 0:
            row_ends += 1  # the search of the rest of the row finds nothing
    if has_bias:
        columns[found], leave[found] = len(vector), found + row_ends
        found += 1
        row_ends += pes > 1
    return found, found + row_ends


@njit(cache=True, nogil=True, inline="always")
def split_blocks(columns, pushed, cycles, first_column, block_cycles):
    """Fills block_cycles[block] of one vector that pushes columns[step] (ascending) at pushed[step]."""
    until = cycles
    step = len(columns)
    for block in range(len(first_column) - 1, 0, -1):
        while step > 0 and columns[step - 1] >= first_column[block]:
            step -= 1
        begin = pushed[step] if step < len(columns) else cycles
        block_cycles[block] = until - begin
        until = begin
    block_cycles[0] = until


@njit(cache=True, nogil=True)
def run_vectors(vectors, has_bias, entries, state, scan, first_column, block_cycles):
    """The `Sums` of all vectors[n, col] (a pattern), one after the other. entries: of `Encoded`; state:
    a `Broadcast`; scan: a `Scan`, scratch.

    Fills block_cycles[vector, block]: from the first push of the block's columns to the next block's.
    first_column[block]: the blocks; the first one begins at 0, and with the vector.
    """
    end, _, so_far = state
    columns, leave, pushed, ends = scan
    lane, pes = end.dtype.type, len(end)
    total, until_last, back_pressure, barrier, drain, delay = 0, 0, 0, 0, 0, 0
    for v in range(vectors.shape[0]):
        steps, scan_end = scan_vector(vectors[v], has_bias, pes, columns, leave)
        restart(state)
        broadcast(columns[:steps], leave[:steps], entries, state, pushed, ends)
        last, occupied = lane(0), np.int64(0)
        for pe in range(pes):
            last = max(last, end[pe])
            occupied += end[pe]
        # A write outlasts the last column by less than the pipeline, and each column takes a cycle at least: only what
        # the last few columns write can end the run.
        written = lane(-PIPELINE_CYCLES)
        for k in range(max(0, steps - PIPELINE_CYCLES), steps):
            for pe in range(pes):
                written = max(written, ends[k - steps, pe] if entries[columns[k], pe] > 0 else written)
        finished = np.int64(last)
        cycles = max(max(finished, scan_end + so_far[DELAY]), np.int64(written) + PIPELINE_CYCLES)
        split_blocks(columns[:steps], pushed, cycles, first_column, block_cycles[v])
        total += cycles
        until_last += occupied
        back_pressure += so_far[HELD_BACK]
        barrier += pes * finished - occupied
        drain += pes * (cycles - finished)
        delay += so_far[DELAY]
    return Sums(total, until_last, back_pressure, barrier, drain, delay)


@njit(cache=True, nogil=True)
def share_columns(times, encoded):
    """The `Shares` of columns that are broadcast times[column] times."""
    entries, nonzeros, _ = encoded
    busy = np.zeros(entries.shape[1], np.int64)
    padding, empty, occupied = np.int64(0), np.int64(0), np.int64(0)
    for j in range(entries.shape[0]):
        padded, hollow, taken = np.int64(0), np.int64(0), np.int64(0)
        for pe in range(entries.shape[1]):
            entered, real = np.int64(entries[j, pe]), np.int64(nonzeros[j, pe])
            busy[pe] += times[j] * real
            padded += entered - real
            hollow += entered == 0
            taken += entered
        padding += times[j] * padded
        empty += times[j] * hollow
        occupied += times[j] * (taken + hollow)
    return Shares(busy, padding, empty, occupied)


@njit(cache=True, nogil=True)
def count_row_reads(vectors, has_bias, encoded, entries_per_row, readers):
    """Sparse-matrix rows that all PEs read for vectors[n, col] (a pattern). readers: a `Readers`, scratch.

    A PE's row register survives column changes, not the end of a vector, and rows ascend with the columns: so a vector
    reads a row once, with the first column that it broadcasts and that has entries there. Columns are visited once, for
    many vectors at a time.
    """
    sent, have, until, word = readers
    rows_per_entry = 1.0 / entries_per_row  # divisions would take longer than all else here
    (columns, pes), words = encoded.entries.shape, sent.shape[1]
    reads = np.int64(0)
    for low in range(0, len(vectors), words * WORD_BITS):
        some = vectors[low:low + words * WORD_BITS]
        rows_of_columns(some, word, sent)
        if has_bias:
            take_first(len(some), sent[columns - 1])
        until[:] = 0
        for j in range(columns):
            senders = members(sent[j])
            if senders == 0:
                continue
            for pe in range(pes):
                count, begin = np.int64(encoded.entries[j, pe]), np.int64(encoded.first_entry[j, pe])
                if count == 0:
                    continue
                if begin < until[pe]:
                    for w in range(words):
                        reads += popcount(sent[j, w] & ~have[pe, w])
                        have[pe, w] |= sent[j, w]
                if begin + count > until[pe]:
                    # half an entry keeps the products away from whole numbers, so that cutting them off is exact
                    first = np.int64((begin + 0.5) * rows_per_entry)
                    last = np.int64((begin + count - 0.5) * rows_per_entry)
                    reads += (last - first + (begin >= until[pe])) * senders
                    for w in range(words):
                        have[pe, w] = sent[j, w]
                    until[pe] = (last + 1) * entries_per_row
    return reads
