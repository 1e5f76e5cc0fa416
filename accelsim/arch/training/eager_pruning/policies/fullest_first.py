"""Kernels with most weights first: the small ones, which straddle tiles less, fill the end."""

import numpy as np


def fullest_first(nonzeros: np.ndarray) -> np.ndarray:
    """Owners [owner] by falling number of weights, equal ones in ascending order."""
    return np.argsort(-nonzeros, kind="stable")
