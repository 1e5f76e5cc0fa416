"""SCNN's fast engine: every step of every PE, its products counted bank by bank.

Where a product lands depends on its activation's position only through a few *landing classes* (for each tap: outside,
or a bank code). So for each vector of weights a table holds, by class, how many of its products fall on each bank, one
byte a bank; a step is the sum of one table row per activation, and its time the largest byte. The table is built once
per weight block and shared by all PEs, images and activation vectors.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange

WORD = 32  # banks are handled in runs of this many bytes, one vector register
ROW = 128  # table rows are padded to a multiple of this: what an unrolled vector loop takes at once
STEPS, PAIRS, MULTIPLIES, USEFUL, CONFLICT_CYCLES, DRAIN_CYCLES, IARAM_READS = range(7)
TOTALS = 7


@njit(cache=True, parallel=True)
def simulate(activations, weights, landing, machine, work_cycles, compute_cycles, useful, totals):
    """Fills work_cycles [round, sequence, part * tile], compute_cycles [round, sequence], useful [round, part, tile]
    (each PE's useful products) and totals [round, TOTALS].

    activations, weights, landing, machine: the NamedTuples of lowering.py. Rounds are independent of each other.
    """
    for round_ in prange(work_cycles.shape[0]):
        _round(round_, activations, weights, landing, machine, work_cycles[round_], compute_cycles[round_],
               useful[round_], totals[round_])


class Scratch(NamedTuple):
    """What one round of one thread works on.

    waiting [part, unit, bank]: products before each bank when the last step began; spent [part, unit]: cycles since;
    elapsed [part, unit]: cycles since the last barrier. A unit is a tile of one image and temporal tile.
    table, sums: bytes, see `_tabulate`; hits [class]; useful [part, tile]; totals [TOTALS].
    """

    waiting: np.ndarray
    spent: np.ndarray
    elapsed: np.ndarray
    table: np.ndarray
    sums: np.ndarray
    hits: np.ndarray
    useful: np.ndarray
    totals: np.ndarray


@njit(cache=True)
def _round(round_, activations, weights, landing, machine, work_cycles, compute_cycles, useful, totals):
    sequence, pes = work_cycles.shape
    units = sequence * (pes // machine.parts)
    groups, channels, phases = weights.starts.shape
    bytes_ = -(-machine.banks // WORD) * WORD
    row = _row_bytes(machine.chunk_vectors, bytes_)
    scratch = Scratch(np.zeros((machine.parts, units, bytes_), np.uint8), np.zeros((machine.parts, units), np.uint8),
                      np.zeros((machine.parts, units), np.int64), np.zeros((1 + landing.rows_max) * row, np.uint8),
                      np.zeros(row, np.uint8), np.zeros(landing.rows_max, np.int64), useful, totals)
    for channel in range(channels):
        for part in range(min(machine.parts, groups - round_ * machine.parts)):
            group = round_ * machine.parts + part
            for phase in range(phases):
                first_unit = (channel * phases + phase) * units
                if weights.counts[group, channel, phase] > 0 \
                        and activations.starts[first_unit] < activations.starts[first_unit + units]:
                    _block((group, channel, phase), part, activations, weights, landing, machine, scratch)
        if machine.channel_barrier or channel == channels - 1:
            _barrier(scratch, work_cycles, compute_cycles)
    totals[USEFUL] = useful.sum()


@njit(cache=True)
def _row_bytes(vectors, bytes_):
    """Bytes of one table row: `bytes_` for each weight vector."""
    return -(-vectors * bytes_ // ROW) * ROW


@njit(cache=True)
def _barrier(scratch, work_cycles, compute_cycles):
    """Every PE drains its banks; all wait for the slowest."""
    sequence = compute_cycles.size
    parts, units = scratch.spent.shape
    tiles = units // sequence
    for seq in range(sequence):
        slowest = np.int64(0)
        for part in range(parts):
            for tile in range(tiles):
                unit = seq * tiles + tile
                cycles = scratch.elapsed[part, unit]
                if cycles > 0:
                    held = np.int64(scratch.waiting[part, unit].max())
                    drain = max(np.int64(0), held - np.int64(scratch.spent[part, unit]))
                    scratch.totals[DRAIN_CYCLES] += drain
                    cycles += drain
                    scratch.waiting[part, unit] = 0
                    scratch.spent[part, unit] = 0
                    scratch.elapsed[part, unit] = 0
                work_cycles[seq, part * tiles + tile] += cycles
                slowest = max(slowest, cycles)
        compute_cycles[seq] += slowest


@njit(cache=True)
def _block(block, part, activations, weights, landing, machine, scratch):
    """One weight block (group, channel, phase) against the activation blocks of every unit."""
    _, channel, phase = block
    units = scratch.spent.shape[1]
    first_unit = (channel * weights.starts.shape[2] + phase) * units
    begin = weights.starts[block]
    end = begin + weights.counts[block]
    for low in range(begin, end, machine.chunk_vectors * machine.weight_vector):
        high = min(end, low + machine.chunk_vectors * machine.weight_vector)
        real = _tabulate(low, high, phase, weights, landing, machine, scratch)
        _meet(activations.starts[first_unit:first_unit + units + 1], activations.classes, high - low, real, machine,
              part, machine.fifo_bounded or low == begin, scratch)


@njit(cache=True)
def _tabulate(low, high, phase, weights, landing, machine, scratch):
    """table[1 + class, vector, bank]: products of one activation with each weight vector of entries low .. high - 1.

    Row 0 is all zero. hits[class]: products with all the vectors that land in the output plane. Returns the number of
    real weights.
    """
    table, hits, classes = scratch.table, scratch.hits, landing.sizes[phase]
    codes = landing.codes[landing.begins[phase]:landing.begins[phase] + classes]
    bytes_ = scratch.waiting.shape[2]
    width = _row_bytes(-(-(high - low) // machine.weight_vector), bytes_)
    table[:(1 + classes) * width] = 0
    hits[:classes] = 0
    real = 0
    for entry in range(low, high):
        tap = weights.taps[entry]
        if tap < 0:
            continue
        real += 1
        code = landing.filter_codes[weights.filters[entry]]
        column = (entry - low) // machine.weight_vector * bytes_
        for class_ in range(classes):
            place = codes[class_, tap]
            if place >= 0:
                mixed = code ^ place if machine.xor_hash else code + place
                table[(1 + class_) * width + column + landing.bank_of[mixed]] += np.uint8(1)
                hits[class_] += 1
    return real


@njit(cache=True)
def _meet(starts, classes, entries, real, machine, part, from_iaram, scratch):
    """The activation blocks of all units against the tabulated weight vectors (`entries`, `real` ones non-zero)."""
    waiting, spent, elapsed, totals = scratch.waiting[part], scratch.spent[part], scratch.elapsed[part], scratch.totals
    table, bytes_, lanes, queue = scratch.table, waiting.shape[1], machine.activation_vector, machine.queue_entries
    vectors = -(-entries // machine.weight_vector)
    width = _row_bytes(vectors, bytes_)
    sums = scratch.sums[:width]
    steps, cycles, pairs, reads = 0, 0, 0, 0
    for unit in range(spent.size):
        first, last = starts[unit], starts[unit + 1]
        if first == last:
            continue
        before = cycles
        cost = spent[unit]
        held = waiting[unit]
        for start in range(first, last, lanes):
            end = min(start + lanes, last)
            for four in range(start, end, 4):
                _add_rows(_row(classes, four, end, table, width), _row(classes, four + 1, end, table, width),
                          _row(classes, four + 2, end, table, width), _row(classes, four + 3, end, table, width),
                          sums, four > start)
            for column in range(0, vectors * bytes_, bytes_):
                largest = np.uint8(0)
                for word in range(0, bytes_, WORD):
                    most = _add_word(held[word:word + WORD], sums[column + word:column + word + WORD], cost)
                    if most > largest:
                        largest = most
                cost = np.uint8(max(np.int64(largest) - queue, 1))
                cycles += np.int64(cost)
        spent[unit] = cost
        elapsed[unit] += cycles - before
        vectors_read = -(-(last - first) // lanes)
        steps += vectors_read * vectors
        reads += vectors_read
        pairs += (last - first) * entries
    totals[STEPS] += steps
    totals[CONFLICT_CYCLES] += cycles - steps
    totals[PAIRS] += pairs
    totals[MULTIPLIES] += real * _count_useful(starts, classes, scratch.hits, scratch.useful[part])
    if from_iaram:
        totals[IARAM_READS] += reads


@njit(cache=True)
def _count_useful(starts, classes, hits, useful):
    """Adds the tabulated products that land to useful[tile], over all units; returns the activations that are no
    placeholders. On its own, for within the loop over steps it would take the registers of the banks.
    """
    nonzeros, tile = 0, 0
    for unit in range(starts.size - 1):
        landed = 0
        for entry in range(starts[unit], starts[unit + 1]):
            if classes[entry] >= 0:
                nonzeros += 1
                landed += hits[classes[entry]]
        useful[tile] += landed
        tile = tile + 1 if tile + 1 < useful.size else 0
    return nonzeros


@njit(cache=True)
def _row(classes, entry, end, table, width):
    """The table row of an entry; row 0 is all zero, for a placeholder (class -1) and for a lane without an entry."""
    row = classes[entry] + 1 if entry < end else 0
    return table[row * width:(row + 1) * width]


@njit(cache=True)
def _add_rows(a, b, c, d, sums, more):
    """sums = a + b + c + d, or sums + that if there is more to it."""
    if more:
        for x in range(sums.size):
            sums[x] = np.uint8(sums[x] + a[x] + b[x] + c[x] + d[x])
    else:
        for x in range(sums.size):
            sums[x] = np.uint8(a[x] + b[x] + c[x] + d[x])


@njit(cache=True)
def _add_word(waiting, arriving, spent):
    """waiting = max(waiting - spent, 0) + arriving for WORD banks; returns the largest."""
    largest = np.uint8(0)
    for bank in range(WORD):
        held = waiting[bank]
        if held < spent:
            held = spent
        held = np.uint8(np.uint8(held - spent) + arriving[bank])
        waiting[bank] = held
        if held > largest:
            largest = held
    return largest
