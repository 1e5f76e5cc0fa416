"""Layers for the machines of streams: all kinds, and products of two sparse matrices among them."""

import numpy as np
from hypothesis import strategies as st

import accelsim
from accelsim.testing.small_layers import layers
from accelsim.workload.layer import Layer


@st.composite
def products(draw: st.DrawFn) -> Layer:
    rows, inner, cols = (draw(st.integers(1, 14)) for _ in range(3))
    seed = draw(st.integers(0, 1 << 30))
    share = [draw(st.sampled_from((0, 0.1, 0.3, 1))) for _ in range(2)]
    pattern = draw(st.sampled_from(("uniform", "uniform", "block")))
    a = accelsim.draw_sparse(pattern, (rows, inner), int(share[0] * rows * inner), seed, block=2)
    b = accelsim.draw_sparse(pattern, (inner, cols), int(share[1] * inner * cols), seed + 1, block=3)
    return accelsim.sparse_matmul("p", a, b)


class SparseLayers:
    """For conformance suites: half of the drawn layers are sparse products."""

    def layers(self) -> st.SearchStrategy[Layer]:
        return st.one_of(layers(), products())


def golden(patterns, case: str) -> Layer:
    """A case of ../shared/golden/spgemm as a layer."""
    from scipy.sparse import csr_array

    a, b = (csr_array((np.ones(len(patterns[f"{case}_{side}_indices"]), np.int8), patterns[f"{case}_{side}_indices"],
                       patterns[f"{case}_{side}_indptr"]), shape=tuple(patterns[f"{case}_{side}_shape"]))
            for side in "AB")
    return accelsim.sparse_matmul(case, a, b)
