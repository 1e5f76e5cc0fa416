"""Load balancing that several machines share."""

import heapq

import numpy as np


def heaviest_first(load: np.ndarray, bins: int) -> np.ndarray:
    """bin_of[item] int64: items in descending `load`, each to the least loaded bin (Graham's LPT rule, 1969).

    Ties: the earlier item first, the lower bin first. The fullest bin holds at most 4/3 - 1/(3 bins) of the optimum.
    """
    order = np.argsort(-np.asarray(load, dtype=np.int64), kind="stable")
    heap = [(0, b) for b in range(bins)]
    bin_of = np.empty(len(load), np.int64)
    for item in order.tolist():
        total, chosen = heap[0]
        bin_of[item] = chosen
        heapq.heapreplace(heap, (total + int(load[item]), chosen))
    return bin_of
