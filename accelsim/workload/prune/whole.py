"""Unstructured magnitude pruning with one threshold for the whole network (`global:S`).

Integer layers of a trace each have their own scale, so their magnitudes are compared as shares of the layer's largest
one (our assumption); `accelsim record --prune global:S` compares the floats themselves.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def masks(weights: Sequence[Weights], sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of the network stay; a layer may lose all of its weights."""
    scores = [_comparable(layer) for layer in weights]
    everything = np.concatenate([s.ravel() for s in scores])
    mask = largest(everything, kept(everything.size, sparsity))
    first = 0
    for layer in weights:
        yield mask[first:first + layer.size].reshape(layer.shape)
        first += layer.size


def _comparable(layer: Weights) -> np.ndarray:
    scores = layer.scores()
    if layer.load().dtype.kind in "iu":
        scores /= max(1.0, float(scores.max(initial=0.0)))
    return scores
