"""Which PE has which row: a policy's answer, checked. Both wings begin here."""

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.errors import ModelError


def assign_rows(policy: Policy, matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows] int64 from `policy`; ModelError when it does not give every row of `matrix` one of the PEs."""
    pe_of_row = np.asarray(policy(matrix, pes))
    if (pe_of_row.shape != (len(matrix),) or pe_of_row.dtype.kind not in "iu"
            or pe_of_row.min() < 0 or pe_of_row.max() >= pes):
        raise ModelError(f"policy {getattr(policy, '__name__', policy)}: returned {pe_of_row!r:.80}, wanted "
                         f"{len(matrix)} whole numbers (one per row) in 0 .. {pes - 1}; correct the policy")
    return pe_of_row.astype(np.int64)
