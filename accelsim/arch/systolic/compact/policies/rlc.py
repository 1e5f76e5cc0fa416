"""Plain run-length code: equal neighbours are one run (recalled)."""

import numpy as np

from accelsim.arch.systolic.compact.runs import Runs


def rlc(values: np.ndarray, threshold: int) -> Runs:
    """Longest stretches of equal values, each with a count."""
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return Runs(starts, np.ones(len(starts), bool))
