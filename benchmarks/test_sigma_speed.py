"""SIGMA's speed: one small GEMM with its lowering, and the table of ten GEMMs of the SIGMA paper's sizes."""

import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accelsim.arch.registry import load_arch, machine
from accelsim.workload.matmul import Matmul, linear

SIGMA = machine("sigma")
PACKED = SIGMA.policies["packed"]
SHAPES = ((128, 2048, 4096), (1632, 36548, 1024), (1024, 16, 500_000), (31999, 1024, 84), (2048, 1, 128))


def bitmap(rows: int, k: int, density: float) -> np.ndarray:
    rng, out = np.random.default_rng(rows), np.empty((rows, k), bool)
    for row in out:
        np.less(rng.integers(0, 1 << 16, k, np.uint16), density * (1 << 16), out=row)
    return out


def test_256_cubed_at_80_percent_sparsity_on_128_multipliers(benchmark: Any) -> None:
    """Under 2 ms warm, lowering included (STONNE, public C++ simulator: about 10 s of CPU)."""
    config = load_arch("sigma", {"flex_dpes": 1})
    weight, vectors = bitmap(256, 256, .2), bitmap(256, 256, .2)

    def fresh() -> tuple[tuple[Matmul], dict[str, Any]]:
        return (linear("gemm", weight, vectors),), {}  # a new layer each time: nothing is remembered

    run: Callable[[Matmul], Any] = lambda layer: SIGMA.run(layer, config, PACKED)  # noqa: E731
    run(*fresh()[0])
    benchmark.pedantic(run, setup=fresh, rounds=200)
    if benchmark.enabled:
        assert benchmark.stats["median"] < 2e-3


@pytest.mark.slow
def test_ten_gemms(benchmark: Any) -> None:
    """Both modes of five sizes: under 10 s (drawing the bitmaps excepted) and under 4 GiB."""
    configs = [load_arch("sigma"), load_arch("sigma", {"streaming": "unlimited"})]
    tables = [(bitmap(m, k, .2), bitmap(n, k, .9)) for m, n, k in SHAPES]

    def table() -> list[int]:
        return [SIGMA.run(linear("gemm", *pair), config, PACKED).cycles for pair in tables for config in configs]

    SIGMA.run(linear("warm", *tables[-1]), configs[0], PACKED)
    benchmark.pedantic(table, rounds=1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 << 20  # KiB
    if benchmark.enabled:
        assert benchmark.stats["max"] < 10
