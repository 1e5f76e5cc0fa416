"""Row i goes to PE i mod N: the published assignment [paper, section III-C]."""

import numpy as np


def row_interleave(matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows] = row mod pes."""
    return np.arange(len(matrix), dtype=np.int64) % pes
