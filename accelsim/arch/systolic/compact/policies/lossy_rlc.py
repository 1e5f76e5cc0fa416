"""Values near a run's first value join it; early layers are dense, but smooth (inferred)."""

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)
from accelsim.arch.systolic.compact.runs import Runs


def lossy_rlc(values: np.ndarray, threshold: int) -> Runs:
    """Stretches within the threshold of their first value, all zeros or none; each with a count."""
    starts = _starts(values.astype(np.int64), threshold)
    return Runs(starts, np.ones(len(starts), bool))


@njit(cache=True, nogil=True)
def _starts(values, threshold):
    starts = np.empty(values.size, np.int64)
    runs, first = 0, 0
    for i in range(values.size):
        if i == 0 or abs(values[i] - first) > threshold or (values[i] == 0) != (first == 0):
            first = values[i]
            starts[runs] = i
            runs += 1
    return starts[:runs].copy()
