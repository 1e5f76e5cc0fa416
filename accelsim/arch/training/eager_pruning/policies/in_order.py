"""Kernels as they come."""

import numpy as np


def in_order(nonzeros: np.ndarray) -> np.ndarray:
    """Owners [owner] in ascending order."""
    return np.arange(len(nonzeros))
