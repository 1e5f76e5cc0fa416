"""A layer on the fast engine: its matrix products, one after the other."""

import numpy as np

from accelsim.arch.machine import LayerRun
from accelsim.workload.lowering import kept_products
from inner_join.fast.kernel import work


def run(layer, config, policy):
    cycles, busy, empty, vectors, words = np.zeros(5, np.int64)
    for product in kept_products(layer):
        pe_of_row = policy(product.matrix, config.pes)
        pairs, empty_rows = work(product.matrix != 0, product.vectors != 0, pe_of_row, config.pes)
        cycles += len(product.vectors) + (pairs + empty_rows).max(axis=1).sum()
        busy, empty = busy + pairs.sum(), empty + empty_rows.sum()
        vectors, words = vectors + len(product.vectors), words + product.vectors.size
    barrier = config.pes * (cycles - vectors) - busy - empty
    stalls = {"busy": busy, "empty_row": empty, "broadcast": config.pes * vectors, "barrier": barrier}
    return LayerRun(cycles=int(cycles), slots=config.pes, stalls={name: int(n) for name, n in stalls.items()},
                    counts={"macs": int(busy), "vector_words": int(words)})
