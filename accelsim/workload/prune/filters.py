"""Filter pruning: whole outputs of a layer go, the smallest first (Li et al., ICLR 2017)."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def masks(weights: Sequence[Weights], sparsity: float) -> Iterator[np.ndarray]:
    """Filters (rows) with the largest L1 norm stay, in each layer alike."""
    for layer in weights:
        groups, out, reduction = layer.stack
        norms = layer.scores().reshape(groups * out, reduction).sum(axis=1, dtype=np.float64)
        winners = largest(norms, kept(norms.size, sparsity))
        yield np.repeat(winners, reduction).reshape(layer.shape)
