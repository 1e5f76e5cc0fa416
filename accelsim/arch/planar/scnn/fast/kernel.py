"""SCNN's fast engine: every step of every PE, its products counted bank by bank.

Where a product lands depends on its activation's position only through a few *landing classes* (for each tap: outside,
or a bank code). So for each vector of weights a table holds, by class, how many of its products fall on each bank, one
byte a bank, eight banks a word; a step adds up one table row per activation. The table is built once per weight block
and shared by all PEs, images and activation vectors. Nearly every step takes one cycle, in which every bank makes an
update; only where a queue is too full is the fullest one looked for.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

NONE, BYTE, BYTE_BITS, TOP_BIT = (np.uint64(n) for n in (0, 0xff, 8, 7))
ONES, LOW_BITS, HIGH_BIT = (np.uint64(n * 0x0101010101010101) for n in (0x01, 0x7f, 0x80))  # of every byte of a word
PART, HELD, TABLE, LOW, HIGH = range(5)  # of chunks[chunk]
CHUNKS, TABLE_WORDS = 1 << 12, 1 << 11  # about so many at a time
STEPS, PAIRS, MULTIPLIES, USEFUL, DRAIN_CYCLES, CYCLES = range(6)
RECORDED = 6
STALLED = 1 << 30  # a peak that no queue holds


class RoundOutcome(NamedTuple):
    """work_cycles [round, sequence, part x tile]: each PE's, drains included; compute_cycles [round, sequence];
    drain_cycles [round] over all PEs; peaks [round]: products that waited before the fullest bank when a step began, or
    STALLED where more than the queue holds came together.

    A round whose peak is no more than a queue holds takes the same cycles with that queue.
    """

    work_cycles: np.ndarray
    compute_cycles: np.ndarray
    drain_cycles: np.ndarray
    peaks: np.ndarray


def no_outcome(rounds: int, sequences: int, pes: int) -> RoundOutcome:
    """Before any round is simulated."""
    return RoundOutcome(np.zeros((rounds, sequences, pes), np.int64), np.zeros((rounds, sequences), np.int64),
                   np.zeros(rounds, np.int64), np.zeros(rounds, np.int64))


class Scratch(NamedTuple):
    """What one round works on.

    waiting [part, unit x word]: products before each bank after the last step; elapsed [part, unit]: cycles since the
    last barrier. A unit is a tile of one image and temporal tile. span: channels whose chunks are listed at once;
    chunks [chunk, PART HELD TABLE LOW HIGH]: see `_list_chunks`; tables: words, see `_tabulate`; peak [1].
    """

    waiting: np.ndarray
    elapsed: np.ndarray
    span: int
    chunks: np.ndarray
    tables: np.ndarray
    peak: np.ndarray


def scratch_for(units: int, weights: Any, landing: Any, lanes: Any) -> Scratch:
    """Enough for any round of a layer with so many tiles over all images and temporal tiles; see `simulate`."""
    channels, phases = weights.starts.shape[1:]
    span = 1 if lanes.channel_barrier else min(channels, max(1, CHUNKS // (lanes.parts * phases)))
    of_block = max(1, -(-weights.entries_max // (lanes.chunk_vectors * lanes.weight_vector)))
    largest = (1 + landing.classes_max) * lanes.chunk_vectors * lanes.words
    return Scratch(np.zeros((lanes.parts, units * lanes.words), np.uint64), np.zeros((lanes.parts, units), np.int64),
                   span, np.zeros((span * lanes.parts * phases * of_block, 5), np.int64),
                   np.zeros(max(largest, TABLE_WORDS), np.uint64), np.zeros(1, np.int64))


@njit(cache=True, nogil=True)
def simulate(rounds, activations, weights, landing, lanes, outcome, scratch, log=None):
    """Fills the outcome of these rounds, which are independent of each other.

    activations, weights, landing, lanes: the NamedTuples of lowering.py. scratch: of `scratch_for`.
    log [barrier, part x tile, RECORDED]: of a single round and sequence, what each PE did up to each barrier; for
    timelines. Chunks come in spans of channels and are tabulated some at a time, for a call costs more than a small
    block's steps.
    """
    channels, span = weights.starts.shape[1], scratch.span
    for round_ in rounds:
        scratch.peak[0] = barrier = 0
        for first in range(0, channels, span):
            last, at = min(first + span, channels), np.int64(0)
            chunks = _list_chunks(round_, first, last, activations, weights, lanes, scratch)
            while at < chunks:
                end = _tabulate(at, chunks, weights, landing, lanes, scratch)
                _meet(at, end, activations, lanes, scratch)
                if log is not None:
                    _record(at, end, activations, weights, lanes, scratch, log[barrier])
                at = end
            if lanes.channel_barrier or last == channels:
                _barrier(scratch, outcome, round_, None if log is None else log[barrier])
                barrier += 1
        outcome.peaks[round_] = scratch.peak[0]


@njit(cache=True, nogil=True)
def _barrier(scratch, outcome, round_, log):
    """Every PE drains its banks; all wait for the slowest."""
    parts, units = scratch.elapsed.shape
    sequences = outcome.compute_cycles.shape[1]
    tiles = units // sequences
    words = scratch.waiting.shape[1] // units
    for sequence in range(sequences):
        slowest = 0
        for part in range(parts):
            for tile in range(tiles):
                unit = sequence * tiles + tile
                cycles = scratch.elapsed[part, unit]
                if cycles > 0:
                    drain = _fullest(scratch.waiting[part], unit * words, words)
                    scratch.waiting[part, unit * words:(unit + 1) * words] = NONE
                    scratch.elapsed[part, unit] = 0
                    cycles += drain
                    outcome.drain_cycles[round_] += drain
                    outcome.work_cycles[round_, sequence, part * tiles + tile] += cycles
                    slowest = max(slowest, cycles)
                    if log is not None:
                        log[part * tiles + tile, DRAIN_CYCLES] = drain
                        log[part * tiles + tile, CYCLES] = cycles
        outcome.compute_cycles[round_, sequence] += slowest


@njit(cache=True, nogil=True)
def _list_chunks(round_, first_channel, last_channel, activations, weights, lanes, scratch):
    """The chunks of a round in the order of work, from one channel on and before another; returns how many.

    A chunk is entries LOW .. HIGH - 1 of the weights, of a part; it meets the activation blocks HELD.
    """
    chunks, entries = scratch.chunks, lanes.chunk_vectors * lanes.weight_vector
    groups, _, phases = weights.starts.shape
    first_group, found = round_ * lanes.parts, 0
    for channel in range(first_channel, last_channel):
        for part in range(min(lanes.parts, groups - first_group)):
            for phase in range(phases):
                held, count = channel * phases + phase, weights.counts[first_group + part, channel, phase]
                if count > 0 and activations.begins[held] < activations.begins[held + 1]:
                    begin = weights.starts[first_group + part, channel, phase]
                    for low in range(begin, begin + count, entries):
                        chunks[found, PART], chunks[found, HELD] = part, held
                        chunks[found, LOW], chunks[found, HIGH] = low, min(begin + count, low + entries)
                        found += 1
    return found


@njit(cache=True, nogil=True)
def _tabulate(at, end, weights, landing, lanes, scratch):
    """The tables of chunks at .. end - 1, or of as many as there is room for; returns the chunk that follows.

    A chunk's table [1 + class, vector, word], from tables[TABLE] on: products of one activation with each weight
    vector. Row 0, of a placeholder, is all zero.
    """
    chunks, tables, words, used = scratch.chunks, scratch.tables, lanes.words, 0
    phases = weights.starts.shape[2]
    for chunk in range(at, end):
        low, high, phase = chunks[chunk, LOW], chunks[chunk, HIGH], chunks[chunk, HELD] % phases
        first_class, classes = landing.begins[phase], landing.sizes[phase]
        width = -(-(high - low) // lanes.weight_vector) * words
        if used + (1 + classes) * width > tables.size:
            return chunk
        chunks[chunk, TABLE] = used
        tables[used:used + (1 + classes) * width] = NONE
        column, left = used + width, lanes.weight_vector
        for entry in range(low, high):
            tap = weights.taps[entry]
            if tap >= 0:
                code = landing.filter_codes[weights.filters[entry]]
                for class_ in range(classes):
                    place = landing.codes[first_class + class_, tap]
                    if place >= 0:
                        mixed = code ^ place if lanes.xor_hash else code + place
                        tables[column + class_ * width + lanes.bank_word[mixed]] += lanes.bank_one[mixed]
            left -= 1
            if left == 0:
                column, left = column + words, lanes.weight_vector
        used += (1 + classes) * width
    return end


@njit(cache=True, nogil=True)
def _meet(at, end, activations, lanes, scratch):
    """The activation blocks of all units that hold one against the tabulated chunks at .. end - 1, one after another.
    """
    chunks, tables, words, queue = scratch.chunks, scratch.tables, lanes.words, lanes.queue_entries
    classes, peak = activations.classes, scratch.peak[0]
    room = _room(min(peak, queue))
    for chunk in range(at, end):
        part, held, entries = chunks[chunk, PART], chunks[chunk, HELD], chunks[chunk, HIGH] - chunks[chunk, LOW]
        waiting, table = scratch.waiting[part], chunks[chunk, TABLE]
        width = -(-entries // lanes.weight_vector) * words
        size = np.uint64(width)
        for n in range(activations.begins[held], activations.begins[held + 1]):
            unit, last, cycles = activations.units[n], activations.ends[n], 0
            banks = np.uint64(unit * words)
            start = activations.starts[n]
            while start < last:  # a range of a step that is not constant divides
                end_entry, column = min(start + lanes.activation_vector, last), table
                while column < table + width:
                    none, entry = np.uint64(column), start  # the row of no entry is all zero
                    while True:
                        a = none + np.uint64(classes[np.uint64(entry)]) * size
                        b = none + np.uint64(classes[np.uint64(entry + 1)]) * size if entry + 1 < end_entry else none
                        c = none + np.uint64(classes[np.uint64(entry + 2)]) * size if entry + 2 < end_entry else none
                        d = none + np.uint64(classes[np.uint64(entry + 3)]) * size if entry + 3 < end_entry else none
                        entry += 4
                        if entry >= end_entry:
                            break
                        for four in range(0, words, 4):
                            for word in range(four, four + 4):
                                w = np.uint64(word)
                                waiting[banks + w] += tables[a + w] + tables[b + w] + tables[c + w] + tables[d + w]
                    fuller = NONE
                    for four in range(0, words, 4):  # two loops, that the inner one becomes vector instructions
                        for word in range(four, four + 4):
                            w = np.uint64(word)
                            left = waiting[banks + w] + tables[a + w] + tables[b + w] + tables[c + w] + tables[d + w]
                            left -= ((((left & LOW_BITS) + LOW_BITS) | left) & HIGH_BIT) >> TOP_BIT  # 1 unless 0
                            waiting[banks + w] = left
                            fuller |= ((left & LOW_BITS) + room) | left
                    cycles += 1
                    if fuller & HIGH_BIT:  # than any before, or than the queue
                        most = _fullest(waiting, unit * words, words)
                        if most > queue:
                            cycles += most - queue
                            _update(waiting, unit * words, words, most - queue)
                            peak = STALLED
                        peak = max(peak, most)
                        room = _room(min(peak, queue))
                    column += words
                start = end_entry
            scratch.elapsed[part, unit] += cycles
    scratch.peak[0] = peak


@njit(cache=True, nogil=True)
def _room(most):
    """What sets the top bit of a byte below 128 when it is added to one above `most`."""
    return np.uint64(max(0, 127 - most)) * ONES


@njit(cache=True, nogil=True)
def _fullest(waiting, first, words):
    """Products before the fullest bank of waiting[first .. first + words - 1]."""
    most = NONE
    for word in range(first, first + words):
        left = waiting[word]
        while left != NONE:
            most = max(most, left & BYTE)
            left >>= BYTE_BITS
    return np.int64(most)


@njit(cache=True, nogil=True)
def _update(waiting, first, words, cycles):
    """Every bank makes an update in each of `cycles` cycles, as far as there are products."""
    for word in range(first, first + words):
        left, kept, shift = waiting[word], NONE, NONE
        while left != NONE:
            kept |= np.uint64(max(0, np.int64(left & BYTE) - cycles)) << shift
            left >>= BYTE_BITS
            shift += BYTE_BITS
        waiting[word] = kept


@njit(cache=True, nogil=True)
def _record(at, end, activations, weights, lanes, scratch, log):
    """Adds to log [part x tile, RECORDED] what the units did with the tabulated chunks at .. end - 1."""
    for chunk in range(at, end):
        part, held, table, low, high = scratch.chunks[chunk]
        taps = weights.taps[low:high]
        vectors, real = -(-taps.size // lanes.weight_vector), (taps >= 0).sum()
        width = vectors * lanes.words
        for n in range(activations.begins[held], activations.begins[held + 1]):
            pe = part * scratch.elapsed.shape[1] + activations.units[n]
            entries = activations.ends[n] - activations.starts[n]
            log[pe, STEPS] += -(-entries // lanes.activation_vector) * vectors
            log[pe, PAIRS] += entries * taps.size
            for class_ in activations.classes[activations.starts[n]:activations.ends[n]]:
                row = table + class_ * width
                log[pe, MULTIPLIES] += real if class_ > 0 else 0
                for word in scratch.tables[row:row + width]:
                    while word != NONE:
                        log[pe, USEFUL] += np.int64(word & BYTE)
                        word >>= BYTE_BITS
