"""Entries of compressed activation blocks: what zero runs and placeholders leave of each piece of the plane.

A block is one channel and stride phase of one piece; blocks run over (channel, phase, image, row piece, column piece,
tile row, tile column). Counting comes before planning, which asks what fits; writing comes after it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.planar.shared.fast.convolution import PatternAxis, PatternConvolution
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class AxisBlocks(NamedTuple):
    """One axis of all blocks: a block has every stride-th position from first[phase, tile, piece] to before
    end[tile, piece]."""

    first: np.ndarray
    end: np.ndarray
    stride: int


def kept_entries(layer: Layer, conv: PatternConvolution, rows: AxisPieces, cols: AxisPieces,
                 index_bits: int) -> np.ndarray:
    """`count_entries`, found again by the next design point on the same layer and pieces."""
    counts: np.ndarray = derived(layer, ("activation entries", rows.key, cols.key, index_bits),
                                 lambda: count_entries(conv, rows, cols, index_bits))
    return counts


def count_entries(conv: PatternConvolution, rows: AxisPieces, cols: AxisPieces, index_bits: int) -> np.ndarray:
    """Entries of all activation blocks, int32 [channel, phase, image, row piece, col piece, tile row, tile col]."""
    counts = np.zeros((conv.channels, conv.rows.stride * conv.cols.stride, conv.images, rows.splits, cols.splits,
                       *(len(pieces.begin) for pieces in (rows, cols))), np.int32)
    _each_block(conv.activation, _blocks(conv.rows, rows), _blocks(conv.cols, cols), _longest_run(index_bits), counts)
    return counts


def write_entries(conv: PatternConvolution, rows: AxisPieces, cols: AxisPieces, index_bits: int, counts: np.ndarray,
                  names: np.ndarray) -> np.ndarray:
    """The entries of the blocks that `counts` counts, one block after the other, uint32.

    names [h, w]: what an entry of this position is called, above 0; a placeholder is called 0.
    """
    entries = np.empty(int(counts.sum()) + 1, np.uint32)
    _each_block(conv.activation, _blocks(conv.rows, rows), _blocks(conv.cols, cols), _longest_run(index_bits),
                np.empty_like(counts), names.astype(np.uint32), entries)
    return entries[:-1]


def _blocks(axis: PatternAxis, pieces: AxisPieces) -> AxisBlocks:
    phases = np.arange(axis.stride)[:, None, None]
    return AxisBlocks(pieces.begin + (phases - pieces.begin - axis.padding) % axis.stride, pieces.end, axis.stride)


def _longest_run(index_bits: int) -> int:
    """Zeros before an entry without a placeholder."""
    return (1 << index_bits) - 1 if index_bits else 1 << 60


@njit(cache=True, nogil=True)
def _each_block(pattern, rows, cols, longest_run, counts, names=None, entries=None):
    """Fills counts; with names, also writes the entries, of which there is room for one more than there are."""
    channels, phases, images, row_pieces, col_pieces, tile_rows, tile_cols = counts.shape
    at = 0
    for channel in range(channels):
        for phase in range(phases):
            a, b = phase // cols.stride, phase % cols.stride
            for image in range(images):
                plane = pattern[image, channel]
                for u, v, i, j in np.ndindex((row_pieces, col_pieces, tile_rows, tile_cols)):
                    begin, gap = at, 0
                    for h in range(rows.first[a, i, u], rows.end[i, u], rows.stride):
                        for w in range(cols.first[b, j, v], cols.end[j, v], cols.stride):
                            nonzero = plane[h, w]
                            while nonzero and gap > longest_run:
                                if entries is not None:
                                    entries[at] = 0
                                at += 1
                                gap -= longest_run + 1
                            if entries is not None:
                                entries[at] = names[h, w]  # stays if it is not overwritten
                            at += nonzero
                            gap = 0 if nonzero else gap + 1
                    counts[channel, phase, image, u, v, i, j] = at - begin
