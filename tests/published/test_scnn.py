"""How far are SCNN, DCNN and DCNN-opt from the SCNN paper's numbers, on random masks of the published densities?

Shapes and densities: NVlabs/timeloop, src/data/cnn (BSD-3-Clause), rounded to three digits; GoogLeNet is its nine
inception modules, as in the paper. No constant was fitted: the preset has published values, or the choices of public
simulators where nothing is published. What does not hold is an expected failure with its number.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from accelsim.arch import load_arch, machine
from accelsim.hw.energy import load_energy_table
from accelsim.simulation import check_accounting
from accelsim.workload.layer import Conv2d, conv2d

pytestmark = pytest.mark.slow


class Shape(NamedTuple):
    """A 'same' convolution: output plane, taps per axis, input channels, filters; input and weight densities."""

    plane: int
    taps: int
    channels: int
    filters: int
    active: float
    weights: float


VGG16 = [Shape(p, 3, c, k, a, w) for p, c, k, a, w in (
    (224, 3, 64, 1.0, .565), (224, 64, 64, .506, .217), (112, 64, 128, .897, .338), (112, 128, 128, .787, .355),
    (56, 128, 256, .813, .529), (56, 256, 256, .639, .235), (56, 256, 256, .688, .417), (28, 256, 512, .707, .321),
    (28, 512, 512, .501, .266), (28, 512, 512, .451, .343), (14, 512, 512, .393, .352), (14, 512, 512, .330, .286),
    (14, 512, 512, .306, .363))]
INCEPTION = (  # plane, channels, filters of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    (28, 192, 64, 96, 128, 16, 32, 32), (28, 256, 128, 128, 192, 32, 96, 64), (14, 480, 192, 96, 208, 16, 48, 64),
    (14, 512, 160, 112, 224, 24, 64, 64), (14, 512, 128, 128, 256, 24, 64, 64), (14, 512, 112, 144, 288, 32, 64, 64),
    (14, 528, 256, 160, 320, 32, 128, 128), (7, 832, 256, 160, 320, 32, 128, 128),
    (7, 832, 384, 192, 384, 48, 128, 128))


def googlenet(density: float) -> list[Shape]:
    """The 54 convolutions of the inception modules, weights and activations at one density."""
    shapes = []
    for plane, channels, one, reduce3, three, reduce5, five, pool in INCEPTION:
        for taps, c, k in ((1, channels, one), (1, channels, reduce3), (3, reduce3, three), (1, channels, reduce5),
                           (5, reduce5, five), (1, channels, pool)):
            shapes.append(Shape(plane, taps, c, k, density, density))
    return shapes


def drawn(shape: Shape, seed: int) -> Conv2d:
    rng = np.random.default_rng(seed)
    weight = rng.random((shape.filters, shape.channels, shape.taps, shape.taps)) < shape.weights
    active = rng.random((1, shape.channels, shape.plane, shape.plane)) < shape.active
    return conv2d("drawn", weight, active, padding=shape.taps // 2)


def measure(shapes: list[Shape], archs: tuple[str, ...], **changes: object) -> dict[str, tuple[int, float]]:
    """Cycles and pJ of a network by arch; `changes` are keys of the first one."""
    totals = dict.fromkeys(archs, (0, 0.0))
    for seed, shape in enumerate(shapes):
        layer = drawn(shape, seed)
        for arch in archs:
            config = load_arch(arch, changes if arch == archs[0] else None)
            model = machine(config.kind)
            run = model.run(layer, config, next(iter(model.policies.values())))
            check_accounting(model, layer, run)
            energy = load_energy_table(config.energy_table).energy_pj(run.counts, model.actions(config))
            totals[arch] = totals[arch][0] + run.cycles, totals[arch][1] + sum(energy.values())
    return totals


@cache
def sweep(density: float, kc_max: int = 8) -> dict[str, tuple[int, float]]:
    return measure(googlenet(density), ("scnn", "dcnn", "dcnn_opt"), kc_max=kc_max)


def speed(density: float, kc_max: int = 8) -> float:
    """SCNN's speed over DCNN's on GoogLeNet."""
    totals = sweep(density, kc_max)
    return totals["dcnn"][0] / totals["scnn"][0]


@cache
def vgg() -> dict[str, tuple[int, float]]:
    return measure(VGG16, ("scnn", "dcnn", "dcnn_opt"))


def test_vgg_speedup_over_dcnn():
    """3.52 published; 3.79 here. The paper had real masks, whose imbalance random ones lack."""
    assert vgg()["dcnn"][0] / vgg()["scnn"][0] == pytest.approx(3.52, rel=.1)


def test_dense_googlenet_runs_at_79_percent():
    assert speed(1.0) == pytest.approx(.79, abs=.05)


CROSSOVER = """equally fast at density .76, not .85 +- .05. With 8 filters to a group a 1x1 block has 8 weights: at .85
it still takes two vectors of 4, and the 4 activations of a 2x2 tile still take one. From 1.0 to .85 the published curve
gains 1.27x, our whole vectors 1.15x; vectors that fill on average, as an analytical model has them, would gain 1.38x"""


@pytest.mark.xfail(strict=True, reason=CROSSOVER)
def test_speed_crossover():
    assert speed(.90) < 1 < speed(.80)


def test_the_crossover_we_get():
    assert speed(.80) < 1 < speed(.75)


def test_groups_as_large_as_the_accumulators_move_the_crossover_to_80_percent():
    assert speed(.85, kc_max=0) < .95
    assert speed(.80, kc_max=0) == pytest.approx(1, abs=.02)


def test_dense_googlenet_energy():
    """+33 % published, +25 % here. A matter of the table: if DCNN's weight buffer, which re-reads a block of 16
    channels for each held position, cost per bit what SCNN's 500-byte FIFO costs, it would be +56 %."""
    totals = sweep(1.0)
    assert totals["scnn"][1] / totals["dcnn"][1] == pytest.approx(1.33, abs=.1)


def test_energy_crossover_against_dcnn():
    """Equal at density .83 published; between .85 and .9 here."""
    equal = [d for d in (.8, .85, .9, .95) if sweep(d)["scnn"][1] < sweep(d)["dcnn"][1]]
    assert equal == [.8, .85]


@pytest.mark.xfail(strict=True, reason="equal at .80, published .60: our DCNN-opt spends half its energy on weight "
                                       "reads, which gating does not save")
def test_energy_crossover_against_dcnn_opt():
    assert sweep(.65)["scnn"][1] > sweep(.65)["dcnn_opt"][1]
