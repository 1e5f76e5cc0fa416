"""All runs of one matrix: what each takes, and what all channels do in them. Rules: docs/machines/ese.md."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.broadcast.ese.config import EseConfig
from accelsim.arch.broadcast.shared.fast import encoding, kernel
from accelsim.arch.broadcast.shared.fast.encoding import Encoded
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.machine import Policy
from accelsim.recurrences.broadcast import new_broadcast
from accelsim.workload.counting import column_nonzeros, pattern

ONE_BLOCK = np.zeros(1, np.int64)
STATES = ("padding", "empty_column", "starved", "back_pressure", "barrier", "drain")


class Runs(NamedTuple):
    """The vectors of a matrix, in order, and how many of them are a group's, run after run."""

    vectors: np.ndarray
    voices: np.ndarray


class Timed(NamedTuple):
    """cycles[run] of a product alone. Of all runs: useful[pe] multiplications and PE-cycles by state, all channels';
    broadcasts of all channels; columns broadcast and rows read, once for all channels.
    """

    cycles: np.ndarray
    useful: np.ndarray
    zero_input: int
    states: dict[str, int]
    broadcasts: int
    columns: int
    row_reads: int


def encoded(matrix: np.ndarray, config: EseConfig, policy: Policy) -> Encoded:
    """The matrix as the PEs of a channel hold it."""
    pe_of_row = assign_rows(policy, matrix, config.pes)
    first_row = np.concatenate(([0], np.cumsum(np.bincount(pe_of_row, minlength=config.pes))))
    lane = kernel.lane_type(matrix.shape[1], int(np.diff(first_row).max()))
    return encoding.encode([pattern(matrix)], np.argsort(pe_of_row, kind="stable"), first_row, config.index_bits, lane)


def fullest_pe(held: Encoded) -> int:
    return int((held.first_entry[-1].astype(np.int64) + held.entries[-1]).max())


def timed(held: Encoded, runs: Runs, config: EseConfig) -> Timed:
    """Groups of the same number of voices are run together: what they do weighs as much."""
    columns, pes = held.entries.shape
    cycles = np.zeros(len(runs.voices), np.int64)
    sent_by_run, sent_by_voice = np.zeros((2, columns), np.int64)
    until_last = back_pressure = barrier = drain = row_reads = 0
    sent = _sent(runs, config)
    for voices in np.unique(runs.voices).tolist():
        own = runs.voices == voices
        some, times = (sent[own], 1) if config.input_skip else (sent, int(own.sum()))
        sums, cycles[own] = _through_queues(held, some, config)
        weight = voices * times
        until_last += weight * int(sums.until_last)
        back_pressure += weight * int(sums.back_pressure)
        barrier += weight * int(sums.barrier)
        drain += weight * int(sums.drain)
        sent_by_run += times * column_nonzeros(some)
        sent_by_voice += weight * column_nonzeros(some)
        readers = kernel.room_for_readers(columns, pes, len(some))
        row_reads += times * int(kernel.count_row_reads(some, False, held, config.entries_per_row, readers))
    shares = kernel.share_columns(sent_by_voice, held)
    useful = kernel.share_columns(column_nonzeros(runs.vectors).astype(np.int64), held).busy
    states = (shares.padding, shares.empty_column, until_last - shares.occupied - back_pressure, back_pressure, barrier,
              drain)
    zero_input = int(shares.busy.sum() - useful.sum())
    return Timed(cycles, useful, zero_input, dict(zip(STATES, map(int, states), strict=True)), int(sent_by_voice.sum()),
                 int(sent_by_run.sum()), row_reads)


def _sent(runs: Runs, config: EseConfig) -> np.ndarray:
    """[run, column]: what the scanners broadcast; one row where that is everything in every run."""
    if not config.input_skip:
        return pattern(np.ones((1, runs.vectors.shape[1]), np.bool_))
    first = np.cumsum(runs.voices) - runs.voices
    return pattern(np.logical_or.reduceat(runs.vectors != 0, first, axis=0))


def _through_queues(held: Encoded, sent: np.ndarray, config: EseConfig) -> tuple[kernel.Sums, np.ndarray]:
    columns, pes = held.entries.shape
    state = new_broadcast(pes, config.queue_entries, columns, held.first_entry.dtype)
    cycles = np.empty((len(sent), 1), np.int64)
    scan = kernel.room_for_scan(columns, pes, state.end.dtype)
    return kernel.run_vectors(sent, False, held.entries, state, scan, ONE_BLOCK, cycles), cycles[:, 0]
