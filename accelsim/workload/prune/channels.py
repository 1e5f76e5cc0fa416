"""Channel pruning: whole inputs of a layer go, the smallest first (He et al., ICCV 2017, with L1 norms)."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest


def masks(weights: Sequence[Weights], sparsity: float) -> Iterator[np.ndarray]:
    """Input channels (columns) with the largest L1 norm over all filters and taps stay, in each layer alike."""
    for layer in weights:
        groups, out, reduction = layer.stack
        inputs = layer.shape[1] if layer.is_conv else reduction
        cube = layer.scores().reshape(groups, out, inputs, -1)  # [group, out, channel of the group, tap]
        norms = cube.sum(axis=(1, 3), dtype=np.float64)
        winners = largest(norms, kept(norms.size, sparsity))
        yield np.broadcast_to(winners[:, None, :, None], cube.shape).reshape(layer.shape)
