"""Unstructured magnitude pruning with Erdos-Renyi-kernel densities (Evci et al., ICML 2020, RigL).

A layer's density is proportional to (K + C + R + S) / (K * C * R * S), with C the inputs of one filter, so small layers
stay denser. Layers whose share would pass 1 are dense and the others make up for it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def densities(weights: Sequence[Weights], sparsity: float) -> list[float]:
    """Density of each layer, so that the network as a whole has density 1 - sparsity."""
    sizes = [layer.size for layer in weights]
    raw = [_raw(layer) for layer in weights]
    dense: set[int] = set()
    while True:
        open_layers = [i for i in range(len(sizes)) if i not in dense]
        budget = (1 - sparsity) * sum(sizes) - sum(sizes[i] for i in dense)
        scale = budget / sum(raw[i] * sizes[i] for i in open_layers) if open_layers else 0.0
        full = {i for i in open_layers if scale * raw[i] > 1}
        if not full:
            return [1.0 if i in dense else scale * raw[i] for i in range(len(sizes))]
        dense |= full


def masks(weights: Sequence[Weights], sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of each layer stay, at the layer's own density."""
    for layer, density in zip(weights, densities(weights, sparsity), strict=True):
        yield largest(layer.scores(), kept(layer.size, 1 - density))


def _raw(layer: Weights) -> float:
    axes = layer.shape if layer.is_conv else layer.shape[1:]
    return float(sum(axes) / np.prod(axes, dtype=np.float64))
