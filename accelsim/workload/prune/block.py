"""Block pruning: whole blocks of a layer's matrix [out, reduction] stay or go (Narang et al., 2017).

`block:RxC:S` has blocks of R outputs by C inputs; 1xC and Rx1 are the one-dimensional cases. A convolution's reduction
runs over (c, r, s), s fastest. Blocks never cross the groups of a layer; those at the edge are smaller and judged by
the mean magnitude of what they hold.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def masks(weights: Sequence[Weights], shape: tuple[int, int], sparsity: float) -> Iterator[np.ndarray]:
    """The blocks with the largest mean magnitude stay, in each layer alike."""
    for layer in weights:
        _, out, reduction = layer.stack
        scores = layer.scores().reshape(layer.stack)
        down, across = np.arange(0, out, shape[0]), np.arange(0, reduction, shape[1])
        sums = np.add.reduceat(np.add.reduceat(scores, down, axis=1), across, axis=2)
        heights, widths = np.diff([*down, out]), np.diff([*across, reduction])
        winners = largest(sums / (heights[:, None] * widths), kept(sums.size, sparsity))
        yield winners.repeat(heights, axis=1).repeat(widths, axis=2).reshape(layer.shape)
