"""Heaviest row first to the PE with the fewest non-zeros so far: longest processing time first (our own)."""

import numpy as np

from accelsim.hw.balance import heaviest_first
from accelsim.workload.counting import row_nonzeros


def greedy_nnz(matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows] that evens out the non-zeros per PE; ties go to the lowest row and the lowest PE."""
    return heaviest_first(row_nonzeros(matrix), pes)
