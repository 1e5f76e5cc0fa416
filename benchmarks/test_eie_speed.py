"""How fast is EIE's kernel? Against one plain pass over the same data, in the same run.

    make bench        prints the times; the ratios are in the column `extra_info` and on the terminal
"""

import time

import numpy as np
import pytest
from numba import njit

import accelsim
from accelsim.arch.registry import load_arch, machine


@njit
def plain_count(matrix, pes):
    """The floor: non-zeros per PE and column, nothing else."""
    counts = np.zeros((pes, matrix.shape[1]), np.int32)
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            counts[i % pes, j] += matrix[i, j] != 0
    return counts


@pytest.fixture(scope="module")
def fc6() -> tuple[np.ndarray, np.ndarray]:
    """AlexNet FC6: 4096 x 9216 at 9 %, input at 35.1 % (random masks)."""
    rng = np.random.default_rng(0)
    return rng.random((4096, 9216), dtype=np.float32) < 0.09, rng.random(9216) < 0.351


def best_of(call, fresh=lambda: None, repeats: int = 9) -> float:
    """Seconds of the fastest call(fresh()), after one to compile and warm up; `fresh` is not timed."""
    call(fresh())
    times = []
    for _ in range(repeats):
        argument = fresh()
        start = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - start)
    return min(times)


def test_fc6_against_one_plain_pass(benchmark, fc6):
    """Wanted: all of it, encoding included, in at most 3 plain passes; another queue depth in 10 % of that."""
    weight, activation = fc6
    eie, config, deep = machine("eie"), load_arch("eie"), load_arch("eie", {"queue_entries": 15})
    policy = eie.policies["row_interleave"]

    def new_layer():  # nothing is remembered of a new layer; making one copies its tensors
        return accelsim.linear("fc6", weight, activation)

    layer = new_layer()
    eie.run(layer, config, policy)
    floor = best_of(lambda _: plain_count(weight, 64))
    first = best_of(lambda new: eie.run(new, config, policy), new_layer)
    second = best_of(lambda _: eie.run(layer, deep, policy))
    whole = best_of(lambda new: accelsim.simulate(new, "eie"), new_layer)
    again = best_of(lambda _: accelsim.simulate(layer, "eie", set={"queue_entries": 15}))
    benchmark.pedantic(lambda new: eie.run(new, config, policy), setup=lambda: ((new_layer(),), {}), rounds=20)
    report(benchmark, plain_pass_ms=floor * 1e3, first_over_plain=first / floor, second_over_first=second / first,
           simulate_over_plain=whole / floor, simulate_again_over_first=again / whole)


def report(benchmark, **figures: float) -> None:
    benchmark.extra_info |= {name: round(value, 3) for name, value in figures.items()}
    print("\n" + ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))
