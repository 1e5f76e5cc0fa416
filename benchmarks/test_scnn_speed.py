"""How fast is SCNN's kernel, every bank conflict counted? Against a loop that only computes banks, in the same run.

VGG conv3_2: 256 x 256 x 3 x 3 on 56 x 56, weights at 35 %, activations at 50 % (random masks). Both sides use all
cores.
DNNsim, the one public simulator of SCNN, counts 45-95 M useful products per CPU second (one thread).
"""

import resource
import time
from typing import Any

import numpy as np
import pytest
from numba import njit, prange

from accelsim.arch.registry import load_arch, machine
from accelsim.workload.conv2d import Conv2d, conv2d

SCNN = machine("scnn")
EQUAL = SCNN.policies["equal_planes"]
DNNSIM_PRODUCTS_PER_CPU_SECOND = (45e6, 95e6)


@njit(parallel=True)
def plain_banks(rows, cols, positions, filters, taps_r, taps_s, weights):
    """The floor: the bank of each product and nothing else. positions [C+1], weights [group, C+1] are CSR starts."""
    sums = np.zeros(weights.shape[0], np.int64)
    for group in prange(weights.shape[0]):
        total = 0
        for channel in range(positions.size - 1):
            for a in range(positions[channel], positions[channel + 1]):
                h, w = rows[a], cols[a]
                for b in range(weights[group, channel], weights[group, channel + 1]):
                    k, p, q = filters[b], h - taps_r[b], w - taps_s[b]
                    total += ((((k & 4) << 2) ^ ((p & 2) << 3) ^ ((q & 2) << 3)) + ((p & 1) << 3) + ((q & 1) << 2)
                              + (k & 3))
        sums[group] = total
    return sums.sum()


def plain_inputs(layer: Conv2d, kc: int) -> tuple[np.ndarray, ...]:
    """Coordinates of all non-zeros, by channel and by (group, channel)."""
    channels, rows, cols = np.nonzero(layer.activation[0])
    positions = np.searchsorted(channels, np.arange(layer.activation.shape[1] + 1))
    starts, found, seen = [], [], 0
    for low in range(0, layer.weight.shape[0], kc):
        channel, r, s, k = np.nonzero(layer.weight[low:low + kc].transpose(1, 2, 3, 0))
        starts.append(seen + np.searchsorted(channel, np.arange(layer.weight.shape[1] + 1)))
        found.append((k + low, r, s))
        seen += len(channel)
    filters, taps_r, taps_s = (np.concatenate(part).astype(np.int32) for part in zip(*found, strict=True))
    return rows.astype(np.int32), cols.astype(np.int32), positions, filters, taps_r, taps_s, np.array(starts)


def best_of(call: Any, repeats: int = 5) -> float:
    """Seconds of the fastest call, after one to compile and warm up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("arch", ["scnn", "scnn_dnnsim"])
def test_conv3_2_against_a_loop_of_banks(benchmark: Any, arch: str) -> None:
    """Wanted: at least 1 G useful products per second on 2 cores, lowering included; at most 2.5 plain loops."""
    rng = np.random.default_rng(0)
    weight, activation = rng.random((256, 256, 3, 3)) < .35, rng.random((1, 256, 56, 56)) < .5
    config = load_arch(arch)

    def fresh() -> Any:
        return SCNN.run(conv2d("conv3_2", weight, activation, padding=1), config, EQUAL)

    layer = conv2d("conv3_2", weight, activation, padding=1)
    run = SCNN.run(layer, config, EQUAL)
    inputs = plain_inputs(layer, run.mapping["kc"])
    floor = best_of(lambda: plain_banks(*inputs))
    first, again = best_of(fresh), best_of(lambda: SCNN.run(layer, config, EQUAL))
    start = time.process_time()
    SCNN.run(layer, config, EQUAL)
    cpu = time.process_time() - start
    benchmark.pedantic(fresh, rounds=3)
    products = run.counts["macs"]
    report(benchmark, products_per_second_g=products / first / 1e9, over_plain=first / floor,
           again_over_plain=again / floor, products_per_cpu_second_g=products / cpu / 1e9,
           times_dnnsim_low=products / cpu / DNNSIM_PRODUCTS_PER_CPU_SECOND[1],
           times_dnnsim_high=products / cpu / DNNSIM_PRODUCTS_PER_CPU_SECOND[0])
    if benchmark.enabled:
        assert first < 2.5 * floor


@pytest.mark.slow
def test_the_largest_vgg_layer_fits_in_2_gib(benchmark: Any) -> None:
    """conv1_2: 64 x 64 x 3 x 3 on 224 x 224, dense; peak memory of the whole process."""
    ones = conv2d("conv1_2", np.ones((64, 64, 3, 3), bool), np.ones((1, 64, 224, 224), bool), padding=1)
    for arch in ("scnn", "scnn_dnnsim"):
        config = load_arch(arch)
        benchmark.extra_info[arch] = SCNN.run(ones, config, EQUAL).cycles
    benchmark.pedantic(lambda: SCNN.run(ones, load_arch("scnn"), EQUAL), rounds=1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20  # KiB


def report(benchmark: Any, **figures: float) -> None:
    benchmark.extra_info |= {name: round(value, 3) for name, value in figures.items()}
    print("\n" + ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))
