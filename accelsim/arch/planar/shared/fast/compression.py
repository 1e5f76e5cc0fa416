"""Compressed blocks: the entries that zero runs and placeholders leave of activation and weight blocks.

Two passes each: `count_*` says how many entries every block has, `fill_*` writes them. A block's entries are
contiguous; a placeholder is written as -1.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class BlockGeometry(NamedTuple):
    """Where activation blocks lie: rows, cols [tile, piece, 2] hold the begin and end of each piece, row_phases [h] and
    col_phases [w] the stride phase of each position."""

    rows: np.ndarray
    cols: np.ndarray
    row_phases: np.ndarray
    col_phases: np.ndarray
    row_stride: int
    col_stride: int


@njit(cache=True)
def count_activations(pattern, geometry, index_bits, counts):
    """counts[channel, phase, image, row piece, col piece, tile row, tile col] of pattern [image, channel, h, w]."""
    nowhere = np.zeros(0, np.int32)
    point = np.zeros((1, 1), np.int32)
    _each_activation_block(pattern, geometry, index_bits, counts, counts, point, nowhere)


@njit(cache=True)
def fill_activations(pattern, geometry, index_bits, starts, landing, entries):
    """Writes landing[h, w] of each non-zero to `entries`; `starts` has the shape of `counts` above."""
    ignored = np.zeros_like(starts)
    _each_activation_block(pattern, geometry, index_bits, starts, ignored, landing, entries)


@njit(cache=True)
def _each_activation_block(pattern, geometry, index_bits, starts, counts, landing, entries):
    channels, phases, images, row_pieces, col_pieces, tile_rows, tile_cols = starts.shape
    for image in range(images):
        for channel in range(channels):
            for u, v, i, j, phase in np.ndindex((row_pieces, col_pieces, tile_rows, tile_cols, phases)):
                counts[channel, phase, image, u, v, i, j] = _activation_block(
                    pattern[image, channel], geometry.rows[i, u], geometry.cols[j, v], phase, geometry, index_bits,
                    landing, entries, starts[channel, phase, image, u, v, i, j])


@njit(cache=True)
def _activation_block(plane, rows, cols, phase, geometry, index_bits, landing, entries, start):
    run = np.int64(1) << index_bits  # positions that one placeholder stands for, its own among them
    at, gap = start, 0
    write = entries.size > 0
    first_col = _first(cols, geometry.col_phases, phase % geometry.col_stride)
    for h in range(_first(rows, geometry.row_phases, phase // geometry.col_stride), rows[1], geometry.row_stride):
        for w in range(first_col, cols[1], geometry.col_stride):
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


class WeightGeometry(NamedTuple):
    """Output-channel groups of `kc` filters, conv groups, and the stride phase of each tap."""

    kc: int
    conv_groups: int
    tap_phases: np.ndarray
    taps_outer: bool


@njit(cache=True)
def count_weights(pattern, geometry, index_bits, counts):
    """counts[output-channel group, channel, phase] of pattern [filter, channel of its conv group, tap]."""
    nowhere = np.zeros(0, np.int32)
    for block in np.ndindex(counts.shape):
        counts[block] = _weight_block(pattern, block, geometry, index_bits, nowhere, nowhere, np.int64(0))


@njit(cache=True)
def fill_weights(pattern, geometry, index_bits, starts, filters, taps):
    """Writes each entry's filter and tap (-1, -1 for a placeholder); `starts` has the shape of `counts` above."""
    for block in np.ndindex(starts.shape):
        _weight_block(pattern, block, geometry, index_bits, filters, taps, starts[block])


@njit(cache=True)
def _weight_block(pattern, block, geometry, index_bits, filters, taps, start):
    group, channel, phase = block
    conv_group, inner = divmod(channel, pattern.shape[1])
    per_group = pattern.shape[0] // geometry.conv_groups
    low = max(group * geometry.kc, conv_group * per_group)
    high = min(pattern.shape[0], (group + 1) * geometry.kc, (conv_group + 1) * per_group)
    run = np.int64(1) << index_bits
    at, gap = start, 0
    write = filters.size > 0
    n_taps = geometry.tap_phases.size
    outer_size, inner_size = (n_taps, high - low) if geometry.taps_outer else (high - low, n_taps)
    for outer in range(outer_size):
        for innermost in range(inner_size):
            tap, filter_ = (outer, low + innermost) if geometry.taps_outer else (innermost, low + outer)
            if geometry.tap_phases[tap] != phase:
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
