"""Rows with known answers: other people's simulators, and an independent model of the same rules, cycle for cycle.

`early`, BitSim and LoAS: what those simulators gave when they were run; the rest was derived from the rules by somebody
else. Every row is drawn from a seed, as the simulators' authors' data are not public.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import accelsim
from accelsim import Trace
from accelsim.result.result import LayerResult
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

SKIPS = {"first_layer": "skip", "space_to_depth": False}
IDEAL = {"brick_overhead_cycles": 0, "drain_cycles": 0, "position_overhead_cycles": 0}


def on(layer: Layer, arch: str, policy: str | None = None, **changes: Any) -> LayerResult:
    return accelsim.simulate(Trace([layer]), arch, policy=policy, set=changes).layers[0]


def cycles(layer: Layer, arch: str, policy: str | None = None, **changes: Any) -> int:
    return on(layer, arch, policy, **changes).cycles


# Cnvlutin's early simulator. Weights decide nothing.

EARLY = {  # C, X, K, R, stride, padding, density, seed: early dense, early, ideal with 1 and 0 cycles, DaDianNao
    "A1": ((256, 4, 256, 3, 1, 0, 1.0, 0), 680, 680, 576, 576, 576),
    "A2": ((256, 4, 256, 3, 1, 0, 0.5, 0), 680, 463, 359, 359, 576),
    "A3": ((256, 4, 512, 3, 1, 0, 0.5, 0), 1288, 854, 718, 718, 1152),
    "A4": ((64, 4, 256, 3, 1, 0, 0.3, 1), 200, 113, 63, 61, 144),
    "A5": ((64, 5, 256, 3, 2, 1, 0.05, 2), 450, 111, 42, 30, 324),
    "A9": ((16, 8, 256, 5, 1, 0, 0.6, 5), 592, 507, 315, 315, 400),
    "A12": ((48, 10, 256, 3, 1, 0, 1.0, 8), 2496, 2496, 1728, 1728, 1728),
    "B3": ((128, 14, 192, 3, 1, 1, 0.6, 12), 17640, 12399, 9143, 9087, 14112),
}


@pytest.mark.parametrize("row", EARLY)
def test_early_cnvlutin(row):
    (channels, plane, filters, taps, stride, padding, density, seed), *wanted = EARLY[row]
    active = np.random.default_rng(seed).random((channels, plane, plane)) < density
    layer = conv2d(row, np.ones((filters, channels, taps, taps), bool), active[None], stride, padding)
    assert [cycles(layer, "cnvlutin_early", skip_zeros=False), cycles(layer, "cnvlutin_early"),
            cycles(layer, "cnvlutin_early", **IDEAL, empty_brick_cycles=1),
            cycles(layer, "cnvlutin", **SKIPS, empty_brick_cycles=0), cycles(layer, "dadiannao")] == wanted
    assert cycles(layer, "cnvlutin") == wanted[-1], "the first layer of a trace reads unencoded input"


# SparTen as two other papers have it.

BITSIM = {  # C, X, K, R, stride, padding, densities, seed: cycles, cycles without the floor, matches
    "S1": ((128, 8, 64, 3, 1, 1, 0.35, 0.5, 0), 4527, 4527, 701_572),
    "S2": ((64, 14, 96, 3, 1, 1, 0.3, 0.4, 1), 5025, 4997, 1_191_727),
    "S3": ((256, 7, 128, 1, 1, 0, 0.4, 0.5, 2), 2132, 2132, 319_730),
    "S4": ((3, 16, 32, 3, 1, 1, 0.8, 1.0, 3), 384, 384, 166_614),
    "S5": ((192, 17, 40, 3, 1, 0, 0.1, 0.3, 4), 6720, 4023, 468_182),
    "S8": ((128, 8, 64, 1, 1, 0, 1.0, 1.0, 7), 2048, 2048, 524_288),
}
LOAS = {  # M, K, N, densities, seed: cycles, matches
    "O1": ((64, 300, 40, 0.5, 0.3, 0), 10_583, 114_258),
    "O2": ((100, 1152, 64, 0.4, 0.1, 1), 27_849, 294_400),
    "O6": ((32, 128, 16, 1.0, 1.0, 5), 4096, 65_536),
}


def drawn(name: str, channels: int, plane: int, filters: int, taps: int, stride: int, padding: int, weights: float,
          activations: float, seed: int) -> Layer:
    rng = np.random.default_rng(seed)
    weight = rng.random((filters, channels, taps, taps)) < weights
    return conv2d(name, weight, (rng.random((channels, plane, plane)) < activations)[None], stride, padding)


@pytest.mark.parametrize("row", BITSIM)
def test_bitsim(row):
    shape, wanted, without_floor, matches = BITSIM[row]
    layer = drawn(row, *shape)
    found = on(layer, "sparten_bitsim")
    assert (found.cycles, found.counts["macs"]) == (wanted, matches)
    assert cycles(layer, "sparten_bitsim", min_step_cycles=0) == without_floor


def test_bitsim_fully_connected():
    rng = np.random.default_rng(5)
    weight, activation = rng.random((100, 512)) < 0.2, rng.random((20, 512)) < 0.5
    found = on(linear("S6", weight, activation), "sparten_bitsim")
    assert (found.cycles, found.counts["macs"]) == (681, 100_994)
    assert cycles(linear("S6", weight, activation), "sparten_bitsim", min_step_cycles=0) == 681


@pytest.mark.parametrize("row", LOAS)
def test_loas(row):
    (rows, inner, columns, inputs, weights, seed), wanted, matches = LOAS[row]
    rng = np.random.default_rng(seed)
    activation = rng.random((rows, inner)) < inputs
    weight = rng.random((inner, columns)) < weights
    found = on(linear(row, weight.T, activation), "sparten_loas")
    assert (found.cycles, found.counts["macs"]) == (wanted, matches)


# Cross-checks of the default rules.

CROSS = {"Q1": (256, 6, 128, 3, 1, 1, 0.35, 0.45, 100), "Q3": (512, 5, 256, 1, 1, 0, 0.2, 0.3, 102)}
ONE = {"clusters": 1}
DEFAULTS = [  # arch, policy, changes: Q1, Q3
    ("dadiannao", None, {}, 5184, 800),
    ("diannao", None, {}, 41_472, 12_800),
    ("cnvlutin", None, SKIPS, 2183, 358),
    ("cnvlutin", None, {**SKIPS, "empty_brick_cycles": 0}, 2115, 358),
    ("cambricon_x", None, {"scope": "window"}, 18_180, 3475),
    ("cambricon_x", None, {"scope": "output"}, 16_812, 3425),
    ("cambricon_x", None, {"scope": "async"}, 15_984, 3150),
    ("cambricon_x", None, {"index": "step4"}, 15_480, 3225),
    ("zena", "in_order", {"groups": 1}, 117_377, 19_681),
    ("zena", "zero_aware", {"groups": 1}, 114_025, 17_631),
    ("sparten", "none", ONE, 57_077, 10_510),
    ("sparten", "gb_s", ONE, 51_898, 9096),
    ("sparten", "gb_h", ONE, 49_185, 8691),
    ("sparten", "none", {**ONE, "barrier": "output"}, 45_005, 8336),
    ("sparten", "gb_s", {**ONE, "barrier": "output"}, 43_121, 7451),
]


@pytest.mark.parametrize(("arch", "policy", "changes", "first", "third"), DEFAULTS)
def test_cross_checks(arch, policy, changes, first, third):
    layers = [drawn(row, *shape) for row, shape in CROSS.items()]
    assert [cycles(layer, arch, policy, **changes) for layer in layers] == [first, third]


def test_what_the_cross_checks_count():
    layers = [drawn(row, *shape) for row, shape in CROSS.items()]
    found = [on(layer, "cambricon_x", index="step4") for layer in layers]
    assert [run.counts["macs"] for run in found] == [1_306_343, 197_852]
    assert [int(layer.weight.sum()) for layer in layers] == [103_309, 26_336]
    assert [run.counts["fillers"] for run in found] == [103, 723]


@pytest.mark.parametrize(("row", "scans", "wanted"), [
    ("Q1", 0, 6140), ("Q1", 1, 6684), ("Q3", 0, 1057), ("Q3", 1, 1057)])
def test_cambricon_s_cross_checks(row, scans, wanted):
    channels, plane, filters, taps, stride, padding, density, active, seed = CROSS[row]
    rng = np.random.default_rng(seed)
    kept = rng.random((-(-filters // 16), channels, taps, taps)) < density
    activation = rng.random((channels, plane, plane)) < active
    layer = conv2d(row, np.repeat(kept, 16, axis=0)[:filters], activation[None], stride, padding)
    assert cycles(layer, "cambricon_s", min_window_cycles=scans) == wanted


# Minerva: the cycles of its five networks at rule 1, by their shapes.

NETWORKS = {"MNIST": ([784, 256, 256, 256, 10], 334_336, 20_992), "Forest": ([54, 128, 512, 128, 8], 139_008, 8752),
            "Reuters": ([2837, 128, 64, 512, 52], 430_720, 27_304),
            "WebKB": ([3418, 128, 32, 128, 4], 446_208, 27_984),
            "20NG": ([21979, 64, 64, 256, 20], 1_432_256, 89_708)}


@pytest.mark.parametrize("name", NETWORKS)
def test_minerva_networks(name):
    sizes, weights, wanted = NETWORKS[name]
    rng = np.random.default_rng(1)
    layers = [linear(f"fc{i}", np.ones((n_out, n_in), bool), rng.random(n_in) < 0.5)
              for i, (n_in, n_out) in enumerate(pairwise(sizes))]
    assert sum(layer.weight.size for layer in layers) == weights
    result = accelsim.simulate(Trace(layers), "minerva", set={"group_cycles": 0})
    assert result.cycles == wanted
    groups = sum(-(-n_out // 16) for n_out in sizes[1:])
    assert accelsim.simulate(Trace(layers), "minerva").cycles == wanted + 4 * groups


# What must hold on any layer.

@pytest.mark.parametrize("seed", range(4))
def test_orders(seed):
    rng = np.random.default_rng(seed)
    channels = 16 * int(rng.integers(1, 9))
    layer = drawn("l", channels, 6, int(rng.integers(40, 130)), 3, 1, 1, rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.7),
                  seed)
    assert cycles(layer, "cnvlutin", **SKIPS) <= cycles(layer, "dadiannao")
    windows, outputs, free = (cycles(layer, "cambricon_x", scope=scope) for scope in ("window", "output", "async"))
    assert free <= outputs <= windows
    none, software, hardware = (cycles(layer, "sparten", policy, clusters=1) for policy in ("none", "gb_s", "gb_h"))
    assert none >= software >= hardware
    for arch in ("diannao", "dadiannao", "cnvlutin", "minerva", "cambricon_x", "zena", "sparten", "sparten_bitsim"):
        found = on(layer, arch)
        assert found.cycles >= -(-layer.macs_effectual // found.slots), arch


def test_minerva_never_skips():
    shape = (5, 40)
    rng = np.random.default_rng(3)
    results = [on(linear("l", rng.random((33, 40)) < density, rng.random(shape) < density), "minerva")
               for density in (0.0, 0.2, 1.0)]
    assert len({result.cycles for result in results}) == 1
