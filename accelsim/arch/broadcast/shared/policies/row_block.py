"""Contiguous blocks of rows of (nearly) equal length: what a plain partition would do (our own)."""

import numpy as np


def row_block(matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows]: PE p gets rows floor(p*rows/pes) .. floor((p+1)*rows/pes) - 1."""
    first_rows = np.arange(1, pes, dtype=np.int64) * len(matrix) // pes
    return np.searchsorted(first_rows, np.arange(len(matrix)), side="right").astype(np.int64)
