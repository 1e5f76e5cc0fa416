"""Eyeriss's speed on whole networks: the mapping search included, and every non-zero looked at."""

from dataclasses import replace
from typing import Any

import pytest

import accelsim


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    for name in ("eyeriss_v2", "eyeriss_v1"):
        accelsim.simulate(accelsim.linear("l", [[1, 0, 1]], [1, 2, 0]), name)


def fresh(trace: accelsim.Trace) -> accelsim.Trace:
    """The same tensors on new layers, so that nothing is remembered of an earlier run."""
    return accelsim.Trace([replace(layer) for layer in trace], trace.name)


@pytest.mark.parametrize(("name", "seconds"), [
    ("mobilenet_v1_05_128:eyeriss_sparse", 1.0), ("alexnet:eyeriss_dense", 3.0), ("alexnet:eyeriss_sparse", 3.0)])
def test_whole_network(benchmark: Any, name: str, seconds: float) -> None:
    """Search, lowering, kernel and results under a time; nothing but the compiled code is warm."""
    trace = accelsim.draw_trace(name, seed=1)
    benchmark.pedantic(lambda one: accelsim.simulate(one, "eyeriss_v2"), setup=lambda: ((fresh(trace),), {}), rounds=3)
    if benchmark.enabled:
        assert benchmark.stats["min"] < seconds
