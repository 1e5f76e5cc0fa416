"""The fast engine of EIE: one pass over the matrix, one over the broadcast columns, then an exact recurrence.

Broadcast k leaves the scanner at b(k) = max(b(k-1) + gap(k), max over PEs of start(k - d)), where gap(k) is what the
scan needs between the two non-zeros and d the queue's entries. PE p starts it at start(k) = max(b(k) + 2, end(k-1))
and ends it at end(k) = start(k) + max(1, entries of this PE in that column). All times are counter values of
docs/machines/eie.md. Nothing is ticked: an idle cycle costs nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

PIPELINE_CYCLES = 5  # from the cycle after an entry leaves PtrRead to the first one without its write


class Encoded(NamedTuple):
    """A matrix as its PEs hold it. entries (padding included) and nonzeros [pe, col] share the narrowest unsigned type
    that holds a PE's rows; first_entry[pe, col] is the address of a column's first entry. The bias is the last column.
    """

    entries: np.ndarray
    nonzeros: np.ndarray
    first_entry: np.ndarray


class Steps(NamedTuple):
    """What some vectors broadcast: vector v owns the steps first_step[v]:first_step[v + 1].

    leave[step]: counter value at which the scanner would push if nothing held it; scan_end[v]: when it then runs out.
    work[step, pe]: entries of each PE. busy[pe]: those of them that are non-zeros. totals: busy, padding, empty_column,
    activation rows scanned.
    """

    first_step: np.ndarray
    columns: np.ndarray
    leave: np.ndarray
    scan_end: np.ndarray
    work: np.ndarray
    busy: np.ndarray
    totals: np.ndarray


@njit(inline="always")
def _meet(kind, element, local_row, index_bits, after_last, padding, nonzeros):
    """One matrix element meets its column's state: the row after the last non-zero, padding and non-zeros so far.

    All are of the integer type `kind`: anything wider would halve the lanes.
    """
    present = element != 0
    padding_here = kind(kind(local_row - after_last) >> index_bits)
    return (
        kind(local_row + kind(1)) if present else after_last,
        kind(padding + padding_here) if present else padding,
        kind(nonzeros + kind(present)),
    )


@njit(cache=True)
def encode_pe(matrix, rows, index_bits, after_last, padding, nonzeros):
    """Adds up padding entries and non-zeros per column for one PE, which holds `rows` of matrix[row, col] in order.

    The three state arrays [col] start at zero. Four rows at a time and without a branch, so that the state stays in
    registers and the loop vectorises: the whole costs about twice a pass that only counts the non-zeros.
    """
    kind = after_last.dtype.type
    four = len(rows) // 4 * 4
    for i in range(0, four, 4):
        row0, row1, row2, row3 = matrix[rows[i]], matrix[rows[i + 1]], matrix[rows[i + 2]], matrix[rows[i + 3]]
        local = kind(i)
        for j in range(matrix.shape[1]):
            a, p, n = after_last[j], padding[j], nonzeros[j]
            a, p, n = _meet(kind, row0[j], local, index_bits, a, p, n)
            a, p, n = _meet(kind, row1[j], kind(local + kind(1)), index_bits, a, p, n)
            a, p, n = _meet(kind, row2[j], kind(local + kind(2)), index_bits, a, p, n)
            a, p, n = _meet(kind, row3[j], kind(local + kind(3)), index_bits, a, p, n)
            after_last[j], padding[j], nonzeros[j] = a, p, n
    for i in range(four, len(rows)):
        row0 = matrix[rows[i]]
        for j in range(matrix.shape[1]):
            a, p, n = _meet(kind, row0[j], kind(i), index_bits, after_last[j], padding[j], nonzeros[j])
            after_last[j], padding[j], nonzeros[j] = a, p, n


@njit(cache=True)
def encode_matrix(matrix, bias, rows_by_pe, first_row, index_bits, encoded):
    """Fills `encoded` for matrix[row, col] and bias[row, 0 or 1].

    PE p holds rows_by_pe[first_row[p]:first_row[p + 1]], in that order.
    """
    cols = matrix.shape[1]
    entries, nonzeros, first_entry = encoded
    after_last = np.empty(entries.shape[1], entries.dtype)
    for p in range(entries.shape[0]):
        rows = rows_by_pe[first_row[p]:first_row[p + 1]]
        after_last[:] = 0
        encode_pe(matrix, rows, index_bits, after_last[:cols], entries[p, :cols], nonzeros[p, :cols])
        encode_pe(bias, rows, index_bits, after_last[cols:], entries[p, cols:], nonzeros[p, cols:])
        address = first_entry[p, 0]
        for j in range(entries.shape[1]):
            entries[p, j] += nonzeros[p, j]
            first_entry[p, j] = address
            address += entries[p, j]


@njit(cache=True)
def scan_vector(vector, has_bias, pes, columns, leave):
    """Fills the columns that a scanner of `pes` lanes broadcasts and when each would leave; returns (steps, scan end).

    The bias, if any, stands in lane 0 of a row of its own behind the vector.
    """
    found, time = 0, 1
    for low in range(0, len(vector), pes):
        for j in range(low, min(low + pes, len(vector))):
            if vector[j] != 0:
                columns[found], leave[found] = j, time
                found += 1
                time += 1
        last_lane = low + pes - 1
        if last_lane >= len(vector) or vector[last_lane] == 0:
            time += 1  # the search of the rest of the row finds nothing
    if has_bias:
        columns[found], leave[found] = len(vector), time
        found += 1
        time += 1 if pes == 1 else 2
    return found, time


@njit(cache=True)
def plan_steps(vectors, has_bias, encoded):
    """The Steps of `vectors` [n, col]."""
    entries, nonzeros, _ = encoded
    pes, count = entries.shape[0], vectors.shape[0]
    first_step, scan_end = np.zeros(count + 1, np.int64), np.empty(count, np.int64)
    room = 0
    for v in range(count):
        for j in range(vectors.shape[1]):
            room += vectors[v, j] != 0
        room += has_bias
    columns, leave = np.empty(room, np.int64), np.empty(room, np.int64)
    work = np.empty((room, pes), entries.dtype)
    busy, totals = np.zeros(pes, np.int64), np.zeros(4, np.int64)
    for v in range(count):
        at = first_step[v]
        found, scan_end[v] = scan_vector(vectors[v], has_bias, pes, columns[at:], leave[at:])
        first_step[v + 1] = at + found
    for p in range(pes):
        for k in range(room):
            entered, real = entries[p, columns[k]], nonzeros[p, columns[k]]
            work[k, p] = entered
            busy[p] += real
            totals[1] += entered - real
            totals[2] += entered == 0
    totals[0] = busy.sum()
    totals[3] = count * (-(-vectors.shape[1] // pes) + has_bias)
    return Steps(first_step, columns, leave, scan_end, work, busy, totals)


@njit(cache=True)
def run_vector(leave, scan_end, work, queue_entries, end, written, pushed):
    """One vector through the machine: (cycles, first cycle after the last column, starved, back_pressure).

    leave[step], work[step, pe]; end[pe] and written[pe] are scratch: the end of each PE's last column, and of its last
    column that had entries. Fills pushed[step], when the scanner pushes.
    """
    steps, pes = work.shape
    slowest_start = np.empty(steps, np.int64)
    idle, pushed_back, held = np.int64(0), np.int64(0), np.int64(0)
    end[:] = 0
    written[:] = 0
    for k in range(steps):
        unheld = leave[k] + held  # held: cycles by which full queues have delayed the scan so far
        b = unheld
        if k >= queue_entries:
            b = max(b, slowest_start[k - queue_entries])
        held = b - leave[k]
        pushed[k] = b
        slowest = np.int64(0)
        for p in range(pes):
            before = end[p]
            start = max(b + 2, before)
            idle += start - before
            pushed_back += max(0, b + 1 - max(before, unheld + 1))
            entries = np.int64(work[k, p])
            end[p] = start + max(1, entries)
            written[p] = end[p] if entries > 0 else written[p]
            slowest = max(slowest, start)
        slowest_start[k] = slowest
    finished = end.max()
    cycles = max(scan_end + held, finished)
    if written.max() > 0:
        cycles = max(cycles, written.max() + PIPELINE_CYCLES)
    return cycles, finished, idle - pushed_back, pushed_back


@njit(cache=True)
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


@njit(cache=True)
def run_steps(steps, queue_entries, first_column):
    """All vectors of `steps`, one after the other: cycles, starved, back_pressure, barrier, drain [5]; and the cycles
    of each block of columns, [vector, block]: from the first push of the block's columns to the next block's.

    first_column[block]: the blocks; the first one begins at 0, and with the vector.
    """
    pes, vectors = steps.work.shape[1], len(steps.scan_end)
    out, block_cycles = np.zeros(5, np.int64), np.empty((vectors, len(first_column)), np.int64)
    end, written = np.empty(pes, np.int64), np.empty(pes, np.int64)
    pushed = np.empty(len(steps.leave), np.int64)
    for v in range(vectors):
        own = slice(steps.first_step[v], steps.first_step[v + 1])
        cycles, finished, starved, pushed_back = run_vector(
            steps.leave[own], steps.scan_end[v], steps.work[own], queue_entries, end, written, pushed[own])
        split_blocks(steps.columns[own], pushed[own], cycles, first_column, block_cycles[v])
        out[0] += cycles
        out[1] += starved
        out[2] += pushed_back
        out[3] += pes * finished - end.sum()
        out[4] += pes * (cycles - finished)
    return out, block_cycles


@njit(cache=True)
def count_row_reads(steps, encoded, entries_per_row):
    """Sparse-matrix rows that all PEs read; a PE's row register survives column changes, not the end of a vector."""
    entries, _, first_entry = encoded
    rows_per_entry = 1.0 / entries_per_row  # divisions would take longer than all else here
    reads = np.int64(0)
    for v in range(len(steps.scan_end)):
        columns = steps.columns[steps.first_step[v]:steps.first_step[v + 1]]
        for p in range(entries.shape[0]):
            last = np.int64(-1)
            for j in columns:
                # half an entry keeps the products away from whole numbers, so that cutting them off is exact
                begin, count = np.float64(first_entry[p, j]), np.float64(entries[p, j])
                first = np.int64((begin + 0.5) * rows_per_entry)
                final = np.int64((begin + count - 0.5) * rows_per_entry)
                if count > 0:
                    reads += final - first + (first != last)
                    last = final
    return reads
