"""What a pruning method sees: the weights of one layer, as a stack of matrices."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_TIE_SEED = 20160618  # integers tie often; position must not decide, or the survivors would lean to one side


@dataclass(frozen=True)
class Weights:
    """The weights of one layer, loaded when they are needed.

    shape: [K, C/groups, R, S] of a convolution or [groups, out, in] of a matrix product; `load` returns that array.
    `groups` counts the independent matrices of a convolution (of a matrix product it is the first axis).
    """

    name: str
    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]
    groups: int = 1

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_conv(self) -> bool:
        """True for a convolution."""
        return len(self.shape) == 4

    @cached_property
    def stack(self) -> tuple[int, int, int]:
        """(groups, out, reduction): the matrices that `accelsim.workload.lowering` makes of the layer."""
        if self.is_conv:
            return self.groups, self.shape[0] // self.groups, int(np.prod(self.shape[1:]))
        groups, out, inputs = self.shape
        return groups, out, inputs

    def scores(self) -> np.ndarray:
        """Magnitudes, float32, in the layer's shape. Fixed pseudo-random fractions decide between equal integers."""
        values = self.load()
        scores = np.abs(values.astype(np.float32))
        if values.dtype.kind in "iu":
            rng = np.random.default_rng(_TIE_SEED)
            jitter = rng.random(scores.shape, dtype=np.float32)
            scores += np.where(scores > 0, jitter / 2, 0)
        return scores


def kept(total: int, sparsity: float) -> int:
    """How many of `total` stay at `sparsity`, to the nearest; at least one."""
    return max(1, round(total * (1 - sparsity)))


def largest(scores: np.ndarray, keep: int) -> np.ndarray:
    """Mask of the `keep` largest of `scores` (any shape, not negative); among equals the first stay."""
    flat = scores.ravel()
    if keep >= flat.size:
        return np.ones(scores.shape, bool)
    threshold = np.partition(flat, flat.size - keep)[flat.size - keep]
    mask = flat > threshold
    equal = np.flatnonzero(flat == threshold)
    mask[equal[:keep - int(np.count_nonzero(mask))]] = True
    return mask.reshape(scores.shape)


def largest_per_row(scores: np.ndarray, keep: int) -> np.ndarray:
    """Mask of the `keep` largest of each row of `scores` [rows, width]; blocks of rows bound the memory."""
    rows, width = scores.shape
    mask = np.ones(scores.shape, bool)
    if keep >= width:
        return mask
    step = max(1, (1 << 20) // width)
    for first in range(0, rows, step):
        part = scores[first:first + step]
        losers = np.argsort(part, axis=1, kind="stable")[:, :width - keep]
        np.put_along_axis(mask[first:first + step], losers, False, axis=1)
    return mask
