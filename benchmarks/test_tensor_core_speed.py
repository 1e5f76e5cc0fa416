"""The tensor cores' speed: 16384 cubed, with the N:M check of its 268 M weights and every one of its 4.2 M k-steps."""

import time
from typing import Any

import numpy as np
import pytest

from accelsim.arch.registry import load_arch, machine
from accelsim.workload.matmul import Matmul, linear

TENSOR_CORE = machine("tensor_core")


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["a100_40gb", "a100_dense"])
def test_16384_cubed(benchmark: Any, arch: str) -> None:
    """Under 1 s of processor time (other work on the machine does not count), a new layer each time."""
    weight = np.zeros((16384, 4096, 4), bool)
    weight[:, :, 1:3] = True
    weight, vectors = weight.reshape(16384, 16384), np.ones((16384, 16384), bool)
    config = load_arch(arch)

    def fresh() -> tuple[tuple[Matmul], dict[str, Any]]:
        return (linear("gemm", weight, vectors),), {}

    def run(layer: Matmul) -> None:
        start = time.process_time()
        TENSOR_CORE.run(layer, config, TENSOR_CORE.policies["strict"])
        seconds.append(time.process_time() - start)

    seconds: list[float] = []
    run(linear("warm", weight[:256, :256], vectors[:256, :256]))
    benchmark.pedantic(run, setup=fresh, rounds=3)
    if benchmark.enabled:
        assert min(seconds[1:]) < 1
