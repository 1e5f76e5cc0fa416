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


def least_fullest(weights: np.ndarray, most_parts: int) -> np.ndarray:
    """[parts], 0 .. most_parts: the least possible fullest part when `weights` [n] are cut, in order, into that many.

    weights: none negative. Parts may be empty; there is no way into 0 parts, whose entry is the whole sum.
    """
    before = np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])
    fullest = before.copy()  # [end]: of weights[:end] in one part
    found = [int(before[-1]), int(before[-1])]
    for _ in range(1, most_parts):
        # cutting later fills the parts before and empties the last: the best cut is where the two meet
        meet = np.searchsorted(fullest + before, before)
        fullest = np.minimum(fullest[meet], before - before[np.maximum(meet - 1, 0)])
        found.append(int(fullest[-1]))
    return np.array(found[:most_parts + 1], np.int64)
