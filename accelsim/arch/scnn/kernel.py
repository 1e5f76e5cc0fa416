"""SCNN's fast engine: every step of every PE, its products counted bank by bank.

Where a product lands depends on its activation's position only through a few *landing classes* (for each tap: outside, or a
bank code). So for each vector of weights a table holds, by class, how many of its products fall on each bank, one byte a
bank; a step is the sum of one table row per activation, and its time the largest byte. The table is built once per
weight block and shared by all PEs, images and activation vectors.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange

WORD = 32  # banks are handled in runs of this many bytes, one vector register
STEPS, PAIRS, MULTIPLIES, USEFUL, CONFLICT_CYCLES, DRAIN_CYCLES, IARAM_READS = range(7)
TOTALS = 7


@njit(cache=True, parallel=True)
def simulate(activations, weights, landing, machine, work_cycles, compute_cycles, totals):
    """Fills work_cycles [round, sequence, part * tile], compute_cycles [round, sequence] and totals [round, TOTALS].

    activations, weights, landing, machine: the NamedTuples of lowering.py. Rounds are independent of each other.
    """
    for round_ in prange(work_cycles.shape[0]):
        _round(round_, activations, weights, landing, machine, work_cycles[round_], compute_cycles[round_],
               totals[round_])


class Scratch(NamedTuple):
    """What one round of one thread works on.

    waiting [part, unit, bank]: products before each bank when the last step began; spent [part, unit]: cycles since;
    elapsed [part, unit]: cycles since the last barrier. A unit is a tile of one image and temporal tile.
    table, sums: bytes, see `_tabulate`; hits [class]; totals [TOTALS].
    """

    waiting: np.ndarray
    spent: np.ndarray
    elapsed: np.ndarray
    table: np.ndarray
    sums: np.ndarray
    hits: np.ndarray
    totals: np.ndarray


@njit(cache=True)
def _round(round_, activations, weights, landing, machine, work_cycles, compute_cycles, totals):
    sequence, pes = work_cycles.shape
    units = sequence * (pes // machine.parts)
    groups, channels, phases = weights.starts.shape
    bytes_ = -(-machine.banks // WORD) * WORD
    scratch = Scratch(np.zeros((machine.parts, units, bytes_), np.uint8), np.zeros((machine.parts, units), np.uint8),
                      np.zeros((machine.parts, units), np.int64),
                      np.zeros(landing.rows_max * machine.chunk_vectors * bytes_, np.uint8),
                      np.zeros(machine.chunk_vectors * bytes_, np.uint8), np.zeros(landing.rows_max, np.int64), totals)
    for channel in range(channels):
        for part in range(min(machine.parts, groups - round_ * machine.parts)):
            for phase in range(phases):
                _block((round_ * machine.parts + part, channel, phase), part, activations, weights, landing, machine,
                       scratch)
        if machine.channel_barrier or channel == channels - 1:
            _barrier(scratch, work_cycles, compute_cycles)


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
    group, channel, phase = block
    units, totals = scratch.spent.shape[1], scratch.totals
    first_unit = (channel * weights.starts.shape[2] + phase) * units
    begin = weights.starts[block]
    end = begin + weights.counts[block]
    if begin == end or activations.starts[first_unit] == activations.starts[first_unit + units]:
        return
    for low in range(begin, end, machine.chunk_vectors * machine.weight_vector):
        high = min(end, low + machine.chunk_vectors * machine.weight_vector)
        vectors = -(-(high - low) // machine.weight_vector)
        real = _tabulate(low, high, phase, weights, landing, machine, scratch)
        for unit in range(units):
            first, last = activations.starts[first_unit + unit], activations.starts[first_unit + unit + 1]
            if first == last:
                continue
            cycles = _meet(activations.classes[first:last], vectors, machine, part, unit, scratch)
            scratch.elapsed[part, unit] += cycles
            reads = -(-(last - first) // machine.activation_vector)
            totals[STEPS] += reads * vectors
            totals[CONFLICT_CYCLES] += cycles - reads * vectors
            totals[PAIRS] += (last - first) * (high - low)
            if machine.fifo_bounded or low == begin:
                totals[IARAM_READS] += reads
            _count_products(activations.classes[first:last], real, scratch)


@njit(cache=True)
def _count_products(classes, real, scratch):
    nonzeros, useful = np.int64(0), np.int64(0)
    for class_ in classes:
        if class_ >= 0:
            nonzeros += 1
            useful += scratch.hits[class_]
    scratch.totals[MULTIPLIES] += nonzeros * real
    scratch.totals[USEFUL] += useful


@njit(cache=True)
def _tabulate(low, high, phase, weights, landing, machine, scratch):
    """table[class, vector, bank]: products of each weight vector of entries low .. high - 1 with one activation of a class.

    hits[class]: its products with all the vectors that land in the output plane. Returns the number of real weights.
    """
    table, hits, classes = scratch.table, scratch.hits, landing.sizes[phase]
    codes = landing.codes[landing.begins[phase]:landing.begins[phase] + classes]
    bytes_ = scratch.waiting.shape[2]
    width = -(-(high - low) // machine.weight_vector) * bytes_
    table[:classes * width] = 0
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
                table[class_ * width + column + landing.bank_of[mixed]] += np.uint8(1)
                hits[class_] += 1
    return real


@njit(cache=True)
def _meet(classes, vectors, machine, part, unit, scratch):
    """One activation block against the tabulated weight vectors: the cycles of its steps."""
    waiting, spent = scratch.waiting[part, unit], scratch.spent[part, unit]
    bytes_ = waiting.size
    sums = scratch.sums[:vectors * bytes_]
    cycles = np.int64(0)
    for start in range(0, classes.size, machine.activation_vector):
        _sum_rows(classes[start:start + machine.activation_vector], scratch.table, sums)
        for column in range(0, sums.size, bytes_):
            largest = np.uint8(0)
            for word in range(0, bytes_, WORD):
                most = _add_word(waiting[word:word + WORD], sums[column + word:column + word + WORD], spent)
                if most > largest:
                    largest = most
            spent = np.uint8(max(np.int64(largest) - machine.queue_entries, 1))
            cycles += np.int64(spent)
    scratch.spent[part, unit] = spent
    return cycles


@njit(cache=True)
def _sum_rows(ids, table, sums):
    """sums = the table rows of one activation vector, added; a placeholder (-1) adds nothing."""
    sums[:] = 0
    for id_ in ids:
        if id_ >= 0:
            row = table[id_ * sums.size:(id_ + 1) * sums.size]
            for x in range(sums.size):
                sums[x] = np.uint8(sums[x] + row[x])


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
