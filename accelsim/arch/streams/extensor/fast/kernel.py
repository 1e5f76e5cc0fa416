"""ExTensor's loops over tiles that meet, with every step of every intersection. Rules: docs/machines/extensor.md."""

from typing import NamedTuple

import numpy as np
from numba import njit

SKIP_AHEAD, TWO_FINGER, LEADER_FOLLOWER = range(3)
BY_INNER_TILE, LEAST_LOADED = range(2)


class WalkRules(NamedTuple):
    """Of a design: see the page. list_bits: of one entry of A's tuples; line, coordinate, pointer: bits."""

    pes: int
    intersection: int
    deal: int
    line: int
    coordinate: int
    pointer: int


class Pairs(NamedTuple):
    """Of each pair of LLB tiles, int64 [pair]: cycles of the pair, K2 steps before it, bits of A and of B, elements of
    the product that are read and written.
    """

    cycles: np.ndarray
    before: np.ndarray
    a_bits: np.ndarray
    b_bits: np.ndarray
    z_read: np.ndarray
    z_write: np.ndarray


class Visits(NamedTuple):
    """Pairs of an n2 and a k2 that match, int64 [visit]. b: the LLB tile of B; a_first, a_last: those of A, all of its
    k2; pair: the first; before: K2 steps up to the match, from the match or the n2 before.
    """

    b: np.ndarray
    a_first: np.ndarray
    a_last: np.ndarray
    pair: np.ndarray
    before: np.ndarray


class Matches(NamedTuple):
    """Of each match of two lists, int64 [match]: the places, and the steps up to it."""

    a: np.ndarray
    b: np.ndarray
    when: np.ndarray


@njit(cache=True, nogil=True)
def meet(first, a, a_end, second, b, b_end, rule, found=None):
    """(matches, steps) of two lists; fills `found` where it is given, whose arrays are long enough."""
    matches, steps, lagging = 0, 0, 0
    while a < a_end and b < b_end:
        difference = first[a] - second[b]
        if difference == 0:
            steps += 1
            if found is not None:
                found.a[matches], found.b[matches], found.when[matches] = a, b, steps
            matches += 1
            a, b, lagging = a + 1, b + 1, 0
        else:
            side = -1 if difference < 0 else 1
            if rule == LEADER_FOLLOWER:
                steps += side == -1
            else:
                steps += rule == TWO_FINGER or side != lagging
            lagging = side
            a, b = (a + 1, b) if side < 0 else (a, b + 1)
    if rule == LEADER_FOLLOWER:
        steps += a_end - a
    return matches, steps


@njit(cache=True, nogil=True)
def find_visits(a_k2, a_starts, b, rule, visits):
    """(visits, pairs, K2 steps, those behind the last visit); fills `visits`, whose arrays are long enough.

    a_k2 [list]: the k2 of A; a_starts [list + 1]: their LLB tiles.
    """
    count, pairs, total, rest = 0, 0, 0, 0
    found = Matches(np.empty(len(a_k2), np.int64), np.empty(len(a_k2), np.int64), np.empty(len(a_k2), np.int64))
    begin = 0
    while begin < len(b.x2):
        end = begin
        while end < len(b.x2) and b.x2[end] == b.x2[begin]:
            end += 1
        matches, steps = meet(a_k2, 0, len(a_k2), b.k2, begin, end, rule, found)
        done = 0
        for i in range(matches):
            visits.b[count], visits.pair[count] = found.b[i], pairs
            visits.a_first[count], visits.a_last[count] = a_starts[found.a[i]], a_starts[found.a[i] + 1]
            visits.before[count] = rest + found.when[i] - done
            pairs += visits.a_last[count] - visits.a_first[count]
            count, done, rest = count + 1, found.when[i], 0
        rest += steps - done
        total += steps
        begin = end
    return count, pairs, total, rest


@njit(cache=True, nogil=True)
def walk(a, b, visits, rules, pairs, stalls, work, log=None):
    """(K1 steps, K0 steps, products); fills `pairs`, adds to stalls [starved, barrier] and to work [pe] (products).

    log int64 [pair, pe, 3]: K0 steps, products, and the end of the last step, for timelines.
    """
    k1_total, k0_total, products = 0, 0, 0
    width = 1 + max(0 if not len(a.k1) else a.k1.max(), 0 if not len(b.k1) else b.k1.max())
    in_a, in_b = np.full(width, -1, np.int64), np.full(width, -1, np.int64)
    tiles = Matches(np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width, np.int64))
    free, given = np.zeros(rules.pes, np.int64), np.zeros(rules.pes, np.int64)
    for v in range(len(visits.b)):
        llb = visits.b[v]
        for t in range(a.groups[a.llbs[visits.a_first[v]]], a.groups[a.llbs[visits.a_last[v]]]):
            in_a[a.k1[t]] = v
        for t in range(b.groups[b.llbs[llb]], b.groups[b.llbs[llb + 1]]):
            in_b[b.k1[t]] = v
        for own in range(visits.a_first[v], visits.a_last[v]):
            pair = visits.pair[v] + own - visits.a_first[v]
            pairs.before[pair] = visits.before[v] if own == visits.a_first[v] else 0
            pairs.b_bits[pair] = _b_bits(b, llb, in_a, v, rules) if own == visits.a_first[v] else 0
            pairs.a_bits[pair] = _a_bits(a, own, in_b, v, rules)
            free[:], given[:] = 0, 0
            clock = np.int64(0)
            for g in range(a.llbs[own], a.llbs[own + 1]):
                for h in range(b.llbs[llb], b.llbs[llb + 1]):
                    matches, steps = meet(a.k1, a.groups[g], a.groups[g + 1], b.k1, b.groups[h], b.groups[h + 1],
                                          rules.intersection, tiles)
                    for i in range(matches):
                        found, k0 = _tiles_meet(a, tiles.a[i], b, tiles.b[i], rules.intersection)
                        pe = np.argmin(given) if rules.deal == LEAST_LOADED else a.k1[tiles.a[i]] % rules.pes
                        given[pe] += k0
                        start = max(free[pe], clock + tiles.when[i])
                        stalls[0] += start - free[pe]
                        free[pe] = start + k0
                        work[pe] += found
                        k0_total += k0
                        products += found
                        if log is not None:
                            log[pair, pe, 0] += k0
                            log[pair, pe, 1] += found
                            log[pair, pe, 2] = free[pe]
                    clock += steps
            k1_total += clock
            end = max(clock, free.max())
            pairs.cycles[pair] = end
            stalls[1] += end * rules.pes - free.sum()
    return k1_total, k0_total, products


@njit(cache=True, nogil=True)
def _tiles_meet(a, t, b, u, rule):
    """(products, K0 steps) of two PE tiles."""
    found, steps = 0, 0
    for f in range(a.tiles[t], a.tiles[t + 1]):
        low, high = a.fibers[f], a.fibers[f + 1]
        for g in range(b.tiles[u], b.tiles[u + 1]):
            begin, end = b.fibers[g], b.fibers[g + 1]
            if high - low == 1 and end - begin == 1:  # one step by any rule
                found += a.k[low] == b.k[begin]
                steps += 1
            else:
                some, more = meet(a.k, low, high, b.k, begin, end, rule)
                found += some
                steps += more
    return found, steps


@njit(inline="always")
def _list_bits(count, rules):
    coordinates = (count * rules.coordinate + rules.line - 1) // rules.line
    return (coordinates + (count * rules.pointer + rules.line - 1) // rules.line) * rules.line


@njit(cache=True, nogil=True)
def _b_bits(b, llb, in_a, visit, rules):
    total = _list_bits(b.llbs[llb + 1] - b.llbs[llb], rules)
    for h in range(b.llbs[llb], b.llbs[llb + 1]):
        total += _list_bits(b.groups[h + 1] - b.groups[h], rules)
        for t in range(b.groups[h], b.groups[h + 1]):
            if in_a[b.k1[t]] == visit:
                total += b.bits[t]
    return total


@njit(cache=True, nogil=True)
def _a_bits(a, llb, in_b, visit, rules):
    total = 0
    for t in range(a.groups[a.llbs[llb]], a.groups[a.llbs[llb + 1]]):
        total += rules.coordinate + rules.pointer
        if in_b[a.k1[t]] == visit:
            total += a.bits[t]
    return total


class Rows(NamedTuple):
    """Both operands row by row; A's groups by m1, then k2: by_m1 [group]."""

    a_starts: np.ndarray
    a_columns: np.ndarray
    b_starts: np.ndarray
    b_columns: np.ndarray
    by_m1: np.ndarray


@njit(cache=True, nogil=True)
def kept_outputs(rows, a, b, llb_of, visits, pe_tile, k_multiplier, n_multiplier, fresh, pairs):
    """Fills pairs.z_read and z_write. llb_of [group of A]; fresh int64 [k2, n1 of an LLB tile] is scratch."""
    last_column = 0 if not len(rows.b_columns) else rows.b_columns.max()
    stamp = np.full(last_column + 1, -1, np.int64)
    low, high = rows.b_starts[:-1].copy(), rows.b_starts[:-1].copy()
    held, visit_at = np.zeros(n_multiplier, np.int64), np.full(len(fresh), -1, np.int64)
    begin = 0
    while begin < len(visits.b):
        n2 = b.x2[visits.b[begin]]
        end = begin
        while end < len(visits.b) and b.x2[visits.b[end]] == n2:
            visit_at[b.k2[visits.b[end]]] = end
            end += 1
        first_column = n2 * n_multiplier * pe_tile
        for k in range(len(low)):
            low[k] = high[k]
            while low[k] < rows.b_starts[k + 1] and rows.b_columns[low[k]] < first_column:
                low[k] += 1
            high[k] = low[k]
            while high[k] < rows.b_starts[k + 1] and rows.b_columns[high[k]] < first_column + n_multiplier * pe_tile:
                high[k] += 1
        stamp[:] = -1
        group = 0
        while group < len(rows.by_m1):
            m1, after = a.outer[rows.by_m1[group]], group
            while after < len(rows.by_m1) and a.outer[rows.by_m1[after]] == m1:
                fresh[a.k2[llb_of[rows.by_m1[after]]]] = 0
                after += 1
            held[:] = 0
            _new_outputs(rows, m1, pe_tile, k_multiplier, first_column, low, high, stamp, fresh)
            for i in range(group, after):
                g = rows.by_m1[i]
                own = llb_of[g]
                v = visit_at[a.k2[own]]
                if v >= begin:
                    pair = visits.pair[v] + own - visits.a_first[v]
                    _hold(a, g, b, visits.b[v], n2 * n_multiplier, held, fresh[a.k2[own]], pairs, pair)
            group = after
        begin = end


@njit(inline="always")
def _new_outputs(rows, m1, pe_tile, k_multiplier, first_column, low, high, stamp, fresh):
    """Adds to fresh[k2, n1]: outputs of m1's rows that come up first in this k2."""
    for row in range(m1 * pe_tile, min((m1 + 1) * pe_tile, len(rows.a_starts) - 1)):
        for i in range(rows.a_starts[row], rows.a_starts[row + 1]):
            k = rows.a_columns[i]
            for j in range(low[k], high[k]):
                column = rows.b_columns[j]
                if stamp[column] != row:
                    stamp[column] = row
                    fresh[k // (pe_tile * k_multiplier), (column - first_column) // pe_tile] += 1


@njit(inline="always")
def _hold(a, g, b, llb, first_n1, held, fresh, pairs, pair):
    """Reads and writes of one m1 in a pair of LLB tiles; `held` [n1] grows."""
    for h in range(b.llbs[llb], b.llbs[llb + 1]):
        n1 = b.outer[h] - first_n1
        t, u = a.groups[g], b.groups[h]
        while t < a.groups[g + 1] and u < b.groups[h + 1] and a.k1[t] != b.k1[u]:
            if a.k1[t] < b.k1[u]:
                t += 1
            else:
                u += 1
        if t < a.groups[g + 1] and u < b.groups[h + 1]:
            pairs.z_read[pair] += held[n1]
        held[n1] += fresh[n1]
        pairs.z_write[pair] += held[n1]
