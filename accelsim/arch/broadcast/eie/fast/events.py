"""What EIE does when: every column in every PE, what it waits for, the scanner and the queues.

A PE's slices are its states of docs/machines/eie.md, "Where every PE-cycle goes", between the times that the kernel's
own recurrence gives: pushes, and the end of each column in each PE. Entries and padding of a column come in the order
of the encoding.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.fast.engine import ONE_BLOCK, bias_column, encoded_products, rows_of_pes, timed
from accelsim.arch.broadcast.shared.fast import kernel
from accelsim.arch.broadcast.shared.fast.encoding import Encoded
from accelsim.arch.machine import Policy
from accelsim.recurrences.broadcast import DELAY, broadcast, new_broadcast
from accelsim.workload.counting import pattern
from accelsim.workload.layer import Layer

BUSY, PADDING, EMPTY_COLUMN, STARVED, BACK_PRESSURE, BARRIER, DRAIN, BROADCAST, HELD = range(9)
CHUNK_CELLS = 1 << 17  # steps x PEs of one chunk: bounds memory


class Steps(NamedTuple):
    """Some broadcasts of one vector: its number and when it begins; columns[step], unheld[step] and pushed[step]: when
    the scanner would have pushed and when it did; ends[step + 1, pe]: the cycle after each column in each PE, row 0
    being that of the column before. last: no more columns follow.
    """

    number: int
    begin: int
    last: bool
    columns: np.ndarray
    unheld: np.ndarray
    pushed: np.ndarray
    ends: np.ndarray


class Matrix(NamedTuple):
    """What tells the order of entries in a column: the tensors, who holds which rows, and how many entries there are.

    entries, nonzeros [column, pe] (see `Encoded`); bias[row, 0 or 1].
    """

    matrix: np.ndarray
    bias: np.ndarray
    rows_by_pe: np.ndarray
    first_row: np.ndarray
    entries: np.ndarray
    nonzeros: np.ndarray
    index_bits: int


class Rows(NamedTuple):
    """What is filled: slices, labels [slice, vector column], changes; used[0] slices and used[1] changes so far."""

    slices: np.ndarray
    labels: np.ndarray
    changes: np.ndarray
    used: np.ndarray


def events(layer: Layer, config: EieConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs and the scanner; a counter per queue."""
    pes = range(config.pes)
    return Activity([f"PE {pe}" for pe in pes], np.ones(config.pes, np.int64), ("broadcast", "held"),
                    ("vector", "column"), _chunks(layer, config, policy, window), others=("scanner",),
                    counters=[f"queue of PE {pe}" for pe in pes])


def _chunks(layer: Layer, config: EieConfig, policy: Policy, window: Window) -> Iterator[Chunk]:
    time = number = 0
    for key, product, encoded in encoded_products(layer, config, policy):
        matrix = None
        cycles = timed(layer, key, product, encoded, config.queue_entries, ONE_BLOCK).block_cycles[:, 0].tolist()
        for vector, taken in zip(pattern(product.vectors), cycles, strict=True):
            if window.meets(time, time + taken):
                if matrix is None:
                    matrix = Matrix(pattern(product.matrix), bias_column(product), *rows_of_pes(product, config,
                    policy),
                                    encoded.entries, encoded.nonzeros, config.index_bits)
                steps = _steps(vector, product.bias is not None, encoded, config, (number, time))
                yield from _vector_chunks(steps, matrix, taken, window)
            time += taken
            number += 1


def _steps(vector: np.ndarray, has_bias: bool, encoded: Encoded, config: EieConfig,
           place: tuple[int, int]) -> Iterator[Steps]:
    """The steps of one vector, some at a time; place: its number and when it begins."""
    most, pes = encoded.entries.shape
    columns, leave = np.empty((2, most + 1), np.int64)
    count, _ = kernel.scan_vector(vector, has_bias, pes, columns, leave)
    state = new_broadcast(pes, config.queue_entries, most, encoded.first_entry.dtype)
    at_once = max(1, CHUNK_CELLS // pes)
    for low in range(0, max(1, count), at_once):
        part = slice(low, min(count, low + at_once))
        pushed = np.empty(part.stop - low, np.int64)
        ends = np.empty((len(pushed) + 1, pes), state.end.dtype)
        ends[0], delay = state.end, state.so_far[DELAY:DELAY + 1].copy()
        broadcast(columns[part], leave[part], encoded.entries, state, pushed, ends[1:])
        delays = np.concatenate([delay, pushed - leave[part]])
        yield Steps(*place, part.stop == count, columns[part], leave[part] + delays[:-1], pushed, ends)


def _vector_chunks(parts: Iterator[Steps], matrix: Matrix, cycles: int, window: Window) -> Iterator[Chunk]:
    """What one vector of `cycles` does in the window."""
    for steps in parts:
        begins = min([int(steps.ends[0].min()), *steps.pushed[:1].tolist()])
        if steps.begin + begins >= window.end:
            return
        rows = _filled(steps, matrix, (window.begin, window.end))
        if steps.last:
            yield _with_ending(steps, rows, cycles)
        else:
            until = min(int(steps.ends[-1].min()), int(steps.pushed[-1]) + 1)
            yield Chunk(rows.slices, rows.labels, steps.begin + until, changes=rows.changes)


def _filled(steps: Steps, matrix: Matrix, window: tuple[int, int]) -> Rows:
    """The rows of some steps; how many there are is not known before, so that the first try may be too small."""
    count, pes = len(steps.columns), steps.ends.shape[1]
    room = (2 * count * (pes + 1), 2 * count * pes + pes)
    while True:
        rows = Rows(np.empty((room[0], 4), np.int64), np.empty((room[0], 2), np.int64),
                    np.empty((room[1], 3), np.int64), np.zeros(2, np.int64))
        trace_steps(steps, matrix, window, rows)
        used = rows.used.tolist()
        if used[0] <= room[0] and used[1] <= room[1]:
            return Rows(rows.slices[:used[0]], rows.labels[:used[0]], rows.changes[:used[1]], rows.used)
        room = (used[0], used[1])


def _with_ending(steps: Steps, rows: Rows, cycles: int) -> Chunk:
    """The last chunk of a vector: PEs wait for the others, then all for the pipeline and the scan."""
    begin, end = steps.begin, steps.begin + steps.ends[-1].astype(np.int64)
    pes, finished = np.arange(len(end)), np.full(len(end), end.max())
    waits = np.stack([pes, np.full(len(pes), BARRIER), end, finished], axis=1)
    drains = np.stack([pes, np.full(len(pes), DRAIN), finished, np.full(len(pes), begin + cycles)], axis=1)
    more = np.concatenate([waits, drains])
    more = more[more[:, 3] > more[:, 2]]
    labels = np.stack([np.full(len(more), steps.number), np.full(len(more), -1)], axis=1)
    return Chunk(np.concatenate([rows.slices, more]), np.concatenate([rows.labels, labels]), begin + cycles,
                 changes=rows.changes, barriers=np.array([begin + cycles], np.int64))


@njit(cache=True)
def _put(rows, window, steps, track, name, begin, end, column):
    """One slice, unless it is empty or outside the window; times are the vector's."""
    begin += steps.begin
    end += steps.begin
    if begin < end and begin < window[1] and end > window[0]:
        at = rows.used[0]
        if at < len(rows.slices):
            rows.slices[at, 0], rows.slices[at, 1], rows.slices[at, 2], rows.slices[at, 3] = track, name, begin, end
            rows.labels[at, 0], rows.labels[at, 1] = steps.number, column
        rows.used[0] += 1


@njit(cache=True)
def _change(rows, counter, time, change):
    at = rows.used[1]
    if at < len(rows.changes):
        rows.changes[at, 0], rows.changes[at, 1], rows.changes[at, 2] = counter, time, change
    rows.used[1] += 1


@njit(cache=True)
def _put_entries(rows, window, steps, matrix, pe, column, start):
    """A column that has padding: its runs of entries and of padding, in their order."""
    cols = matrix.matrix.shape[1]
    first = matrix.first_row[pe]
    after_last, time, run = 0, start, start  # row after the last non-zero; next entry's cycle; begin of the run
    for i in range(first, matrix.first_row[pe + 1]):
        row, local = matrix.rows_by_pe[i], i - first
        present = (matrix.matrix[row, column] if column < cols else matrix.bias[row, 0]) != 0
        if present:
            padding = (local - after_last) >> matrix.index_bits
            if padding > 0:
                _put(rows, window, steps, pe, BUSY, run, time, column)
                _put(rows, window, steps, pe, PADDING, time, time + padding, column)
                time += padding
                run = time
            time += 1
            after_last = local + 1
    _put(rows, window, steps, pe, BUSY, run, time, column)


@njit(cache=True)
def trace_steps(steps, matrix, window, rows):
    """Fills `rows` with what happens in the steps. Queue levels from before the window are changes at its begin."""
    pes = steps.ends.shape[1]
    level = np.zeros(pes, np.int64)
    for k in range(len(steps.columns)):
        push, column, unheld = steps.pushed[k], steps.columns[k], steps.unheld[k]
        _put(rows, window, steps, pes, HELD, unheld, push, column)
        _put(rows, window, steps, pes, BROADCAST, push, push + 1, column)
        for pe in range(pes):
            entries, before, end = np.int64(matrix.entries[column, pe]), steps.ends[k, pe], steps.ends[k + 1, pe]
            start = end - max(1, entries)
            held_from, held_until = min(max(before, unheld + 1), start), min(max(before, push + 1), start)
            if held_from == held_until:
                held_from = held_until = start
            _put(rows, window, steps, pe, STARVED, before, held_from, column)
            _put(rows, window, steps, pe, BACK_PRESSURE, held_from, held_until, column)
            _put(rows, window, steps, pe, STARVED, held_until, start, column)
            if entries == 0:
                _put(rows, window, steps, pe, EMPTY_COLUMN, start, end, column)
            elif entries == matrix.nonzeros[column, pe]:
                _put(rows, window, steps, pe, BUSY, start, end, column)
            elif steps.begin + start < window[1] and steps.begin + end > window[0]:
                _put_entries(rows, window, steps, matrix, pe, column, start)
            for time, change in ((steps.begin + push + 1, 1), (steps.begin + start, -1)):
                if time <= window[0]:
                    level[pe] += change
                elif time < window[1]:
                    _change(rows, pe, time, change)
    for pe in range(pes):
        if level[pe] != 0:
            _change(rows, pe, window[0], level[pe])
