"""What SIGMA does when: load, streaming and drain of every fold, Flex-DPE by Flex-DPE.

All Flex-DPEs go through a fold together; what their multipliers do while vectors stream depends on which values each
holds, and is told by slot-cycles. Rules: docs/machines/sigma.md, "Time" and "Where every slot-cycle goes".
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import uint64

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.flexible.sigma.fast import kernel
from accelsim.arch.flexible.sigma.fast.engine import PlacedGemm, Side
from accelsim.arch.machine import Policy
from accelsim.recurrences.bits import popcount
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import kept_products

BUSY, STREAMED_ZERO, UNFILLED, BANDWIDTH, LOAD, DRAIN, STREAM, LOAD_PATH = range(8)
CHUNK_CELLS = 1 << 16  # folds x Flex-DPEs of one chunk: bounds memory
LABELS = ("gemm", "fold", "values", "vectors", "step cycles")
HIDES = ("drain", "load")  # overlaps under which a load goes its own way


class Folds(NamedTuple):
    """Times of a GEMM's folds [fold]: begin (of its load stall), stream, drain and end; load_begin, load_cycles: when
    its values really travel, under the fold before if loads overlap; step_cycles of a vector.
    """

    begin: np.ndarray
    stream: np.ndarray
    drain: np.ndarray
    end: np.ndarray
    load_begin: np.ndarray
    load_cycles: np.ndarray
    step_cycles: np.ndarray


def events(layer: Layer, config: SigmaConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: Flex-DPEs; and the load path where loads overlap with other work."""
    slots = np.full(config.flex_dpes, config.multipliers_per_dpe, np.int64)
    return Activity([f"Flex-DPE {dpe}" for dpe in range(config.flex_dpes)], slots, ("stream", "load values"), LABELS,
                    _chunks(layer, config, policy, window), others=("load path",) if config.overlap in HIDES else ())


def _chunks(layer: Layer, config: SigmaConfig, policy: Policy, window: Window) -> Iterator[Chunk]:
    time = 0
    for index, product in enumerate(kept_products(layer)):
        gemm = PlacedGemm(layer, index, product, config, policy)
        side = gemm.chosen_side()
        cycles = int(side.cycles.sum())
        if window.meets(time, time + cycles):
            folds = _times(gemm, side, time)
            at_once = max(1, CHUNK_CELLS // config.flex_dpes)
            for low in range(0, len(folds.begin), at_once):
                high = min(len(folds.begin), low + at_once)
                if window.meets(int(folds.begin[low]), int(folds.end[high - 1])):
                    yield _folds(gemm, side, folds, low, high)
        time += cycles


def _times(gemm: PlacedGemm, side: Side, begin: int) -> Folds:
    """The folds of a GEMM that begins at `begin`."""
    values, sent, timing = gemm.folds(side.name)
    log = np.empty((kernel.LOGGED, len(values)), np.int64)
    kernel.run_folds(values, sent, timing, log)
    log[:kernel.LOAD_CYCLES] += begin
    return Folds(*log)


def _folds(gemm: PlacedGemm, side: Side, folds: Folds, low: int, high: int) -> Chunk:
    """The folds low .. high - 1 of those that have values."""
    config, placement, vectors = gemm.config, side.placement, side.vectors
    numbers = np.flatnonzero(placement.values > 0)[low:high]
    span = (int(numbers[0]), int(numbers[-1]) + 1)
    values, macs = (np.zeros((span[1] - span[0], config.flex_dpes), np.int64) for _ in range(2))
    packed, per_k = gemm.operands(side.name)
    count_by_dpe(packed, per_k, placement, (config.slots, config.multipliers_per_dpe, gemm.tile_width), span, values,
                 macs)
    held, effectual = (counts[numbers - span[0]].ravel() for counts in (values, macs))
    own, dpes = Folds(*(times[low:high] for times in folds)), config.flex_dpes
    fold = np.repeat(np.arange(high - low), dpes)
    dpe, step = np.tile(np.arange(dpes), high - low), own.step_cycles[fold]
    filled, width = held * vectors, config.multipliers_per_dpe
    parts = np.zeros((len(fold), DRAIN + 1), np.int64)
    parts[:, BUSY], parts[:, STREAMED_ZERO] = effectual, filled - effectual
    parts[:, UNFILLED], parts[:, BANDWIDTH] = width * vectors - filled, width * vectors * (step - 1)
    labels = np.column_stack([np.full(len(fold), gemm.index), numbers[fold], held, np.full(len(fold), vectors), step])
    slices = [np.column_stack([dpe, np.full(len(fold), name), begin[fold], end[fold]]) for name, begin, end in (
        (LOAD, own.begin, own.stream), (STREAM, own.stream, own.drain), (DRAIN, own.drain, own.end))]
    rows, tags, pieces = np.concatenate(slices), np.tile(labels, (3, 1)), np.tile(parts, (3, 1))
    if config.overlap in HIDES:
        first = np.arange(high - low) * dpes
        path = np.column_stack([np.full(high - low, dpes), np.full(high - low, LOAD_PATH), own.load_begin,
                                own.load_begin + own.load_cycles])
        tag = labels[first].copy()
        tag[:, 2] = held.reshape(-1, dpes).sum(axis=1)
        rows, tags, pieces = np.concatenate([rows, path]), np.concatenate([tags, tag]), np.concatenate(
            [pieces, np.zeros((high - low, DRAIN + 1), np.int64)])
    kept = rows[:, 3] > rows[:, 2]
    until = int(folds.load_begin[high]) if high < len(folds.begin) else int(folds.end[-1])
    return Chunk(rows[kept], tags[kept], min(until, int(own.end[-1])), pieces[kept])


@njit(cache=True)
def count_by_dpe(packed, stream_counts, placement, widths, span, values, macs):
    """Fills values and macs [fold, Flex-DPE] of the folds span[0] .. span[1] - 1: what each holds, and products of two
    non-zeros. widths: slots, multipliers of a Flex-DPE, k of a tile.
    """
    slots, dpe_width, tile_width = widths
    per_word = max(1, 64 // tile_width)
    words = max(1, min(packed.shape[1], tile_width // 64 + (tile_width % 64 != 0)))
    whole = ~uint64(0) if tile_width >= 64 else (uint64(1) << uint64(tile_width)) - uint64(1)
    for tile in range(len(placement.first_fold) - 1):
        fold_0 = placement.first_fold[tile]
        if placement.first_fold[tile + 1] <= span[0] or fold_0 >= span[1]:
            continue
        low_word = tile // per_word * words
        window = whole << uint64(tile % per_word * tile_width)
        for row in range(packed.shape[0]):
            position = placement.first[tile, row]
            for w in range(low_word, min(low_word + words, packed.shape[1])):
                rest = packed[row, w] & placement.live[w] & window
                while rest:
                    lowest = rest & (~rest + uint64(1))
                    rest ^= lowest
                    fold = fold_0 + position // slots - span[0]
                    if 0 <= fold < len(values):
                        dpe = position % slots // dpe_width
                        values[fold, dpe] += 1
                        macs[fold, dpe] += stream_counts[w * 64 + popcount(lowest - uint64(1))]
                    position += 1
