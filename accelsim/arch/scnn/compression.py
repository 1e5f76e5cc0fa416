"""Compressed blocks: the entries that zero runs and placeholders leave of activation and weight blocks.

Two passes each: `count_*` says how many entries every block has, `fill_*` writes them. A block's entries are
contiguous; a placeholder is written as -1.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def count_activations(pattern, rows, cols, row_phase, col_phase, strides, index_bits, counts):
    """counts[channel, phase, image, row piece, col piece, tile row, tile col] of activation [image, channel, h, w].

    rows, cols [tile, piece, 2]: begin and end of each piece.
    """
    nowhere = np.zeros(0, np.int32)
    point = np.zeros((1, 1), np.int32)
    for image, channel in np.ndindex(pattern.shape[0], pattern.shape[1]):
        plane = pattern[image, channel]
        for i, u, j, v in np.ndindex(rows.shape[0], rows.shape[1], cols.shape[0], cols.shape[1]):
            for a, b in np.ndindex(strides[0], strides[1]):
                counts[channel, a * strides[1] + b, image, u, v, i, j] = _activation_block(
                    plane, rows[i, u], cols[j, v], row_phase, col_phase, a, b, strides, index_bits, point, nowhere, 0)


@njit(cache=True)
def fill_activations(pattern, rows, cols, row_phase, col_phase, strides, index_bits, starts, landing, entries):
    """Writes landing[h, w] of each non-zero to `entries`; `starts` has the shape of `counts` above."""
    for image, channel in np.ndindex(pattern.shape[0], pattern.shape[1]):
        plane = pattern[image, channel]
        for i, u, j, v in np.ndindex(rows.shape[0], rows.shape[1], cols.shape[0], cols.shape[1]):
            for a, b in np.ndindex(strides[0], strides[1]):
                _activation_block(plane, rows[i, u], cols[j, v], row_phase, col_phase, a, b, strides, index_bits,
                                  landing, entries, starts[channel, a * strides[1] + b, image, u, v, i, j])


@njit(cache=True)
def _activation_block(plane, rows, cols, row_phase, col_phase, a, b, strides, index_bits, landing, entries, start):
    run = np.int64(1) << index_bits  # zeros and value that one placeholder stands for
    at, gap = np.int64(start), np.int64(0)
    write = entries.size > 0
    for h in range(_first(rows, row_phase, a), rows[1], strides[0]):
        for w in range(_first(cols, col_phase, b), cols[1], strides[1]):
            if not plane[h, w]:
                gap += 1
                continue
            while index_bits > 0 and gap > run - 1:
                if write:
                    entries[at] = -1
                at += 1
                gap -= run
            if write:
                entries[at] = landing[h, w]
            at += 1
            gap = 0
    return at - start


@njit(cache=True)
def _first(bounds, phases, phase):
    """The first position of `phase` in bounds[0] .. bounds[1] - 1, or bounds[1]."""
    for position in range(bounds[0], bounds[1]):
        if phases[position] == phase:
            return position
    return bounds[1]


@njit(cache=True)
def count_weights(pattern, kc, groups, tap_phase, taps_outer, index_bits, counts):
    """counts[output-channel group, channel, phase] of weight [filter, channel of its conv group, tap]."""
    nowhere = np.zeros(0, np.int32)
    for group, channel, phase in np.ndindex(counts.shape):
        counts[group, channel, phase] = _weight_block(pattern, kc, groups, group, channel, phase, tap_phase,
                                                      taps_outer, index_bits, nowhere, nowhere, 0)


@njit(cache=True)
def fill_weights(pattern, kc, groups, tap_phase, taps_outer, index_bits, starts, filters, taps):
    """Writes each entry's filter and tap (-1, -1 for a placeholder); `starts` has the shape of `counts` above."""
    for group, channel, phase in np.ndindex(starts.shape):
        _weight_block(pattern, kc, groups, group, channel, phase, tap_phase, taps_outer, index_bits, filters, taps,
                      starts[group, channel, phase])


@njit(cache=True)
def _weight_block(pattern, kc, groups, group, channel, phase, tap_phase, taps_outer, index_bits, filters, taps, start):
    per_group_filters, per_group_channels = pattern.shape[0] // groups, pattern.shape[1]
    conv_group = channel // per_group_channels
    low = max(group * kc, conv_group * per_group_filters)
    high = min(pattern.shape[0], (group + 1) * kc, (conv_group + 1) * per_group_filters)
    inner = channel - conv_group * per_group_channels
    run = np.int64(1) << index_bits
    at, gap = np.int64(start), np.int64(0)
    write = filters.size > 0
    outer_size, inner_size = (tap_phase.size, high - low) if taps_outer else (high - low, tap_phase.size)
    for outer in range(outer_size):
        for innermost in range(inner_size):
            tap = outer if taps_outer else innermost
            filter_ = low + (innermost if taps_outer else outer)
            if tap_phase[tap] != phase:
                continue
            if not pattern[filter_, inner, tap]:
                gap += 1
                continue
            while index_bits > 0 and gap > run - 1:
                if write:
                    filters[at] = -1
                    taps[at] = -1
                at += 1
                gap -= run
            if write:
                filters[at] = filter_
                taps[at] = tap
            at += 1
            gap = 0
    return at - start
