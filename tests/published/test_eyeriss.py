"""How far is Eyeriss from the published numbers?

Table VI of the v2 paper at batch 1 and 200 MHz (recalled, and consistent with its prose), its prose on v1 and on the
25.6 GB/s limit, its scalability figure, and the processing times of the 2017 chip. AlexNet's inputs are as dense
as in a public set-up of Eyeriss. Weights of "sparse AlexNet" by layer are not published: `alexnet:eyeriss_sparse` has
the two published totals of its energy-aware pruning, split over the layers like Han et al.'s. What does not hold is an
expected failure with its number.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import accelsim

pytestmark = pytest.mark.slow
DENSE, SPARSE = "alexnet:eyeriss_dense", "alexnet:eyeriss_sparse"
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")


@cache
def trace(name: str) -> accelsim.Trace:
    return accelsim.draw_trace(name, seed=1)


@cache
def result(arch: str, workload: str, gbps: float | None = None) -> accelsim.Result:
    return accelsim.simulate(trace(workload), arch, set={} if gbps is None else {"dram": {"gbps": gbps}})


def per_second(arch: str, workload: str) -> float:
    return 200e6 / result(arch, workload).cycles


def miss(reason: str, *case: object) -> object:
    return pytest.param(*case, marks=pytest.mark.xfail(reason=reason, strict=True))


@pytest.mark.parametrize(("arch", "workload", "published"), [
    ("eyeriss_v2", DENSE, 102.1),
    miss("409: convolutions take 370 k cycles, published 584 k for densities per layer that are not; with those of Han "
         "et al. (alexnet:deep_compression) it would be 201", "eyeriss_v2", SPARSE, 278.7),
    miss("8.3: fully connected layers wait for a weight bus of our assumption, three weights wide; and the published "
         "number is derived from two rounded ratios", "eyeriss_v1", DENSE, 6.56)])
def test_alexnet_per_second(arch, workload, published):
    assert per_second(arch, workload) == pytest.approx(published, rel=0.15)


@pytest.mark.parametrize(("fast", "slow", "published"), [
    (("eyeriss_v2", DENSE), ("eyeriss_v1", DENSE), 15.6),
    miss("49.4, as the two above", ("eyeriss_v2", SPARSE), ("eyeriss_v1", DENSE), 42.5),
    miss("3.6, as the sparse network above", ("eyeriss_v2", SPARSE), ("eyeriss_v2", DENSE), 278.7 / 102.1)])
def test_ratios(fast, slow, published):
    assert per_second(*fast) / per_second(*slow) == pytest.approx(published, rel=0.15)


def test_the_classifier_of_sparse_alexnet():
    """278.7 with, 342.4 without the fully connected layers: they take 133 k cycles (recalled: approximate)."""
    classifier = sum(layer.cycles for layer in result("eyeriss_v2", SPARSE).layers if layer.name.startswith("fc"))
    assert classifier == pytest.approx(200e6 / 278.7 - 200e6 / 342.4, rel=0.15)


@pytest.mark.xfail(reason="0.6 %: weights of the next pass are fetched while a pass computes, so that the channel is "
                          "idle for little; with buffering 1, where a pass waits for its data, it is 21 %", strict=True)
def test_limit_of_the_memory():
    alone, limited = (result("eyeriss_v2", SPARSE, gbps).cycles for gbps in (None, 25.6))
    assert 1 - alone / limited == pytest.approx(0.16, abs=0.05)


def ones(name: str) -> accelsim.Trace:
    """No sparsity at all."""
    layers = [replace(layer, weight=np.ones(layer.weight.shape, bool), activation=np.ones(layer.activation.shape, bool))
              for layer in trace(name)]
    return accelsim.Trace(layers, name)


@cache
def scaled_cycles(name: str, arch: str) -> list[int]:
    """Cycles at 256, 1024, 4096 and 16384 PEs, clusters of 4 x 4."""
    cycles, dense = [], ones(name)
    for side in (4, 8, 16, 32):
        change = {"cluster_rows": side, "cluster_cols": side, "pe_rows": 4, "pe_cols": 4}
        if arch == "eyeriss_v1":
            change = {"pe_rows": 4 * side, "pe_cols": 4 * side, "glb_iact_bytes": 4608 * side * side,
                      "glb_psum_bytes": 7680 * side * side}
        cycles.append(accelsim.simulate(dense, arch, set=change).cycles)
    return cycles


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "mobilenet_v1"])
def test_scaling_with_the_hierarchical_mesh(name):
    """Figure 14: above 85 % of linear from 256 to 16384 PEs, with one multiplier a PE and no sparsity."""
    cycles = scaled_cycles(name, "eyeriss_v15")
    assert cycles[0] / cycles[3] / 64 > 0.85


@pytest.mark.parametrize("name", [
    miss("90 %: conv1 is limited by the most loaded link, which the mapper's estimate does not see", "alexnet"),
    "googlenet", "mobilenet_v1"])
def test_linear_scaling_to_1024_pes(name):
    """Figure 14."""
    cycles = scaled_cycles(name, "eyeriss_v15")
    assert cycles[0] / cycles[1] / 4 > 0.95


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "mobilenet_v1"])
def test_scaling_with_the_flat_network(name):
    """Figure 14: v1's performance hardly improves: 64 times the PEs, less than twice the speed."""
    cycles = scaled_cycles(name, "eyeriss_v1")
    assert cycles[0] / cycles[3] < 2


@cache
def chip_2017() -> accelsim.Result:
    return accelsim.simulate(accelsim.draw_trace(DENSE, seed=1, batch=4, layers="conv*"), "eyeriss_2017")


@pytest.mark.parametrize(("name", "milliseconds"), [("conv1", 16.5), ("conv3", 21.8), ("conv5", 10.0), ("all", 103.5)])
def test_processing_times_of_the_chip(name, milliseconds):
    """JSSC 2017, AlexNet's convolutions at batch 4, without the loads from DRAM (recalled; totals add up)."""
    cycles = sum(layer.cycles for layer in chip_2017().layers if name in ("all", layer.name))
    assert cycles / 200e3 == pytest.approx(milliseconds, rel=0.15)


@pytest.mark.parametrize(("name", "active"), [
    ("conv1", 154), miss("168: six columns of 28 lanes each", "conv3", 156), ("conv5", 156)])
def test_active_pes_of_the_chip(name, active):
    """JSSC 2017, the same table."""
    assert next(layer for layer in chip_2017().layers if layer.name == name).mapping["mapped_pes"] == active
