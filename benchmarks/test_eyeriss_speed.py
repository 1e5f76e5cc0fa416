"""Eyeriss's speed on whole networks: the mapping search included, and every non-zero looked at."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import accelsim
from accelsim.workload.layer import Layer


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    for name in ("eyeriss_v2", "eyeriss_v1"):
        accelsim.simulate(accelsim.linear("l", [[1, 0, 1]], [1, 2, 0]), name)


def fresh(trace: accelsim.Trace) -> accelsim.Trace:
    """The same tensors on new layers, so that nothing is remembered of an earlier run."""
    return accelsim.Trace([replace(layer) for layer in trace], trace.name)


def narrow_mobilenet() -> accelsim.Trace:
    """MobileNetV1 of width 0.5 at 128 x 128: every layer of the shipped workload, halved."""
    def layers() -> Iterator[Layer]:
        for layer in accelsim.draw_trace("mobilenet_v1:agp52", seed=1):
            weight, active = layer.weight, layer.activation
            if layer.op == "matmul":
                yield accelsim.linear(layer.name, weight[0, :, ::2], active[0, :, ::2])
                continue
            grouped = layer.groups > 1
            channels = active.shape[1] if layer.name == "conv1" else active.shape[1] // 2
            side = -(-active.shape[2] * 4 // 7)
            plane = np.resize(active[:, :channels], (1, channels, side, side))
            kept = weight[:weight.shape[0] // 2, :weight.shape[1] if grouped else channels]
            groups = channels if grouped else 1
            yield accelsim.conv2d(layer.name, kept, plane, layer.stride, layer.padding, groups=groups)

    return accelsim.Trace([*layers()], "mobilenet_v1 0.5/128")


@pytest.mark.parametrize(("make", "arch", "seconds"), [
    (narrow_mobilenet, "eyeriss_v2", 1.0),
    (lambda: accelsim.draw_trace("alexnet:eyeriss_dense", seed=1), "eyeriss_v2", 3.0),
    (lambda: accelsim.draw_trace("alexnet:eyeriss_sparse", seed=1), "eyeriss_v2", 3.0)],
    ids=["mobilenet 0.5/128", "alexnet", "sparse alexnet"])
def test_whole_network(benchmark: Any, make: Any, arch: str, seconds: float) -> None:
    """Search, lowering, kernel and results under a time; nothing but the compiled code is warm."""
    trace = make()
    benchmark.pedantic(lambda one: accelsim.simulate(one, arch), setup=lambda: ((fresh(trace),), {}), rounds=3)
    if benchmark.enabled:
        assert benchmark.stats["min"] < seconds
