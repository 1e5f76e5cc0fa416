"""From a convolution and its planes to the flat arrays the kernel reads."""

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.shared.fast import compression
from accelsim.arch.planar.shared.fast.convolution import Axis, Convolution
from accelsim.arch.planar.shared.fast.planes import AxisPieces
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

UNROUTED = -1  # a product of this class and tap falls outside the output plane, or another stride phase owns the tap


class Activations(NamedTuple):
    """Compressed activation blocks. Blocks run over (channel, phase, image, row piece, col piece, tile row, tile col).

    starts [blocks + 1]; classes [entries]: landing class within the block's phase, -1 for a placeholder.
    """

    starts: np.ndarray
    classes: np.ndarray


class Weights(NamedTuple):
    """Compressed weight blocks. starts, counts [output-channel group, channel, phase]; filters, taps [entries].

    entries_max: entries of the largest block.
    """

    starts: np.ndarray
    counts: np.ndarray
    filters: np.ndarray
    taps: np.ndarray
    entries_max: int


class Landing(NamedTuple):
    """Where products go. codes [class, tap]: position part of the bank code, UNROUTED when outside the plane.

    Classes of a phase are begins[phase] .. + sizes[phase] - 1, at most rows_max of them. filter_codes [filter]: the
    filter's part; bank_of [mixed code]: the bank of both parts put together.
    """

    codes: np.ndarray
    begins: np.ndarray
    sizes: np.ndarray
    rows_max: int
    filter_codes: np.ndarray
    bank_of: np.ndarray


class LaneShape(NamedTuple):
    """The scalars of a design and a layer that the kernel needs.

    chunk_vectors: weight vectors that all activation vectors meet before the next ones come; fifo_bounded: for want of
    FIFO entries (else for the kernel's convenience, where the order does not matter).
    """

    weight_vector: int
    activation_vector: int
    banks: int
    queue_entries: int
    chunk_vectors: int
    fifo_bounded: bool
    parts: int
    xor_hash: bool
    channel_barrier: bool


def count_entries(conv: Convolution, rows: AxisPieces, cols: AxisPieces, index_bits: int) -> np.ndarray:
    """Entries [channel, phase, image, row piece, col piece, tile row, tile col] of all activation blocks, int64."""
    counts = np.zeros((conv.channels, conv.rows.stride * conv.cols.stride, conv.images, rows.splits, cols.splits,
                       len(rows.begin), len(cols.begin)), np.int64)
    compression.count_activations(conv.activation, _block_geometry(conv, rows, cols), index_bits, counts)
    return counts


def kept_entries(layer: Layer, conv: Convolution, rows: AxisPieces, cols: AxisPieces, index_bits: int) -> np.ndarray:
    """`count_entries`, found again by the next design point on the same layer and pieces."""
    counts: np.ndarray = derived(layer, ("scnn entries", pieces_key(rows, cols), index_bits),
                                 lambda: count_entries(conv, rows, cols, index_bits))
    return counts


def pieces_key(rows: AxisPieces, cols: AxisPieces) -> Hashable:
    """What tells one cut of the plane from another."""
    return tuple((p.begin.tobytes(), p.end.tobytes(), p.splits) for p in (rows, cols))


def lower_activations(conv: Convolution, rows: AxisPieces, cols: AxisPieces, index_bits: int, counts: np.ndarray,
                      classes: np.ndarray) -> Activations:
    """The activation blocks of `counts`, each entry told by its landing class in classes [H, W]."""
    starts = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts.reshape(-1), out=starts[1:])
    entries = np.empty(starts[-1], np.int32)
    compression.fill_activations(conv.activation, _block_geometry(conv, rows, cols), index_bits,
                                 starts[:-1].reshape(counts.shape), classes, entries)
    return Activations(starts, entries)


def lower_weights(conv: Convolution, kc: int, taps_outer: bool, index_bits: int) -> Weights:
    """The weight blocks of every output-channel group of `kc` filters."""
    phases = conv.rows.stride * conv.cols.stride
    tap_phase = (conv.rows.tap_phases[:, None] * conv.cols.stride + conv.cols.tap_phases).reshape(-1)
    pattern = conv.weight.reshape(conv.filters, conv.weight.shape[1], -1)
    counts = np.zeros((-(-conv.filters // kc), conv.channels, phases), np.int64)
    geometry = compression.WeightGeometry(kc, conv.groups, tap_phase, taps_outer)
    compression.count_weights(pattern, geometry, index_bits, counts)
    starts = (np.cumsum(counts) - counts.reshape(-1)).reshape(counts.shape)
    filters, taps = (np.empty(counts.sum(), np.int32) for _ in range(2))
    compression.fill_weights(pattern, geometry, index_bits, starts, filters, taps)
    return Weights(starts, counts, filters, taps, int(counts.max()))


def lower_landing(conv: Convolution, rows: AxisPieces, cols: AxisPieces, kc: int, banks: int,
                  xor_hash: bool) -> tuple[Landing, np.ndarray]:
    """The landing classes of a layer, and the class [H, W] of each input position within its phase."""
    height, width = max(1, int(rows.extent.max())), max(1, int(cols.extent.max()))
    filters = np.arange(conv.filters)
    if xor_hash:
        row_codes = _codes(conv.rows, rows, lambda p, _: ((p & 2) << 3) | ((p & 1) << 3))
        col_codes = _codes(conv.cols, cols, lambda q, _: ((q & 2) << 3) | ((q & 1) << 2))
        filter_codes = ((filters & 4) << 2) | (filters & 3)
    else:
        row_codes = _codes(conv.rows, rows, lambda p, first: (p - first) * width % banks)
        col_codes = _codes(conv.cols, cols, lambda q, first: (q - first) % banks)
        filter_codes = filters % kc * (height * width) % banks
    codes, begins, sizes, classes = _cross(conv, row_codes, col_codes, xor_hash)
    landing = Landing(codes, begins, sizes, int(sizes.max()), filter_codes.astype(np.int32), bank_of(banks, xor_hash))
    return landing, classes


def bank_of(banks: int, xor_hash: bool) -> np.ndarray:
    """The bank of each mixed code: of five bits xor-ed, or of three positions added."""
    return (np.arange(32 if xor_hash else 3 * banks) % banks).astype(np.int32)


def _codes(axis: Axis, pieces: AxisPieces, code: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """[position, tap]: the bank code of where their product lands on this axis, or UNROUTED."""
    first = np.zeros(axis.size, np.int64)
    for begin, end, output in zip(pieces.begin.flat, pieces.end.flat, pieces.first.flat, strict=True):
        first[begin:end] = output
    reached = np.arange(axis.size)[:, None] + axis.padding - np.arange(axis.taps) * axis.dilation
    output = reached // axis.stride
    lands = (reached % axis.stride == 0) & (output >= 0) & (output < axis.out)
    return np.where(lands, code(output, first[:, None]), UNROUTED)


def _cross(conv: Convolution, row_codes: np.ndarray, col_codes: np.ndarray,
           xor_hash: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Classes of (row, column) pairs, phase by phase: codes [class, tap], begins, sizes [phase], class of [h, w]."""
    classes = np.zeros((conv.rows.size, conv.cols.size), np.int32)
    tables, sizes = [], []
    for a in range(conv.rows.stride):
        for b in range(conv.cols.stride):
            h, w = (np.flatnonzero(axis.position_phases == p) for axis, p in ((conv.rows, a), (conv.cols, b)))
            row_kinds, row_kind = np.unique(row_codes[h], axis=0, return_inverse=True)
            col_kinds, col_kind = np.unique(col_codes[w], axis=0, return_inverse=True)
            classes[np.ix_(h, w)] = row_kind.reshape(-1)[:, None] * len(col_kinds) + col_kind.reshape(-1)
            by_row, by_col = row_kinds[:, None, :, None], col_kinds[None, :, None, :]
            mixed = by_row ^ by_col if xor_hash else by_row + by_col
            mixed = np.where((by_row < 0) | (by_col < 0), UNROUTED, mixed)
            tables.append(mixed.reshape(len(row_kinds) * len(col_kinds), conv.rows.taps * conv.cols.taps))
            sizes.append(len(tables[-1]))
    begins = np.cumsum(sizes) - sizes
    return np.concatenate(tables).astype(np.int32), begins, np.array(sizes, np.int64), classes


def _block_geometry(conv: Convolution, rows: AxisPieces, cols: AxisPieces) -> compression.BlockGeometry:
    by_row, by_col = (np.stack([p.begin, p.end], axis=2) for p in (rows, cols))
    return compression.BlockGeometry(by_row, by_col, conv.rows.position_phases, conv.cols.position_phases,
                                     conv.rows.stride, conv.cols.stride)
