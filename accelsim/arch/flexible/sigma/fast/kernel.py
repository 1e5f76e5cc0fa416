"""The fast engine of SIGMA: the controller's placement on bitmaps, then one recurrence over the folds.

Time needs the values of each fold alone; the counts need which k each fold and each Flex-DPE holds, found by walking
the stationary bitmap once, a word at a time. Nothing is done per multiplier or per cycle.
Rules: docs/machines/sigma.md.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import uint64

from accelsim.arch.flexible.sigma.fast.bitmap import lowest_bits
from accelsim.recurrences.bits import popcount

OVERLAP_NONE, OVERLAP_DRAIN, OVERLAP_LOAD, OVERLAP_PIPELINED = range(4)
# Of log[., fold]: begin of its load stall, of streaming and of draining, its end; when its values really travel and for
# how long, under the fold before if loads overlap; cycles of a vector.
BEGIN, STREAM, DRAIN, END, LOAD_BEGIN, LOAD_CYCLES, STEP_CYCLES, LOGGED = range(8)


class FoldTiming(NamedTuple):
    """Scalars of the recurrence: vectors streamed, words per cycle, slots, cycles of a drain."""

    vectors: int
    bandwidth: int
    slots: int
    drain_cycles: int
    drain_per_k_tile: bool
    overlap: int


@njit(cache=True)
def first_folds(counts, first, slots):
    """first_fold[tile + 1]: tile t has the folds first_fold[t] .. first_fold[t + 1] - 1."""
    first_fold = np.zeros(counts.shape[0] + 1, np.int64)
    for tile in range(counts.shape[0]):
        first_fold[tile + 1] = first_fold[tile] + (_end(counts[tile], first[tile]) + slots - 1) // slots
    return first_fold


@njit(cache=True)
def _end(counts, first):
    """The position behind the last value of a tile, counts and first [row]."""
    end = np.int64(0)
    for row in range(len(counts)):
        if counts[row] > 0:
            end = max(end, first[row] + counts[row])
    return end


@njit(cache=True)
def fill_folds(counts, first, slots, width, first_fold):
    """Values of each fold, the totals [clusters, segments, rows that have values], and how many folds fill each slot
    up to the last one that any does.

    A cluster is what one row has in one fold, a segment what it has in one Flex-DPE of `width` multipliers.
    """
    ends = np.int64(0)
    for tile in range(counts.shape[0]):
        if first_fold[tile + 1] > first_fold[tile]:
            ends = max(ends, _end(counts[tile], first[tile]))
    change = np.zeros(min(ends, slots) + 1, np.int32)  # at each slot, of the folds that fill it
    values, totals = np.zeros(first_fold[-1], np.int64), np.zeros(3, np.int64)
    present = np.zeros(counts.shape[1], np.bool_)
    for tile in range(counts.shape[0]):
        for row in range(counts.shape[1]):
            low = first[tile, row]
            end = low + counts[tile, row]
            if end == low:
                continue
            present[row] = True
            totals[1] += (end - 1) // width - low // width + 1
            while low < end:
                fold = low // slots
                high = min(end, (fold + 1) * slots)
                values[first_fold[tile] + fold] += high - low
                totals[0] += 1
                change[low - fold * slots] += 1
                change[high - fold * slots] -= 1
                low = high
    totals[2] = present.sum()
    return values, totals, np.cumsum(change[:-1])


@njit(inline="always")
def _forget(mask, touched):
    """Set bits of mask[word] in the touched range, which is cleared."""
    bits = np.int64(0)
    for w in range(touched[0], touched[1]):
        bits += popcount(mask[w])
        mask[w] = uint64(0)
    touched[0], touched[1] = len(mask), 0
    return bits


@njit(inline="always")
def _streamed(mask, touched, first_word, stream_counts):
    """Streaming non-zeros at the set k of mask[word] in the touched range."""
    total = np.int64(0)
    for w in range(touched[0], touched[1]):
        word = mask[w]
        while word:
            lowest = word & (~word + uint64(1))
            total += stream_counts[(first_word + w) * 64 + popcount(lowest - uint64(1))]
            word ^= lowest
    return total


@njit(inline="always")
def _mark(mask, touched, w, bits):
    mask[w] |= bits
    touched[0] = min(touched[0], w)
    touched[1] = max(touched[1], w + 1)


@njit(cache=True)
def walk_sources(packed, live, first, slots, dpe_width, tile_width, first_fold, stream_counts):
    """What the multipliers listen to: distinct k of each fold, and the totals [distinct k over all Flex-DPEs of all
    folds, streaming non-zeros at the distinct k of all folds].

    packed[row, word] and live[word]: stationary bitmap and k that count; first[tile, row]: as placed by the policy;
    stream_counts[k]: non-zeros of the streaming matrix.
    """
    per_word = max(1, 64 // tile_width)
    words = max(1, min(packed.shape[1], tile_width // 64 + (tile_width % 64 != 0)))
    whole = ~uint64(0) if tile_width >= 64 else (uint64(1) << uint64(tile_width)) - uint64(1)
    distinct, totals = np.zeros(first_fold[-1], np.int64), np.zeros(2, np.int64)
    fold_mask, dpe_mask = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    fold_range, dpe_range = np.array([words, 0]), np.array([words, 0])
    for tile in range(len(first_fold) - 1):
        if first_fold[tile + 1] == first_fold[tile]:
            continue
        low_word = tile // per_word * words
        window = whole << uint64(tile % per_word * tile_width)
        fold, dpe = np.int64(0), np.int64(0)
        for row in range(packed.shape[0]):
            position = first[tile, row]
            for w in range(min(words, packed.shape[1] - low_word)):
                rest = packed[row, low_word + w] & live[low_word + w] & window
                while rest:
                    if position // dpe_width != dpe:
                        totals[0] += _forget(dpe_mask, dpe_range)
                        dpe = position // dpe_width
                    if position // slots != fold:
                        totals[1] += _streamed(fold_mask, fold_range, low_word, stream_counts)
                        distinct[first_fold[tile] + fold] = _forget(fold_mask, fold_range)
                        fold = position // slots
                    room, size = dpe_width - position % dpe_width, popcount(rest)
                    bits = rest if size <= room else lowest_bits(rest, room)
                    _mark(dpe_mask, dpe_range, w, bits)
                    _mark(fold_mask, fold_range, w, bits)
                    position += min(size, room)
                    rest ^= bits
        totals[0] += _forget(dpe_mask, dpe_range)
        totals[1] += _streamed(fold_mask, fold_range, low_word, stream_counts)
        distinct[first_fold[tile] + fold] = _forget(fold_mask, fold_range)
    return distinct, totals


@njit(cache=True)
def run_folds(values, sent, timing, log=None):
    """Cycles of [load, streaming steps, waits for bandwidth, drain] over all folds; and all cycles of each fold.

    values[fold]: stationary' values; sent[fold]: words of a streamed vector that the bandwidth bounds (0: unbounded).
    log [LOGGED, fold]: filled with the times of each fold, for timelines.
    """
    out, fold_cycles = np.zeros(4, np.int64), np.empty(len(values), np.int64)
    placed, drain, streaming, time = np.int64(0), np.int64(0), np.int64(0), np.int64(0)  # of the fold before
    for f in range(len(values)):
        loading = (values[f] + timing.bandwidth - 1) // timing.bandwidth
        hidden = np.int64(0)
        if f > 0 and (timing.overlap == OVERLAP_DRAIN or timing.overlap == OVERLAP_LOAD):
            hidden = drain + (streaming if timing.overlap == OVERLAP_LOAD else 0)
        load = max(np.int64(0), loading - hidden)
        step = max(np.int64(1), (sent[f] + timing.bandwidth - 1) // timing.bandwidth)
        streaming = timing.vectors * step
        fills = (placed + values[f]) // timing.slots > placed // timing.slots
        drains = f == len(values) - 1 or (timing.overlap != OVERLAP_PIPELINED and (timing.drain_per_k_tile or fills))
        drain = np.int64(timing.drain_cycles if drains else 0)
        placed += values[f]
        out[0] += load
        out[1] += timing.vectors
        out[2] += streaming - timing.vectors
        out[3] += drain
        fold_cycles[f] = load + streaming + drain
        if log is not None:
            log[BEGIN, f], log[STREAM, f], log[DRAIN, f] = time, time + load, time + load + streaming
            log[END, f] = time + fold_cycles[f]
            log[LOAD_BEGIN, f], log[LOAD_CYCLES, f], log[STEP_CYCLES, f] = time - hidden, loading, step
        time += fold_cycles[f]
    return out, fold_cycles
