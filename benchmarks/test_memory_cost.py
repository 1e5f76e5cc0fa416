"""What does the memory timeline add to a whole-model run? Wanted: at most 20 %, on AlexNet's fully connected layers."""

import time

import numpy as np
import pytest

import accelsim

LAYERS = {"fc6": (9216, 4096, 9, 35.1), "fc7": (4096, 4096, 9, 35.3), "fc8": (4096, 1000, 25, 37.5)}


@pytest.fixture(scope="module")
def tensors() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {name: (rng.random((out, n_in), dtype=np.float32) < weight / 100, rng.random(n_in) < active / 100)
            for name, (n_in, out, weight, active) in LAYERS.items()}


def best_ms(call, repeats: int = 15) -> float:
    """CPU milliseconds of the fastest call, after one to compile."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times) * 1e3


@pytest.mark.parametrize("arch", ["eie", "sigma", "tpu_128x128"])
def test_timeline_over_the_run_without(benchmark, tensors, arch):
    def run(**changes):
        trace = accelsim.Trace([accelsim.linear(name, *pair) for name, pair in tensors.items()])
        return accelsim.simulate(trace, arch, set=changes)

    memory = {"dram.gbps": 25.6, "resident_weights": False}
    without, with_memory = best_ms(run), best_ms(lambda: run(**memory))
    benchmark(lambda: run(**memory))
    benchmark.extra_info |= {"without_ms": round(without, 2), "added": round(with_memory / without - 1, 3)}
    print(f"\n{arch}: {without:.2f} ms without, memory adds {with_memory / without - 1:.1%}")
