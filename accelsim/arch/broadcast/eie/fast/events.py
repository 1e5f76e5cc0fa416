"""What EIE does when: every column in every PE, what it waits for, the scanner and the queues.

A PE's slices are its states of docs/machines/eie.md, "Where every PE-cycle goes", in the times of the kernel's
recurrence; entries and padding of a column come in the order of the encoding.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.fast import kernel
from accelsim.arch.broadcast.eie.fast.engine import ONE_BLOCK, batches, bias_column, encoded_products, rows_of_pes
from accelsim.arch.machine import Policy
from accelsim.workload.layer import Layer

BUSY, PADDING, EMPTY_COLUMN, STARVED, BACK_PRESSURE, BARRIER, DRAIN, BROADCAST, HELD = range(9)
CHUNK_CELLS = 1 << 17  # steps x PEs of one chunk: bounds memory


class Vector(NamedTuple):
    """One vector's run: number, when it begins, its steps (see `kernel.Steps`), pushed[step], cycles, and the cycle
    after the last column.
    """

    number: int
    begin: int
    columns: np.ndarray
    leave: np.ndarray
    work: np.ndarray
    pushed: np.ndarray
    cycles: int
    finished: int


class Matrix(NamedTuple):
    """What tells the order of entries in a column: the tensors, who holds which rows, and entries that are no padding.

    nonzeros[pe, column]; bias[row, 0 or 1].
    """

    matrix: np.ndarray
    bias: np.ndarray
    rows_by_pe: np.ndarray
    first_row: np.ndarray
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
        for steps, _ in batches(layer, product, key, encoded, config.entries_per_row):
            cycles = kernel.run_steps(steps, config.queue_entries, ONE_BLOCK)[1][:, 0].tolist()
            for v, taken in enumerate(cycles):
                if window.meets(time, time + taken):
                    if matrix is None:
                        matrix = Matrix(product.matrix, bias_column(product), *rows_of_pes(product, config, policy),
                                        encoded.nonzeros, config.index_bits)
                    yield from _vector_chunks(_run(steps, v, number, time, config), matrix, window)
                time += taken
                number += 1


def _run(steps: kernel.Steps, v: int, number: int, begin: int, config: EieConfig) -> Vector:
    """Vector v of `steps` once more, for when its columns are pushed."""
    own = slice(steps.first_step[v], steps.first_step[v + 1])
    pushed = np.empty(own.stop - own.start, np.int64)
    end, written = (np.empty(config.pes, np.int64) for _ in range(2))
    cycles, finished, _, _ = kernel.run_vector(steps.leave[own], steps.scan_end[v], steps.work[own],
                                               config.queue_entries, end, written, pushed)
    return Vector(number, begin, steps.columns[own], steps.leave[own], steps.work[own], pushed, cycles, finished)


def _vector_chunks(vector: Vector, matrix: Matrix, window: Window) -> Iterator[Chunk]:
    count, pes = vector.work.shape
    at_once = max(1, CHUNK_CELLS // pes)
    end = np.zeros(pes, np.int64)
    for low in range(0, count, at_once):
        if vector.begin + vector.pushed[low] >= window.end and vector.begin + int(end.min()) >= window.end:
            return
        high = min(count, low + at_once)
        rows, end = _filled(vector, matrix, (low, high), (window.begin, window.end), end)
        until = vector.begin + min(int(end.min()), int(vector.pushed[high - 1]) + 1)
        if high < count:
            yield Chunk(rows.slices, rows.labels, until, changes=rows.changes)
        else:
            yield _with_ending(vector, rows, end)
    if count == 0:
        yield _with_ending(vector, _no_rows(), end)


def _filled(vector: Vector, matrix: Matrix, steps: tuple[int, int], window: tuple[int, int],
            end: np.ndarray) -> tuple[Rows, np.ndarray]:
    """The rows of some steps; how many there are is not known before, so that the first try may be too small."""
    cells = (steps[1] - steps[0]) * len(end)
    room = (2 * cells + 2 * (steps[1] - steps[0]), 2 * cells + len(end))
    while True:
        rows = Rows(np.empty((room[0], 4), np.int64), np.empty((room[0], 2), np.int64),
                    np.empty((room[1], 3), np.int64), np.zeros(2, np.int64))
        after = end.copy()
        trace_steps(vector, matrix, steps, window, after, rows)
        used = rows.used.tolist()
        if used[0] <= room[0] and used[1] <= room[1]:
            return Rows(rows.slices[:used[0]], rows.labels[:used[0]], rows.changes[:used[1]], rows.used), after
        room = (used[0], used[1])


def _no_rows() -> Rows:
    return Rows(np.zeros((0, 4), np.int64), np.zeros((0, 2), np.int64), np.zeros((0, 3), np.int64),
                np.zeros(2, np.int64))


def _with_ending(vector: Vector, rows: Rows, end: np.ndarray) -> Chunk:
    """The last chunk of a vector: PEs wait for the others, then all for the pipeline and the scan."""
    pes, begin = np.arange(len(end)), vector.begin
    waits = np.stack([pes, np.full(len(pes), BARRIER), begin + end, np.full(len(pes), begin + vector.finished)], axis=1)
    drains = np.stack([pes, np.full(len(pes), DRAIN), np.full(len(pes), begin + vector.finished),
                       np.full(len(pes), begin + vector.cycles)], axis=1)
    more = np.concatenate([waits, drains])
    more = more[more[:, 3] > more[:, 2]]
    labels = np.stack([np.full(len(more), vector.number), np.full(len(more), -1)], axis=1)
    return Chunk(np.concatenate([rows.slices, more]), np.concatenate([rows.labels, labels]), begin + vector.cycles,
                 changes=rows.changes, barriers=np.array([begin + vector.cycles], np.int64))


@njit(cache=True)
def _put(rows, window, vector, track, name, begin, end, column):
    """One slice, unless it is empty or outside the window; times are the vector's."""
    begin += vector.begin
    end += vector.begin
    if begin < end and begin < window[1] and end > window[0]:
        at = rows.used[0]
        if at < len(rows.slices):
            rows.slices[at, 0], rows.slices[at, 1], rows.slices[at, 2], rows.slices[at, 3] = track, name, begin, end
            rows.labels[at, 0], rows.labels[at, 1] = vector.number, column
        rows.used[0] += 1


@njit(cache=True)
def _change(rows, counter, time, change):
    at = rows.used[1]
    if at < len(rows.changes):
        rows.changes[at, 0], rows.changes[at, 1], rows.changes[at, 2] = counter, time, change
    rows.used[1] += 1


@njit(cache=True)
def _put_entries(rows, window, vector, matrix, pe, column, start):
    """A column that has padding: its runs of entries and of padding, in their order."""
    cols = matrix.matrix.shape[1]
    first = matrix.first_row[pe]
    after_last, time, run = 0, start, start  # row after the last non-zero; next entry's cycle; begin of the run
    for i in range(first, matrix.first_row[pe + 1]):
        row, local = matrix.rows_by_pe[i], i - first
        present = matrix.matrix[row, column] != 0 if column < cols else matrix.bias[row, 0]
        if present:
            padding = (local - after_last) >> matrix.index_bits
            if padding > 0:
                _put(rows, window, vector, pe, BUSY, run, time, column)
                _put(rows, window, vector, pe, PADDING, time, time + padding, column)
                time += padding
                run = time
            time += 1
            after_last = local + 1
    _put(rows, window, vector, pe, BUSY, run, time, column)


@njit(cache=True)
def trace_steps(vector, matrix, steps, window, end, rows):
    """Fills `rows` with what happens in the steps steps[0] .. steps[1] - 1; end[pe] moves on.

    Queue levels from before the window are changes at its begin.
    """
    pes = len(end)
    level = np.zeros(pes, np.int64)
    for k in range(steps[0], steps[1]):
        b, column = vector.pushed[k], vector.columns[k]
        unheld = vector.leave[k] + (vector.pushed[k - 1] - vector.leave[k - 1] if k > 0 else 0)
        _put(rows, window, vector, pes, HELD, unheld, b, column)
        _put(rows, window, vector, pes, BROADCAST, b, b + 1, column)
        for p in range(pes):
            before = end[p]
            start = max(b + 2, before)
            held_from, held_until = min(max(before, unheld + 1), start), min(max(before, b + 1), start)
            if held_from == held_until:
                held_from = held_until = start
            _put(rows, window, vector, p, STARVED, before, held_from, column)
            _put(rows, window, vector, p, BACK_PRESSURE, held_from, held_until, column)
            _put(rows, window, vector, p, STARVED, held_until, start, column)
            entries = np.int64(vector.work[k, p])
            end[p] = start + max(1, entries)
            if entries == 0:
                _put(rows, window, vector, p, EMPTY_COLUMN, start, end[p], column)
            elif entries == matrix.nonzeros[p, column]:
                _put(rows, window, vector, p, BUSY, start, end[p], column)
            elif vector.begin + start < window[1] and vector.begin + end[p] > window[0]:
                _put_entries(rows, window, vector, matrix, p, column, start)
            for time, change in ((vector.begin + b + 1, 1), (vector.begin + start, -1)):
                if time <= window[0]:
                    level[p] += change
                elif time < window[1]:
                    _change(rows, p, time, change)
    for p in range(pes):
        if level[p] != 0:
            _change(rows, p, window[0], level[p])
