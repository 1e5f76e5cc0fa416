"""Conflict pruning for column combining (Kung et al., ASPLOS 2019): of weights that share a packed cell one stays.

`column_combine:ALPHA:GAMMA` packs the columns of each matrix into groups of at most ALPHA that lose at most GAMMA
weights per row, and keeps the largest magnitude of each row of a group, the first of equals. Prune by magnitude before.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.packing import merged_groups, packed_by_section, surviving
from accelsim.workload.prune.weights import Weights

SECTION = 256  # columns that the authors pack among themselves


def masks(weights: Sequence[Weights], alpha: int, gamma: float) -> Iterator[np.ndarray]:
    """What is zero stays so: masks are False there."""
    for layer in weights:
        matrices = layer.load().reshape(layer.stack)
        stays = [surviving(matrix, packed_by_section(merged_groups, matrix, alpha, gamma, SECTION))
                 for matrix in matrices]
        yield np.stack(stays).reshape(layer.shape)
