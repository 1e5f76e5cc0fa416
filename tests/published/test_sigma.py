"""How far are SIGMA and the systolic array from the published numbers, on actual random bitmaps?

reported: cycles that the TeAAL artifact lists for stationary density 0.2, streaming density 0.9, 128 words per cycle.
dense and sparse: bars of Fig. 12a and 12b of the SIGMA paper, digitised by a third party, speed-up over the 128 x 128
array (the sparse ones to about 0.5; their densities, 0.2 and 0.7, are that party's assumption). What does not hold is
an expected failure with its number. The filter is off here: the published numbers fit better without it.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from accelsim.arch import load_arch, machine
from accelsim.arch.base import LayerRun
from accelsim.workload.layer import Matmul, linear

pytestmark = pytest.mark.slow


class Published(NamedTuple):
    reported_sigma: int
    reported_tpu: int
    dense: float
    sparse: float


PUBLISHED = {  # M, N, K
    (128, 2048, 4096): Published(66_454, 73_728, 1.0625, 4.5),
    (1632, 36548, 1024): Published(880_058, 3_827_616, 1.0625, 5),
    (1024, 16, 500_000): Published(1_012_524, 5_000_960, 8.889, 8.89),
    (31999, 1024, 84): Published(38_454, 257_688, 1.3125, 8),
    (2048, 1, 128): Published(470, 2_304, 1.125, 5),
}
SHAPES = list(PUBLISHED)
UNLIMITED = {"streaming": "unlimited", "stationary_filter": False}
TPUS = ("tpu_128x128", "tpu_256x64", "tpu_512x32")


def bitmap(rows: int, k: int, density: float, seed: int) -> np.ndarray:
    """Random bools, drawn a few rows at a time."""
    rng, out = np.random.default_rng(seed), np.empty((rows, k), bool)
    step = max(1, (1 << 24) // k)
    for low in range(0, rows, step):
        part = out[low:low + step]
        np.less(rng.integers(0, 1 << 16, part.shape, np.uint16), density * (1 << 16), out=part)
    return out


def gemm(shape: tuple[int, int, int], densities: tuple[float, float]) -> Matmul:
    m, n, k = shape
    return linear("gemm", bitmap(m, k, densities[0], 1), bitmap(n, k, densities[1], 2))


def run(layer: Matmul, arch: str, **changes: object) -> LayerRun:
    config = load_arch(arch, changes)
    model = machine(config.kind)
    outcome = model.run(layer, config, next(iter(model.policies.values())))
    assert sum(outcome.stalls.values()) == outcome.slots * outcome.cycles
    return outcome


@cache
def reported_runs(shape: tuple[int, int, int]) -> dict[str, LayerRun]:
    """The three readings and the systolic array on one draw; the layer itself is not kept."""
    layer = gemm(shape, (.2, .9))
    return {
        "reported": run(layer, "sigma", stationary_filter=False),
        "with filter": run(layer, "sigma"),
        "drain per fold": run(layer, "sigma", stationary_filter=False, drain_per_k_tile=True),
        "tpu": run(layer, "tpu_128x128"),
    }


@cache
def dense_cycles(shape: tuple[int, int, int]) -> dict[str, int]:
    layer = gemm(shape, (1, 1))
    return {"sigma": run(layer, "sigma", **UNLIMITED).cycles} | {name: run(layer, name).cycles for name in TPUS}


@pytest.mark.parametrize("shape", SHAPES)
def test_systolic_cycles_equal_the_reported_ones(shape):
    assert reported_runs(shape)["tpu"].cycles == PUBLISHED[shape].reported_tpu


@pytest.mark.parametrize("shape", SHAPES)
def test_sigma_cycles_as_reported(shape):
    assert reported_runs(shape)["reported"].cycles == pytest.approx(PUBLISHED[shape].reported_sigma, rel=.03)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_filter_matters_for_one_vector_alone(shape):
    """stationary' drops what meets no partner: a tenth of the weights when one vector of density 0.9 is streamed."""
    runs = reported_runs(shape)
    saved = 1 - runs["with filter"].cycles / runs["reported"].cycles
    assert saved == pytest.approx(.1, abs=.04) if shape == (2048, 1, 128) else saved < .001


@pytest.mark.parametrize("shape", SHAPES)
def test_a_drain_per_fold_costs_little(shape):
    """Up to 3.2 % above the reported cycles, where K tiles leave the array part empty most often."""
    strict = reported_runs(shape)["drain per fold"].cycles
    assert reported_runs(shape)["reported"].cycles <= strict <= 1.035 * PUBLISHED[shape].reported_sigma


@pytest.mark.parametrize("shape", SHAPES)
def test_dense_speedups(shape):
    cycles = dense_cycles(shape)
    assert cycles["tpu_128x128"] / cycles["sigma"] == pytest.approx(PUBLISHED[shape].dense, rel=.04)


def dense_efficiency(*archs: str) -> float:
    """Mean over the five GEMMs, of the best of `archs`: MACs per multiplier and cycle."""
    return float(np.mean([np.prod(s) / 16_384 / min(dense_cycles(s)[name] for name in archs) for s in SHAPES]))


def test_dense_efficiency_of_the_best_of_three_systolic_arrays():
    assert dense_efficiency(*TPUS) == pytest.approx(.59, rel=.1)


@pytest.mark.xfail(strict=True, reason="73.8 %, a tenth below: 2048-1-128 alone, at 0.8 %, costs 18 points of the mean")
def test_dense_efficiency_of_sigma():
    assert dense_efficiency("sigma") == pytest.approx(.82, rel=.1)


@pytest.mark.xfail(strict=True, reason="mean speed-up 1.43 over the best of three arrays (2.66 over the square one)")
def test_dense_average_speedup():
    speedups = [min(dense_cycles(s)[name] for name in TPUS) / dense_cycles(s)["sigma"] for s in SHAPES]
    assert np.mean(speedups) == pytest.approx(2, rel=.1)


HIGH_BAR = pytest.mark.xfail(strict=True, reason="we get 12.5 (+41 %), published 8.89, which is its dense bar's height")


@pytest.mark.parametrize("shape", [pytest.param(s, marks=HIGH_BAR if s == (1024, 16, 500_000) else ()) for s in SHAPES])
def test_sparse_speedups(shape):
    ours = run(gemm(shape, (.2, .7)), "sigma", **UNLIMITED).cycles
    assert PUBLISHED[shape].reported_tpu / ours == pytest.approx(PUBLISHED[shape].sparse, rel=.2)
