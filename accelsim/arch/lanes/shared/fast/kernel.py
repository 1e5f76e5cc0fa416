"""The family's recurrence: time = sum over scopes of the maximum over lanes of the sum over units.

Sets of reduction positions are bitmaps, 64 a word; every unit begins with a word of its own. A lane's effectual indices
in a unit are the set bits of (its word of weights AND the word of inputs). All lanes of a round lie side by side in
memory, so that they are counted together. Rules: docs/machines/lanes.md, "Time".
"""

from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

UNIT, POSITION, JOB, PRODUCT = range(4)  # scopes


class Rounds(NamedTuple):
    """What lanes have in each round. slots uint64 [round, word, place, lane]; active [round]: lanes that have outputs,
    the first of them. passes [round]. least [round, unit]: least cycles of a unit. moved [round, unit]: outputs that
    come to another lane with this unit.
    """

    slots: np.ndarray
    active: np.ndarray
    passes: np.ndarray
    least: np.ndarray
    moved: np.ndarray


class Inputs(NamedTuple):
    """words uint64 [position, word, 1 or lane]; unit u has the words unit_words[u] .. unit_words[u + 1] - 1, group g
    the positions groups[g] .. groups[g + 1] - 1.
    """

    words: np.ndarray
    unit_words: np.ndarray
    groups: np.ndarray


class Extras(NamedTuple):
    """Cycles on top of a unit's steps, int64 [something is effectual, unit, lane]: in each pass, and once."""

    per_pass: np.ndarray
    once: np.ndarray


class KernelRules(NamedTuple):
    """Of a design. unit_outer: 1 when all positions of a group meet a unit before the next. permuted: outputs that come
    to another lane in a cycle, 0 = all.
    """

    inputs: int
    scope: int
    columns: int
    unit_outer: int
    scope_floor: int
    permuted: int


class JobTimes(NamedTuple):
    """cycles and longest [round, group]: time of the scopes, and of their slowest lanes alone (without floors).
    steps int32 [round, group x columns, lane]; spent (cycles) and empty (units) [round, lane].
    """

    cycles: np.ndarray
    longest: np.ndarray
    steps: np.ndarray
    spent: np.ndarray
    empty: np.ndarray


def popcount(word):
    """Set bits of a uint64 word."""
    return int(word).bit_count()


@intrinsic
def _set_bits(typingctx, word):
    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])
    return types.int64(types.uint64), codegen


@overload(popcount)
def _compiled_popcount(word):
    return lambda word: _set_bits(word)  # one instruction, also in vector lanes


@njit(cache=True, nogil=True)
def run_rounds(rounds, inputs, extras, rules, outcome, log=None):
    """All jobs of a product, one after the other; fills `outcome`.

    log int32 [round, group x columns, 2, lane]: cycles and empty units of each job, for timelines.
    """
    lanes = rounds.slots.shape[3]
    scratch = (np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.zeros(lanes, np.int64))
    for r in range(rounds.slots.shape[0]):
        for g in range(len(inputs.groups) - 1):
            _run_job(r, g, rounds, inputs, extras, rules, outcome, scratch, log)


@njit(cache=True, nogil=True)
def _run_job(r, g, rounds, inputs, extras, rules, outcome, scratch, log):
    """Group g in round r; scratch: three arrays [lane]."""
    clock, taken, part = scratch
    lanes, first = rounds.active[r], inputs.groups[g]
    positions, units = inputs.groups[g + 1] - first, len(inputs.unit_words) - 1
    outer, inner = (units, positions) if rules.unit_outer else (positions, units)
    total, longest, slowest = np.int64(0), np.int64(0), np.int64(0)
    _clear(clock, lanes)
    for a in range(outer):
        for b in range(inner):
            u, v = (a, b) if rules.unit_outer else (b, a)
            row = g * rules.columns + (v if rules.columns > 1 else 0)
            _count(rounds.slots, r, inputs, first + v, u, rules.inputs, lanes, taken, part)
            _spend(r, row, u, rounds, extras, taken, part, outcome)
            for i in range(lanes):
                clock[i] += part[i]
            if log is not None:
                for i in range(lanes):
                    log[r, row, 0, i] += part[i]
                    log[r, row, 1, i] += taken[i] == 0
            if rules.columns > 1:  # every position has lanes of its own
                slowest = max(slowest, _largest(clock, lanes))
                _clear(clock, lanes)
            at_end = b == inner - 1
            if (rules.scope == UNIT and (at_end or not rules.unit_outer)) or (rules.scope == POSITION and at_end):
                slowest = max(slowest, _largest(clock, lanes))
                longest += slowest
                total += max(slowest, _floor(rounds.moved[r, u], positions, rules))
                slowest = np.int64(0)
                _clear(clock, lanes)
    if rules.scope == JOB:
        longest = total = _largest(clock, lanes)
    outcome.cycles[r, g], outcome.longest[r, g] = total, longest


@njit(inline="always")
def _clear(values, lanes):
    for i in range(lanes):
        values[i] = 0


@njit(inline="always")
def _largest(clock, lanes):
    found = np.int64(0)
    for i in range(lanes):
        found = max(found, clock[i])
    return found


@njit(inline="always")
def _count(slots, r, inputs, position, u, width, lanes, taken, part):
    """Fills taken[lane] with the steps of unit u in round r; no views of arrays, which cost more than short loops."""
    words, unit_words = inputs.words, inputs.unit_words
    own_inputs = words.shape[2] > 1
    _clear(taken, lanes)
    for place in range(slots.shape[2]):
        _clear(part, lanes)
        for w in range(unit_words[u], unit_words[u + 1]):
            if own_inputs:
                for i in range(lanes):
                    part[i] += popcount(slots[r, w, place, i] & words[position, w, i])
            else:
                word = words[position, w, 0]
                for i in range(lanes):
                    part[i] += popcount(slots[r, w, place, i] & word)
        if width == 1:
            for i in range(lanes):
                taken[i] += part[i]
        else:
            for i in range(lanes):
                taken[i] += (part[i] + width - 1) // width


@njit(inline="always")
def _spend(r, row, u, rounds, extras, taken, part, outcome):
    """Fills part[lane] with the cycles of unit u, which takes `taken` steps in each pass, and adds them up."""
    passes, least = rounds.passes[r], rounds.least[r, u]
    for i in range(rounds.active[r]):
        some = np.int64(taken[i] > 0)
        cycles = passes * (taken[i] + extras.per_pass[some, u, i]) + extras.once[some, u, i]
        part[i] = max(cycles, least)
        outcome.steps[r, row, i] += taken[i]
        outcome.spent[r, i] += part[i]
        outcome.empty[r, i] += 1 - some


@njit(inline="always")
def _floor(moved, positions, rules):
    """Least cycles of a scope."""
    if rules.permuted == 0:
        return np.int64(rules.scope_floor)
    return np.int64(max(rules.scope_floor, (moved * positions + rules.permuted - 1) // rules.permuted))


@njit(cache=True, nogil=True)
def dispatched(cycles, order, section_of, ends, section, begin):
    """Gives job order[i] of cycles[job] to section_of[job], or where that is -1 to the first section that is free.

    ends[section] begins at 0; fills section[job] and begin[job].
    """
    for job in order:
        s = section_of[job]
        if s < 0:
            s = np.argmin(ends)
        section[job], begin[job] = s, ends[s]
        ends[s] += cycles[job]


@njit(cache=True, nogil=True)
def add_work(steps, section, lane_of, active, columns, work):
    """Adds steps[round, group x columns, lane] to work[section, dealt lane x columns + column].

    section [round, group], lane_of [round, lane]: the dealt lane.
    """
    for r in range(steps.shape[0]):
        for row in range(steps.shape[1]):
            own, column = work[section[r, row // columns]], row % columns
            for i in range(active[r]):
                own[lane_of[r, i] * columns + column] += steps[r, row, i]


@njit(cache=True, nogil=True)
def weighted_rows(pattern, counts, unit_of, sums):
    """Fills sums[row, unit]: counts[column] added up where pattern uint8 [row, column] is set, by unit_of[column]."""
    for i in range(pattern.shape[0]):
        for j in range(pattern.shape[1]):
            sums[i, unit_of[j]] += pattern[i, j] * counts[j]
