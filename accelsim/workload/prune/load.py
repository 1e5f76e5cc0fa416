"""Load-balance-aware pruning: the PEs keep equally many weights in every window of columns (our generalization of ESE).

With `balanced` the PEs have equal totals, but can drift apart by more than their queues hold on the way there.
`load:PES:WINDOW:S` balances each WINDOW consecutive columns (activations) of a layer's matrix: how many weights stay in
a window follows from magnitudes, as without structure, and each PE keeps an equal part of them. Rows are dealt
round-robin. WINDOW = the queue's depth keeps a machine with such queues from stalling on imbalance.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.workload.prune.balanced import check_rows
from accelsim.workload.prune.weights import Weights, kept, largest, largest_per_row


def masks(weights: Sequence[Weights], pes: int, window: int, sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of each PE and window stay."""
    for layer in weights:
        check_rows(layer, pes, "load:PES:WINDOW:S")
        scores = layer.scores().reshape(-1, layer.stack[2])
        free = largest(scores, kept(scores.size, sparsity))
        mask = np.zeros(scores.shape, bool)
        parts = [slice(first, first + window) for first in range(0, scores.shape[1], window)]
        stay = [int(np.count_nonzero(free[:, part])) for part in parts]
        shares = [round(n / pes) for n in stay]
        if not any(shares):  # few weights, far apart: a layer is never lost, as with the other methods
            shares[stay.index(max(stay))] = 1
        for part, share in zip(parts, shares, strict=True):
            keep = min(share, len(scores) // pes * scores[:, part].shape[1])
            if keep:
                mask[:, part] = _window(scores[:, part], pes, keep)
        yield mask.reshape(layer.shape)


def _window(scores: np.ndarray, pes: int, keep: int) -> np.ndarray:
    """Mask of one window [rows, columns] in which every PE keeps `keep`."""
    mask = np.empty(scores.shape, bool)
    for pe in range(pes):
        own = scores[pe::pes]
        mask[pe::pes] = largest_per_row(own.reshape(1, -1), keep).reshape(own.shape)
    return mask
