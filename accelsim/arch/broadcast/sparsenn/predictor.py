"""The matrices of SparseNN's predictor. Rules: docs/machines/sparsenn.md, "The predictor"."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.broadcast.sparsenn.config import SparsennConfig

LARGEST = 32_767


class Factors(NamedTuple):
    """u [rows, rank], v [rank, columns], whole numbers."""

    u: np.ndarray
    v: np.ndarray


def factors(matrix: np.ndarray, config: SparsennConfig) -> Factors | None:
    """U and V of `matrix`, None where it runs without the predictor."""
    if config.predictor == "off" or len(matrix) < config.least_rows:
        return None
    u, sizes, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    rank = min(config.rank, len(sizes))
    return Factors(_rounded(u[:, :rank] * sizes[:rank]), _rounded(v[:rank]))


def _rounded(values: np.ndarray) -> np.ndarray:
    peak = np.abs(values).max(initial=0)
    scale = LARGEST / peak if peak > 0 else 0.0
    rounded: np.ndarray = np.rint(values * scale).astype(np.int64)
    return rounded
