"""Compressed weight blocks: the weights of one output-channel group, input channel and stride phase."""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.planar.shared.fast.convolution import PatternConvolution


class WeightBlocks(NamedTuple):
    """starts, counts [output-channel group, channel, phase]: where a block's entries are; filters, taps [entries], both
    -1 for a placeholder. entries_max: entries of the largest block.
    """

    starts: np.ndarray
    counts: np.ndarray
    filters: np.ndarray
    taps: np.ndarray
    entries_max: int


class BlockOrder(NamedTuple):
    """Output-channel groups of `kc` filters; taps [tap] phase by phase, those of a phase from tap_begins[phase] on;
    whether taps or filters are the outer loop of a block."""

    kc: int
    conv_groups: int
    taps: np.ndarray
    tap_begins: np.ndarray
    taps_outer: bool


def lower_weights(conv: PatternConvolution, kc: int, taps_outer: bool, index_bits: int) -> WeightBlocks:
    """The weight blocks of every output-channel group of `kc` filters."""
    phases = conv.rows.stride * conv.cols.stride
    tap_phase = (conv.rows.tap_phases[:, None] * conv.cols.stride + conv.cols.tap_phases).reshape(-1)
    order = BlockOrder(kc, conv.groups, np.argsort(tap_phase, kind="stable"),
                       np.searchsorted(np.sort(tap_phase), np.arange(phases + 1)), taps_outer)
    pattern = conv.weight.reshape(conv.filters, conv.weight.shape[1], -1)
    room = np.count_nonzero(pattern) + (pattern.size >> index_bits if index_bits else 0) + 1
    filters, taps = (np.empty(room, np.int32) for _ in range(2))
    counts = np.zeros((-(-conv.filters // kc), conv.channels, phases), np.int64)
    used = _write_blocks(pattern, order, (1 << index_bits) - 1 if index_bits else 1 << 60, counts, filters, taps)
    starts = (np.cumsum(counts) - counts.reshape(-1)).reshape(counts.shape)
    return WeightBlocks(starts, counts, filters[:used].copy(), taps[:used].copy(), int(counts.max()))


@njit(cache=True, nogil=True)
def _write_blocks(pattern, order, longest_run, counts, filters, taps):
    """Fills counts, and filters and taps of pattern [filter, channel of its conv group, tap]; returns the entries."""
    groups, channels, phases = counts.shape
    depth, per_group = pattern.shape[1], pattern.shape[0] // order.conv_groups
    at = 0
    for group in range(groups):
        for channel in range(channels):
            conv_group = channel // depth
            inner = channel - conv_group * depth
            low = max(group * order.kc, conv_group * per_group)
            met = max(0, min((group + 1) * order.kc, (conv_group + 1) * per_group, pattern.shape[0]) - low)
            for phase in range(phases if met else 0):
                begin, gap, first_tap = at, 0, order.tap_begins[phase]
                own_taps = order.tap_begins[phase + 1] - first_tap
                for outer in range(own_taps if order.taps_outer else met):
                    for innermost in range(met if order.taps_outer else own_taps):
                        filter_ = low + (innermost if order.taps_outer else outer)
                        tap = order.taps[first_tap + (outer if order.taps_outer else innermost)]
                        nonzero = pattern[filter_, inner, tap]
                        while nonzero and gap > longest_run:
                            filters[at], taps[at] = -1, -1
                            at += 1
                            gap -= longest_run + 1
                        filters[at], taps[at] = filter_, tap  # stays if it is not overwritten
                        at += nonzero
                        gap = 0 if nonzero else gap + 1
                counts[group, channel, phase] = at - begin
    return at
