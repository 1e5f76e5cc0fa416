"""Load-balanced pruning: every PE keeps equally many weights (Han et al., FPGA 2017, ESE).

`balanced:PES:S` deals the rows (outputs) of a layer's matrix round-robin to the PEs, as EIE and ESE do, and prunes the
rows of each PE together: all PEs end with the same number of non-zeros.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.errors import PruneError
from accelsim.workload.prune.weights import Weights, kept, largest


def check_rows(layer: Weights, pes: int, spec: str) -> None:
    """PruneError when some PE would have no row."""
    rows = layer.stack[0] * layer.stack[1]
    if pes > rows:
        raise PruneError(f"layer {layer.name!r} has {rows} rows (outputs), too few to give each of {pes} PEs one; "
                         f"write {spec} with at most {rows} PEs, or leave the layer out (skip)")


def masks(weights: Sequence[Weights], pes: int, sparsity: float) -> Iterator[np.ndarray]:
    """The largest magnitudes of each PE stay."""
    for layer in weights:
        check_rows(layer, pes, "balanced:PES:S")
        scores = layer.scores().reshape(-1, layer.stack[2])
        smallest = len(scores) // pes * scores.shape[1]
        keep = min(smallest, kept(scores.size, sparsity) // pes or 1)
        mask = np.empty(scores.shape, bool)
        for pe in range(pes):
            mask[pe::pes] = largest(scores[pe::pes], keep)
        yield mask.reshape(layer.shape)
