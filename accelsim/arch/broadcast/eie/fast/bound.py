"""What no assignment of rows to PEs can beat on EIE: the oracle of a comparison of policies (our own)."""

import numpy as np

from accelsim.arch.broadcast.shared.fast.kernel import PIPELINE_CYCLES, scan_vector
from accelsim.workload.counting import column_nonzeros, pattern
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import matrix_products

FIRST_ENTRY_CYCLES = 2  # from the counter value of a push to the one in which a PE can present the column


def any_row_policy_cycles(layer: Layer, pes: int) -> int:
    """Lower bound on a layer's cycles over all row assignments, queue depths and index widths.

    Per vector: the scan pushes a column a cycle at most, and what is pushed from step k on has to be presented by `pes`
    PEs after leave[k], even if it were divided evenly and needed no padding; then the pipeline drains.
    """
    return derived(layer, ("eie bound", pes), lambda: sum(
        _product_cycles(product.matrix, product.bias, product.vectors, pes) for product in matrix_products(layer)))


def _product_cycles(matrix: np.ndarray, bias: np.ndarray | None, vectors: np.ndarray, pes: int) -> int:
    nonzeros = column_nonzeros(matrix)
    if bias is not None:
        nonzeros = np.append(nonzeros, np.count_nonzero(bias))
    columns, leave = np.empty((2, len(nonzeros) + 1), np.int64)
    total = 0
    for vector in pattern(vectors):
        steps, cycles = map(int, scan_vector(vector, bias is not None, pes, columns, leave))
        entries = np.cumsum(nonzeros[columns[:steps]][::-1])[::-1]  # of step k and all later ones
        earliest = leave[:steps] + FIRST_ENTRY_CYCLES
        if steps:  # a column takes every PE a cycle, also where it is empty
            cycles = max(cycles, int((earliest + np.arange(steps, 0, -1)).max()))
        some = entries > 0
        if some.any():
            cycles = max(cycles, int((earliest - (-entries // pes))[some].max()) + PIPELINE_CYCLES)
        total += cycles
    return total
