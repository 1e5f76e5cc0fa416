"""Block-balanced pruning: every bank of consecutive inputs of a row keeps equally many (Cao et al., FPGA 2019).

`bank:B:S` cuts each row of a layer's matrix [out, reduction] into banks of B. A shorter last bank keeps its share.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.weights import Weights, kept, largest_per_row


def masks(weights: Sequence[Weights], bank: int, sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of each bank stay."""
    for layer in weights:
        lines = layer.scores().reshape(-1, layer.stack[2])
        whole = lines.shape[1] // bank * bank
        parts = []
        if whole:
            full = np.ascontiguousarray(lines[:, :whole]).reshape(-1, bank)
            parts.append(largest_per_row(full, kept(bank, sparsity)).reshape(len(lines), whole))
        if whole < lines.shape[1]:
            parts.append(largest_per_row(lines[:, whole:], kept(lines.shape[1] - whole, sparsity)))
        yield np.concatenate(parts, axis=1).reshape(layer.shape)
