"""Which PE gets which matrix row. A policy: (matrix[rows, cols], pes) -> pe_of_row[rows] int64.

The bias is not part of the matrix; the rows of one PE keep their order. One function a file; one line here
registers it. Other than by interleaving, hardware would need a table to find an output's
place again; its cost is not modelled (our assumption).
"""

import numpy as np

from accelsim.arch.broadcast.eie.policies.greedy_nnz import greedy_nnz
from accelsim.arch.broadcast.eie.policies.random_rows import random_rows
from accelsim.arch.broadcast.eie.policies.row_block import row_block
from accelsim.arch.broadcast.eie.policies.row_interleave import row_interleave
from accelsim.arch.machine import Policy
from accelsim.errors import ModelError

POLICIES = {
    "row_interleave": row_interleave,
    "row_block": row_block,
    "greedy_nnz": greedy_nnz,
    "random": random_rows,
}


def assign_rows(policy: Policy, matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows] int64 from `policy`; ModelError when it does not give every row of `matrix` one of the PEs."""
    pe_of_row = np.asarray(policy(matrix, pes))
    if (pe_of_row.shape != (len(matrix),) or pe_of_row.dtype.kind not in "iu"
            or pe_of_row.min() < 0 or pe_of_row.max() >= pes):
        raise ModelError(f"policy {getattr(policy, '__name__', policy)}: returned {pe_of_row!r:.80}, wanted "
                         f"{len(matrix)} whole numbers (one per row) in 0 .. {pes - 1}; correct the policy")
    return pe_of_row.astype(np.int64)
