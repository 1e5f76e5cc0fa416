"""Which PE gets which matrix row. A policy: (matrix[rows, cols], pes) -> pe_of_row[rows] int64.

The bias is not part of the matrix; the rows of one PE keep their order. One function a file; one line here
registers it. Other than by interleaving, hardware would need a table to find an output's
place again; its cost is not modelled (our assumption).
"""

from accelsim.arch.broadcast.shared.policies.greedy_nnz import greedy_nnz
from accelsim.arch.broadcast.shared.policies.random_rows import random_rows
from accelsim.arch.broadcast.shared.policies.row_block import row_block
from accelsim.arch.broadcast.shared.policies.row_interleave import row_interleave

POLICIES = {
    "row_interleave": row_interleave,
    "row_block": row_block,
    "greedy_nnz": greedy_nnz,
    "random": random_rows,
}
