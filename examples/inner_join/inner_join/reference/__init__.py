"""The obvious twin: every PE does one thing per cycle, on the real numbers."""

from collections import Counter

import numpy as np

from accelsim.arch.machine import LayerRun
from accelsim.workload.lowering import assemble, matrix_products


def run(layer, config, policy):
    stalls, words, results = Counter(), 0, []
    for product in matrix_products(layer):
        pe_of_row = policy(product.matrix, config.pes)
        result = np.zeros((len(product.vectors), len(product.matrix)), np.int64)
        for vector, sums in zip(product.vectors, result, strict=True):
            stalls["broadcast"] += config.pes
            pes = [one_pe(product.matrix, vector, np.flatnonzero(pe_of_row == pe), sums) for pe in range(config.pes)]
            while any(doing := [next(pe, None) for pe in pes]):
                stalls.update(name or "barrier" for name in doing)
        words += product.vectors.size
        results.append(result if product.bias is None else result + product.bias)
    return LayerRun(cycles=stalls.total() // config.pes, slots=config.pes, output=assemble(layer, results),
                    stalls={name: stalls[name] for name in ("busy", "empty_row", "broadcast", "barrier")},
                    counts={"macs": stalls["busy"], "vector_words": words})


def one_pe(matrix, vector, rows, sums):
    """What a PE does in each cycle until the barrier; it adds to the sums of its rows."""
    for row in rows:
        pairs = np.flatnonzero((matrix[row] != 0) & (vector != 0))
        for k in pairs:
            sums[row] += int(matrix[row, k]) * int(vector[k])
            yield "busy"
        if len(pairs) == 0:
            yield "empty_row"
