"""N:M pruning: at most N non-zeros in every M consecutive weights of the reduction (Mishra et al., 2021, for 2:4).

The axis: a matrix product's inputs; a convolution's input channels, for each filter tap apart, which is how the
hardware's NHWC layout meets them. `nm:N:M:im2col` instead runs over (c, r, s), s fastest, the order in which
`accelsim.workload.lowering` lays out a filter. Groups start anew in each row (and tap); a last group that is shorter
than M keeps at most N, so a depthwise layer (one input channel) stays dense along channels.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, largest_per_row


def masks(weights: Sequence[Weights], n: int, m: int, im2col: bool) -> Iterator[np.ndarray]:
    """The N largest magnitudes of each M stay."""
    for layer in weights:
        yield _mask(layer, n, m, im2col)


def _mask(layer: Weights, n: int, m: int, im2col: bool) -> np.ndarray:
    scores = layer.scores()
    if layer.is_conv and not im2col:
        filters, channels, rows, cols = layer.shape
        lines = scores.transpose(0, 2, 3, 1).reshape(-1, channels)
        mask = _lines(lines, n, m).reshape(filters, rows, cols, channels)
        return np.ascontiguousarray(mask.transpose(0, 3, 1, 2))
    return _lines(scores.reshape(-1, layer.stack[2]), n, m).reshape(layer.shape)


def _lines(lines: np.ndarray, n: int, m: int) -> np.ndarray:
    """Mask for scores [lines, reduction]: top n of each m; what fills the last group up never wins."""
    count, length = lines.shape
    short = -length % m
    padded = np.pad(lines, ((0, 0), (0, short)), constant_values=-1) if short else lines
    return largest_per_row(padded.reshape(-1, m), n).reshape(count, length + short)[:, :length]
