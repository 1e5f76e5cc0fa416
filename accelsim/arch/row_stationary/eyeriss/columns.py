"""Weight columns of a filter tile: what compression leaves of each [rules page, Compressed data].

Neutral between the engines: whether a mapping is legal depends on these counts, and so does the mapper's choice.
"""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.shape import shape_of, weight_mask
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class WeightColumns(NamedTuple):
    """Non-zeros and entries (placeholders too) of every column, uint8 [group, filter tile, channel, row, tap]."""

    nonzeros: np.ndarray
    entries: np.ndarray


def columns_of(layer: Layer, m0: int, count_bits: int) -> WeightColumns:
    """The columns of tiles of m0 filters; kept for the next design point on the same layer."""
    def make() -> WeightColumns:
        shape = shape_of(layer)
        mask = derived(layer, "eyeriss weights", lambda: weight_mask(layer, shape)).view(np.uint8)
        nonzeros = _nonzeros(mask, m0)
        return WeightColumns(nonzeros, nonzeros if m0 <= 1 << count_bits else
                             nonzeros + _placeholders(mask, m0, count_bits))

    return derived(layer, ("eyeriss columns", m0, count_bits), make)


def words_of(layer: Layer, m0: int, count_bits: int, macs_per_pe: int) -> np.ndarray:
    """Words of every compressed column, uint8 as the columns are; kept like them."""
    def make() -> np.ndarray:
        entries = columns_of(layer, m0, count_bits).entries
        words = entries // np.uint8(macs_per_pe)
        words += words * np.uint8(macs_per_pe) != entries
        return words

    return derived(layer, ("eyeriss words", m0, count_bits, macs_per_pe), make)


def tile_words(layer: Layer, tile: tuple[int, int, int], count_bits: int, macs_per_pe: int) -> np.ndarray:
    """Words of every weight tile of (m0, c0, s0), int64 [group, filter tile, strip]."""
    m0, c0, s0 = tile
    before = derived(layer, ("eyeriss words before", m0, count_bits, macs_per_pe), lambda: _sums_up_to_channel(
        words_of(layer, m0, count_bits, macs_per_pe)))
    channels, *_, taps = before.shape
    ends = np.minimum(np.arange(c0, channels + c0, c0), channels) - 1
    blocks = before[ends]
    blocks[1:] -= before[ends[:-1]]
    words = np.zeros((*blocks.shape[:-1], -(-taps // s0)), np.int64)
    for tap in range(taps):
        words[..., tap // s0] += blocks[..., tap]
    by_group = words.transpose(1, 2, 0, 3, 4)
    return np.ascontiguousarray(by_group).reshape(*by_group.shape[:2], -1)


def _sums_up_to_channel(words: np.ndarray) -> np.ndarray:
    """int32 [channel, group, filter tile, row, tap] of words [group, filter tile, channel, row, tap]."""
    by_channel = np.ascontiguousarray(words.transpose(2, 0, 1, 3, 4), dtype=np.int32)
    return np.cumsum(by_channel, axis=0, out=by_channel)


def _nonzeros(mask: np.ndarray, m0: int) -> np.ndarray:
    """Sums of m0 neighbouring filters of `mask` [group, filter, ...], the last tile clipped."""
    nonzeros = np.zeros((len(mask), -(-mask.shape[1] // m0), *mask.shape[2:]), np.uint8)
    for place in range(min(m0, mask.shape[1])):
        filters = mask[:, place::m0]
        nonzeros[:, :filters.shape[1]] += filters
    return nonzeros


def _placeholders(mask: np.ndarray, m0: int, count_bits: int) -> np.ndarray:
    """Entries that stand for 2^count_bits zeros each, before a non-zero that a count alone does not reach."""
    found = np.zeros((len(mask), -(-mask.shape[1] // m0), *mask.shape[2:]), np.uint8)
    seen = np.zeros_like(found)  # the place behind the last non-zero
    for place in range(min(m0, mask.shape[1])):
        filters = mask[:, place::m0]
        tiles = slice(filters.shape[1])
        if place >= 1 << count_bits:
            found[:, tiles] += ((np.uint8(place) - seen[:, tiles]) >> np.uint8(count_bits)) * filters
        seen[:, tiles] = np.maximum(seen[:, tiles], filters * np.uint8(place + 1))
    return found
