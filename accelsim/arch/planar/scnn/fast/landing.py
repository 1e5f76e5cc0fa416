"""Where products land: the bank of an output depends on its activation's position only through a few classes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.shared.fast.convolution import PatternAxis, PatternConvolution
from accelsim.arch.planar.shared.fast.planes import AxisPieces

UNROUTED = -1  # a product of this class and tap falls outside the output plane, or another stride phase owns the tap


class LandingClasses(NamedTuple):
    """codes [class, tap]: position part of the bank code, UNROUTED when outside the plane.

    Classes of a phase are begins[phase] .. + sizes[phase] - 1, at most classes_max of them. filter_codes [filter]: the
    filter's part.
    """

    codes: np.ndarray
    begins: np.ndarray
    sizes: np.ndarray
    classes_max: int
    filter_codes: np.ndarray


def lower_landing(conv: PatternConvolution, rows: AxisPieces, cols: AxisPieces, kc: int, banks: int,
                  xor_hash: bool) -> tuple[LandingClasses, np.ndarray]:
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
    return LandingClasses(codes, begins, sizes, int(sizes.max()), filter_codes.astype(np.int32)), classes


def bank_of(banks: int, xor_hash: bool) -> np.ndarray:
    """The bank of each mixed code: of five bits xor-ed, or of three positions added."""
    banks_of: np.ndarray = np.arange(32 if xor_hash else 3 * banks) % banks
    return banks_of


def _codes(axis: PatternAxis, pieces: AxisPieces, code: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """[position, tap]: the bank code of where their product lands on this axis, or UNROUTED."""
    first = np.zeros(axis.size, np.int64)
    for begin, end, output in zip(pieces.begin.flat, pieces.end.flat, pieces.first.flat, strict=True):
        first[begin:end] = output
    reached = np.arange(axis.size)[:, None] + axis.padding - np.arange(axis.taps) * axis.dilation
    output = reached // axis.stride
    lands = (reached % axis.stride == 0) & (output >= 0) & (output < axis.out)
    return np.where(lands, code(output, first[:, None]), UNROUTED)


def _cross(conv: PatternConvolution, row_codes: np.ndarray, col_codes: np.ndarray,
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
