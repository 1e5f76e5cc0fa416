"""Channels as they are where that passes; a layer that breaks N:M runs dense: dense rate, dense traffic."""

import numpy as np

from accelsim.arch.gpu.tensor_core.fast.pattern import first_violation_in_place, padded_identity


def dense_fallback(lines: np.ndarray, keep: int, group: int) -> np.ndarray | None:
    """0 .. channels - 1, then -1; None when a group has more than `keep` non-zeros."""
    if first_violation_in_place(lines, keep, group)[0] >= 0:
        return None
    order: np.ndarray = padded_identity(lines.shape[1], group)
    return order
