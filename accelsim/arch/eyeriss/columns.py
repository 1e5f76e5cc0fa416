"""Weight columns of a filter tile: what compression leaves of each [rules page, Compressed data]."""

import numpy as np
from numba import njit

from accelsim.arch.eyeriss.shape import Shape, shape_of, weight_mask
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


def columns_of(layer: Layer, m0: int, count_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """(non-zeros, entries) of every column, uint8 [group, filter tile, row, tap, channel]; entries hold placeholders.

    Kept for the next design point on the same layer.
    """
    def make() -> tuple[np.ndarray, np.ndarray]:
        shape: Shape = shape_of(layer)
        flat = weight_mask(layer, shape).reshape(shape.groups, shape.filters, -1)
        pair = count_columns(flat, m0, 1 << count_bits)
        axes = (*pair[0].shape[:2], shape.channels, shape.rows, shape.taps)
        return tuple(np.ascontiguousarray(one.reshape(axes).transpose(0, 1, 3, 4, 2)) for one in pair)  # type: ignore

    return derived(layer, ("eyeriss columns", m0, count_bits), make)


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


@njit(cache=True)
def tile_words(entries, c0, s0, macs_per_pe):
    """words int64 [group, filter tile, strip] of entries uint8 [group, filter tile, row, tap, channel]."""
    groups, tiles, rows, taps, channels = entries.shape
    tap_blocks, channel_blocks = -(-taps // s0), -(-channels // c0)
    words = np.zeros((groups, tiles, channel_blocks * rows * tap_blocks), np.int64)
    for g in range(groups):
        for t in range(tiles):
            for r in range(rows):
                for s in range(taps):
                    for k in range(channel_blocks):
                        total = 0
                        for c in range(k * c0, min(channels, (k + 1) * c0)):
                            total += (np.int64(entries[g, t, r, s, c]) + macs_per_pe - 1) // macs_per_pe
                        words[g, t, (k * rows + r) * tap_blocks + s // s0] += total
    return words
