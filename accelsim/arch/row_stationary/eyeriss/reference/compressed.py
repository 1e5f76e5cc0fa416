"""How weights and inputs travel and lie in scratchpads: compressed sparse columns, or plainly in dense mode.

Source: docs/machines/eyeriss.md, sections Compressed data and Counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.convolution import SlidingAxis


class RunLengthEntry(NamedTuple):
    """A value and how many positions before it have none."""

    skipped: int
    value: int


Word = tuple[RunLengthEntry, ...]  # what the multipliers of a PE take in one cycle; may be shorter


def run_lengths(values: Iterable[int], count_bits: int) -> list[RunLengthEntry]:
    """Non-zeros with the zeros before them, as a count of `count_bits`; longer runs get placeholders of value 0."""
    longest = 2**count_bits - 1
    entries, zeros = [], 0
    for value in values:
        if value == 0:
            zeros += 1
            continue
        while zeros > longest:
            entries.append(RunLengthEntry(longest, 0))
            zeros -= longest + 1  # the placeholder stands for a zero itself
        entries.append(RunLengthEntry(zeros, int(value)))
        zeros = 0
    return entries


@dataclass(frozen=True)
class WeightTile:
    """The weights of one strip and filter tile.

    Column tap x channels + channel is words[addresses[column]:addresses[column + 1]]. bits: on the network.
    """

    words: tuple[Word, ...]
    addresses: tuple[int, ...]
    bits: int

    @classmethod
    def of(cls, weights: np.ndarray, compressed: bool, config: EyerissConfig) -> "WeightTile":
        """From weights [filter, channel, tap]."""
        filters = len(weights)
        columns = [[int(w) for w in column] for column in weights.transpose(2, 1, 0).reshape(-1, filters)]
        if compressed:
            encoded = [run_lengths(column, config.count_bits) for column in columns]
        else:
            encoded = [[RunLengthEntry(0, value) for value in column] for column in columns]
        words: list[Word] = []
        addresses = [0]
        for entries in encoded:
            words += [tuple(entries[first:first + config.macs_per_pe])
                      for first in range(0, len(entries), config.macs_per_pe)]
            addresses.append(len(words))
        if compressed:
            bits = len(words) * config.macs_per_pe * (config.value_bits + config.count_bits)
            bits += len(columns) * config.weight_address_bits
        else:
            bits = weights.size * config.value_bits
        return cls(tuple(words), tuple(addresses), bits)


class Segment(NamedTuple):
    """The inputs that come in with one slide of the window: some columns, channels innermost."""

    columns: tuple[int, ...]
    entries: tuple[RunLengthEntry, ...]

    def decoded(self, channels: int) -> dict[tuple[int, int], int]:
        """Value by (column, channel)."""
        values, position = {}, 0
        for skipped, value in self.entries:
            position += skipped
            place, channel = divmod(position, channels)
            values[self.columns[place], channel] = value
            position += 1
        return values


@dataclass(frozen=True)
class Stream:
    """What a row primitive reads of one input row. bits: on the network; dram_bits: in DRAM.

    Window q lies in segments q to q + `reach` - 1.
    """

    segments: tuple[Segment, ...]
    reach: int
    bits: int
    dram_bits: int

    @classmethod
    def of(cls, row: np.ndarray, taps: range, cols: SlidingAxis, compressed: bool, config: EyerissConfig) -> "Stream":
        """From the inputs [channel, column] of a row and the taps that meet them."""
        touched = touched_columns(taps, cols)
        start = cols.met(0, taps[0])
        reach = (cols.met(0, taps[-1]) - start) // cols.stride + 1
        segments = []
        for first in range(start, start + (cols.outputs - 1 + reach) * cols.stride, cols.stride):
            columns = tuple(x for x in range(first, first + cols.stride) if x in touched)
            values = _in_order(row, columns)
            # never a placeholder: a legal mapping has no more inputs in a segment than a count can tell
            entries = run_lengths(values, config.count_bits) if compressed else [
                RunLengthEntry(0, value) for value in values]
            segments.append(Segment(columns, tuple(entries)))
        values = _in_order(row, sorted(touched))
        bits = len(values) * config.value_bits
        if compressed:
            addresses = cols.outputs - 1 + segments_of_window(taps, cols)
            bits = sum(value != 0 for value in values) * (config.value_bits + config.count_bits)
            bits += addresses * config.iact_address_bits
        dram_bits = bits
        if config.dram_run_bits:
            dram_bits = len(run_lengths(values, config.dram_run_bits)) * (config.value_bits + config.dram_run_bits)
        return cls(tuple(segments), reach, bits, dram_bits)


@lru_cache(maxsize=64)
def touched_columns(taps: range, cols: SlidingAxis) -> frozenset[int]:
    """The columns of the input that some window meets at one of `taps`."""
    met = (cols.met(q, tap) for q in range(cols.outputs) for tap in taps)
    return frozenset(x for x in met if 0 <= x < cols.inputs)


def segments_of_window(taps: range, cols: SlidingAxis) -> int:
    """Addresses that a window takes."""
    return -(-len(taps) // cols.stride)


def _in_order(row: np.ndarray, columns: Iterable[int]) -> list[int]:
    """Inputs of `columns`, within each one channels ascending."""
    return [int(value) for x in columns for value in row[:, x]]
