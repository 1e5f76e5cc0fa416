"""Unstructured magnitude pruning, the same sparsity in every layer (Han et al., NIPS 2015)."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def masks(weights: Sequence[Weights], sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of each layer stay."""
    for layer in weights:
        yield largest(layer.scores(), kept(layer.size, sparsity))
