"""Compressed blocks: what the RAMs and the weight FIFOs hold, and how it becomes vectors of operands again."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

from accelsim.arch.planar.shared.reference.convolution import Phase, PhasedConvolution


class RunEntry(NamedTuple):
    """A stored value and the zeros before it. A placeholder is an entry of value zero."""

    zeros: int
    value: int


class PlacedValue(NamedTuple):
    """A decoded entry: (h, w) of an activation or (k, r, s) of a weight, and the value."""

    position: tuple[int, ...]
    value: int


class CompressedBlock(NamedTuple):
    """A compressed run of positions. The hardware derives `positions` with counters; they are not stored."""

    positions: list[tuple[int, ...]]
    entries: list[RunEntry]

    def vectors(self, length: int) -> list[list[PlacedValue]]:
        """The decoded entries in order, `length` to a vector; the last vector may be partial."""
        operands = decode(self.entries, self.positions)
        return [operands[first:first + length] for first in range(0, len(operands), length)]


def compress(values: Iterable[int], index_bits: int) -> list[RunEntry]:
    """Zero-run compression. A run too long for `index_bits` (0: none is) is broken up by zero-valued placeholders."""
    longest = 2**index_bits - 1
    entries, gap = [], 0
    for value in values:
        if value == 0:
            gap += 1
            continue
        while index_bits > 0 and gap > longest:
            entries.append(RunEntry(longest, 0))
            gap -= longest + 1  # the placeholder stands on one of the zeros
        entries.append(RunEntry(gap, value))
        gap = 0
    return entries


def decode(entries: Iterable[RunEntry], positions: Sequence[tuple[int, ...]]) -> list[PlacedValue]:
    """The operands of `entries`: each stands as many positions after the previous one as its run of zeros says."""
    operands, place = [], -1
    for zeros, value in entries:
        place += zeros + 1
        operands.append(PlacedValue(positions[place], value))
    return operands


def activation_blocks(conv: PhasedConvolution, image: int, rows: range, cols: range,
                      index_bits: int) -> dict[tuple[int, Phase], CompressedBlock]:
    """The blocks of one piece of the plane, by channel and phase, positions in row-major order."""
    blocks = {}
    for row_phase, col_phase in conv.phases():
        positions: list[tuple[int, ...]] = [(h, w) for h in rows if conv.rows.phase_of_input(h) == row_phase
                                            for w in cols if conv.cols.phase_of_input(w) == col_phase]
        for channel in range(conv.channels):
            values = (int(conv.activation[image, channel, h, w]) for h, w in positions)
            blocks[channel, (row_phase, col_phase)] = CompressedBlock(positions, compress(values, index_bits))
    return blocks


def weight_block(conv: PhasedConvolution, filters: range, channel: int, phase: Phase, order: str,
                 index_bits: int) -> CompressedBlock:
    """The weights of `filters` that a channel meets, in one phase. order: `taps_outer` (r, s, k) or `filters_outer`."""
    met = conv.met(channel, filters)
    rs = [r for r in range(conv.rows.taps) if conv.rows.phase_of_tap(r) == phase[0]]
    ss = [s for s in range(conv.cols.taps) if conv.cols.phase_of_tap(s) == phase[1]]
    positions: list[tuple[int, ...]]
    if order == "taps_outer":
        positions = [(k, r, s) for r, s, k in product(rs, ss, met)]
    else:
        positions = [(k, r, s) for k, r, s in product(met, rs, ss)]
    values = (conv.tap_weight(k, channel, r, s) for k, r, s in positions)
    return CompressedBlock(positions, compress(values, index_bits))
