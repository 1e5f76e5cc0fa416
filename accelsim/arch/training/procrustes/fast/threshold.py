"""The threshold unit's arithmetic: which weights are tracked, by a streaming estimate of a quantile.

Cycles need none of it (docs/machines/procrustes.md counts gradients); sparse training does: see
examples/procrustes_training.py. Source: the authors' quantile engine [authors' code].
"""

import numpy as np
from numba import njit

FIRST_ESTIMATE, RATE = 1e-2, 1e-6  # [authors' code]


def filter_candidates(candidates: np.ndarray, estimate: float, quantile: float,
                      rate: float = RATE) -> tuple[np.ndarray, float]:
    """keep[i] (bool) of `candidates` |w - decay x w0| >= 0, in order, and the estimate after the last of them.

    A candidate is kept when it lies over the running estimate, which then grows by the factor 1 + rate x quantile;
    else it shrinks by 1 - rate x (1 - quantile). So the estimate settles where the share `quantile` = 1 - tracked /
    total of the candidates lies below it. float64.
    """
    return _filter(np.ascontiguousarray(candidates, np.float64).reshape(-1), estimate, quantile, rate)


@njit(cache=True)
def _filter(candidates, estimate, quantile, rate):
    keep = np.zeros(len(candidates), np.bool_)
    for i in range(len(candidates)):
        keep[i] = estimate < candidates[i]
        estimate *= 1 + rate * quantile if keep[i] else 1 - rate * (1 - quantile)
    return keep, estimate
