"""Only zeros are counted; a count would be wasted on each non-zero (recalled)."""

import numpy as np

from accelsim.arch.systolic.compact.runs import Runs


def sparse_rlc(values: np.ndarray, threshold: int) -> Runs:
    """Longest stretches of zeros, each with a count, and single non-zeros without one."""
    zero = values == 0
    starts = np.flatnonzero(~zero | np.concatenate([[True], ~zero[:-1]]))
    return Runs(starts, zero[starts])
