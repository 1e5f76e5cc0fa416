"""Planes cut among PEs and time: what each piece holds, touches and owns, per axis."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from accelsim.arch.planar.shared.fast.convolution import PatternAxis


@dataclass(frozen=True, eq=False)
class AxisPieces:
    """One axis in pieces; arrays [tile, piece].

    Piece: input positions begin .. end - 1; its region: outputs first .. first + extent - 1; `own`: outputs that belong
    to it, `own_inside` those of them in its region.
    """

    step: int
    begin: np.ndarray
    end: np.ndarray
    first: np.ndarray
    extent: np.ndarray
    own: np.ndarray
    own_inside: np.ndarray

    @property
    def key(self) -> Hashable:
        """What tells one cut of a layer's axis from another."""
        return self.begin.tobytes(), self.end.tobytes(), self.splits

    @property
    def splits(self) -> int:
        """Pieces of a tile."""
        return self.begin.shape[1]

    @property
    def size(self) -> np.ndarray:
        """Positions of each piece."""
        return self.end - self.begin


def cut_axis(axis: PatternAxis, cuts: tuple[int, ...], requested: int) -> AxisPieces:
    """Each tile of `cuts` in at most `requested` pieces of one step; an output belongs to its centre tap's piece."""
    low, high = np.array(cuts[:-1], np.int64)[:, None], np.array(cuts[1:], np.int64)[:, None]
    longest = int((high - low).max())
    step = -(-longest // requested)
    offsets = np.arange(-(-longest // step), dtype=np.int64) * step
    begin, end = np.minimum(low + offsets, high), np.minimum(low + offsets + step, high)

    reach = (axis.taps - 1) * axis.dilation
    first = np.maximum(0, -((reach - axis.padding - begin) // axis.stride))
    last = np.minimum(axis.out - 1, (end - 1 + axis.padding) // axis.stride)
    extent = np.where(end > begin, np.maximum(0, last - first + 1), 0)

    centres = np.clip(np.arange(axis.out) * axis.stride - axis.padding + reach // 2, 0, axis.size - 1)
    holds = (centres >= begin[..., None]) & (centres < end[..., None])  # [tile, piece, output]
    outputs = np.arange(axis.out)
    inside = holds & (outputs >= first[..., None]) & (outputs < (first + extent)[..., None])
    return AxisPieces(step, begin, end, first, extent, holds.sum(axis=2), inside.sum(axis=2))
