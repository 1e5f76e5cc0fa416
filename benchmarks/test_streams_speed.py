"""Speed of the machines of streams: products per second against scipy's own product, in the same run."""

import time
from typing import Any

import pytest

import accelsim
from accelsim.arch.registry import load_arch, machine
from accelsim.workload.sparse_matmul import SparseMatmul

SIDE, NONZEROS = 14_000, 350_000  # as poisson3Da has them
MOST_SECONDS = 5.0
POLICIES = [(kind, policy) for kind in ("gamma", "extensor") for policy in machine(kind).policies]


def product(pattern: str) -> SparseMatmul:
    matrix = accelsim.draw_sparse(pattern, (SIDE, SIDE), NONZEROS, seed=1, exponent=0.3, width=60)
    return accelsim.sparse_matmul(pattern, matrix, matrix)


def scipy_seconds(layer: SparseMatmul) -> float:
    a, b = layer.a.astype("int64"), layer.b.astype("int64")
    begin = time.process_time()
    a @ b
    return time.process_time() - begin


@pytest.mark.parametrize("pattern", ["uniform", "power_law", "banded"])
@pytest.mark.parametrize(("kind", "policy"), POLICIES)
def test_a_product_of_poisson_size(benchmark: Any, kind: str, policy: str, pattern: str) -> None:
    """Under 5 s of CPU on patterns with locality, as meshes have it; all are told in times of scipy's product."""
    model, config, layer = machine(kind), load_arch(kind), product(pattern)
    small = accelsim.sparse_matmul("warm", [[1, 0], [1, 1]], [[1, 0], [1, 1]])
    model.run(small, config, model.policies[policy])

    def run() -> float:
        begin = time.process_time()
        model.run(layer.renamed(layer.name), config, model.policies[policy])
        return time.process_time() - begin

    seconds = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info["products"] = layer.macs_effectual
    benchmark.extra_info["times_scipy"] = seconds / scipy_seconds(layer)
    if benchmark.enabled and (pattern == "banded" or kind == "gamma"):  # ExTensor looks at 900 M pairs of fibers else
        assert seconds < MOST_SECONDS
