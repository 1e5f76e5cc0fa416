"""Iact streams counted, and weight columns packed: the scans of the data before the kernel."""

import numpy as np
from numba import njit


@njit(cache=True)
def pack(nonzeros, entries, macs_per_pe):
    """int64 of the same shape: words | entries << 8 | non-zeros << 36."""
    packed = np.empty(nonzeros.size, np.int64)
    few, many = nonzeros.reshape(-1), entries.reshape(-1)
    words = np.array([-(-n // macs_per_pe) for n in range(256)], np.int64)
    for i in range(packed.size):
        packed[i] = words[many[i]] | (np.int64(many[i]) << 8) | (np.int64(few[i]) << 36)
    return packed.reshape(nonzeros.shape)


@njit(cache=True)
def count_nonzeros(iacts, touched, c0):
    """int64 [group, channel block, tap block, image, row] of iacts [group, image, row, column, channel]."""
    groups, images, height, width, channels = iacts.shape
    blocks = -(-channels // c0)
    found = np.zeros((groups, blocks, touched.shape[0], images, height), np.int64)
    for g in range(groups):
        for n in range(images):
            for y in range(height):
                for x in range(width):
                    for k in range(blocks):
                        total = 0
                        for c in range(k * c0, min(channels, (k + 1) * c0)):
                            total += iacts[g, n, y, x, c]
                        for b in range(touched.shape[0]):
                            if touched[b, x]:
                                found[g, k, b, n, y] += total
    return found


@njit(cache=True)
def count_runs(iacts, touched, c0, reach):
    """Entries of the run-length code of every stream, shaped as in `count_nonzeros`; a placeholder is `reach` zeros."""
    groups, images, height, width, channels = iacts.shape
    blocks = -(-channels // c0)
    found = np.zeros((groups, blocks, touched.shape[0], images, height), np.int64)
    for g in range(groups):
        for k in range(blocks):
            for b in range(touched.shape[0]):
                for n in range(images):
                    for y in range(height):
                        gap, total = 0, 0
                        for x in range(width):
                            if touched[b, x]:
                                for c in range(k * c0, min(channels, (k + 1) * c0)):
                                    if iacts[g, n, y, x, c]:
                                        total += 1 + gap // reach
                                        gap = 0
                                    else:
                                        gap += 1
                        found[g, k, b, n, y] = total
    return found


@njit(cache=True)
def count_met(iacts, shape):
    """int32 [group, image, row, tap, channel]: non-zero inputs of a row that a tap meets over all output columns."""
    groups, images, height, width, channels = iacts.shape
    met = np.zeros((groups, images, height, shape.taps, channels), np.int32)
    for g in range(groups):
        for n in range(images):
            for y in range(height):
                for s in range(shape.taps):
                    row = met[g, n, y, s]
                    for q in range(shape.out_cols):
                        x = q * shape.col_stride + s * shape.col_dilation - shape.col_padding
                        if 0 <= x < width:
                            for c in range(channels):
                                row[c] += iacts[g, n, y, x, c]
    return met
