"""Weight columns of a filter tile: what compression leaves of each [rules page, Compressed data]."""

import numpy as np
from numba import njit

from accelsim.arch.row_stationary.eyeriss.shape import Shape, shape_of, weight_mask
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

BASE = 4  # filters of the tiles that larger ones are put together from


def columns_of(layer: Layer, m0: int, count_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """(non-zeros, entries) of every column, uint8 [group, filter tile, row, tap, channel]; entries hold placeholders.

    Kept for the next design point on the same layer.
    """
    def make() -> tuple[np.ndarray, np.ndarray]:
        shape: Shape = shape_of(layer)
        pair = _counted(layer, shape, m0, 1 << count_bits)
        axes = (*pair[0].shape[:2], shape.channels, shape.rows, shape.taps)
        return tuple(np.ascontiguousarray(one.reshape(axes).transpose(0, 1, 3, 4, 2)) for one in pair)  # type: ignore

    return derived(layer, ("eyeriss columns", m0, count_bits), make)


def _counted(layer: Layer, shape: Shape, m0: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """`count_columns` of the layer's weights; short tiles are put together from smaller ones, counted once."""
    flat = weight_mask(layer, shape).reshape(shape.groups, shape.filters, -1)
    if m0 > reach or m0 % BASE or m0 == BASE:
        return count_columns(flat, m0, reach)
    small = derived(layer, "eyeriss small columns", lambda: count_columns(flat, BASE, BASE)[0])
    nonzeros = fold_tiles(small, m0 // BASE)
    return nonzeros, nonzeros


@njit(cache=True)
def fold_tiles(counts, times):
    """Sums of `times` neighbouring tiles, uint8 [group, tile, column] as `counts`; the last may be of fewer."""
    groups, tiles, columns = counts.shape
    folded = np.zeros((groups, -(-tiles // times), columns), np.uint8)
    for g in range(groups):
        for t in range(tiles):
            row, part = folded[g, t // times], counts[g, t]
            for x in range(columns):
                row[x] += part[x]
    return folded


@njit(cache=True)
def count_columns(weight, m0, reach):
    """(non-zeros, entries) uint8 [group, filter tile, column] of weight bool [group, filter, column].

    reach: zeros that one placeholder stands for.
    """
    groups, filters, columns = weight.shape
    tiles = -(-filters // m0)
    nonzeros = np.zeros((groups, tiles, columns), np.uint8)
    entries = np.zeros((groups, tiles, columns), np.uint8)
    seen = np.zeros(columns, np.int16)
    short = m0 <= reach
    for g in range(groups):
        for t in range(tiles):
            row = nonzeros[g, t]
            if short:
                for m in range(t * m0, min(filters, (t + 1) * m0)):
                    for x in range(columns):
                        row[x] += weight[g, m, x]
                entries[g, t] = row
                continue
            seen[:] = 0
            for m in range(t * m0, min(filters, (t + 1) * m0)):
                place = m - t * m0
                for x in range(columns):
                    if weight[g, m, x]:
                        row[x] += 1
                        entries[g, t, x] += 1 + (place - seen[x]) // reach
                        seen[x] = place + 1
    return nonzeros, entries


def words_of(layer: Layer, m0: int, count_bits: int, macs_per_pe: int) -> np.ndarray:
    """Words of every compressed column, uint8 [group, filter tile, row, tap, channel]; kept like the columns."""
    table = (np.arange(256) + macs_per_pe - 1) // macs_per_pe
    return derived(layer, ("eyeriss words", m0, count_bits, macs_per_pe),
                   lambda: table.astype(np.uint8)[columns_of(layer, m0, count_bits)[1]])


@njit(cache=True)
def tile_words(words, c0, s0):
    """Words of every weight tile, int64 [group, filter tile, strip], from those of its columns (`words_of`)."""
    groups, tiles, rows, taps, channels = words.shape
    tap_blocks, channel_blocks = -(-taps // s0), -(-channels // c0)
    total = np.zeros((groups, tiles, channel_blocks * rows * tap_blocks), np.int64)
    for g in range(groups):
        for t in range(tiles):
            for r in range(rows):
                for s in range(taps):
                    column, strip, left = words[g, t, r, s], r * tap_blocks + s // s0, c0
                    block = np.int64(0)
                    for c in range(channels):
                        block += column[c]
                        left -= 1
                        if left == 0:
                            total[g, t, strip] += block
                            block, left = np.int64(0), c0
                            strip += rows * tap_blocks
                    if left < c0:
                        total[g, t, strip] += block
    return total
