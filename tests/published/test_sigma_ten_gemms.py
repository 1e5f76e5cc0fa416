"""SIGMA on all ten GEMMs of its evaluation: every bar of Fig. 12, the averages, and the energy of Fig. 13.

Shapes and heights of the bars were digitised by a third party (the ZigZag family's): speed-ups over the 128 x 128
array, the sparse ones read to about 0.5 and at densities 0.2 and 0.7, which are that party's assumption. Averages are
those of the paper's text. As there, more words stream per cycle than the chip's 128 (here: unlimited), and the filter
is off.

Which averages: the paper does not say. The arithmetic means of its own bars are 2.50 and 7.6, the geometric ones 1.87
and 7.0, where the text has about 2 and about 6: so geometric means are compared. Efficiencies are arithmetic means.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from accelsim import linear, simulate
from accelsim.arch import load_arch, machine

pytestmark = pytest.mark.slow

BARS = {  # M, N, K: dense, sparse
    (128, 2048, 4096): (1.0625, 4.5), (320, 3072, 4096): (1.21875, 5.5), (1632, 36548, 1024): (1.0625, 5),
    (2048, 4096, 32): (4, 16), (1024, 16, 500_000): (1 / .1125, 1 / .1125), (35, 8457, 2560): (3.375, 11),
    (31999, 1024, 84): (1.3125, 8), (84, 1024, 4096): (1.625, 6), (2048, 1, 128): (1.125, 5),
    (256, 256, 2048): (1.3125, 6)}
SHAPES = list(BARS)
DENSE, SPARSE = (1.0, 1.0), (.2, .7)
UNLIMITED = {"streaming": "unlimited", "stationary_filter": False}
DESIGNS = {  # name: preset and changes
    "sigma": ("sigma", UNLIMITED), "sigma preset": ("sigma", {}), "128x128": ("tpu_128x128", {}),
    "256x64": ("tpu_256x64", {}), "512x32": ("tpu_512x32", {}), "64x256": ("tpu_128x128", {"rows": 64, "cols": 256}),
    "32x512": ("tpu_128x128", {"rows": 32, "cols": 512})}
K_ALONG_ROWS, K_ALONG_COLUMNS = ("128x128", "256x64", "512x32"), ("128x128", "64x256", "32x512")


class Figures(NamedTuple):
    cycles: int
    energy_pj: float
    efficiency: float  # effectual MACs per multiplier and cycle


@cache
def runs(shape: tuple[int, int, int], densities: tuple[float, float]) -> dict[str, Figures]:
    """All designs on one draw; the layer itself is not kept."""
    (m, n, k), out = shape, {}
    layer = linear("gemm", bitmap(m, k, densities[0], 1), bitmap(n, k, densities[1], 2))
    for name, (preset, changes) in DESIGNS.items():
        result = simulate(layer, preset, set=changes)
        out[name] = Figures(result.cycles, result.energy_pj, layer.macs_effectual / 16_384 / result.cycles)
    return out


def bitmap(rows: int, k: int, density: float, seed: int) -> np.ndarray:
    """Random bools, drawn a few rows at a time."""
    rng, out = np.random.default_rng(seed), np.empty((rows, k), bool)
    step = max(1, (1 << 24) // k)
    for low in range(0, rows, step):
        part = out[low:low + step]
        np.less(rng.integers(0, 1 << 16, part.shape, np.uint16), density * (1 << 16), out=part)
    return out


def speedups(densities: tuple[float, float], over: tuple[str, ...] = ("128x128",)) -> list[float]:
    """Of SIGMA over the fastest of the arrays `over`."""
    figures = [runs(shape, densities) for shape in SHAPES]
    return [min(f[name].cycles for name in over) / f["sigma"].cycles for f in figures]


def energy_ratios(design: str) -> list[float]:
    """Energy of the 128 x 128 array over that of SIGMA, sparse."""
    figures = [runs(shape, SPARSE) for shape in SHAPES]
    return [f["128x128"].energy_pj / f[design].energy_pj for f in figures]


def efficiency(densities: tuple[float, float], *designs: str) -> float:
    """Mean over the GEMMs, of the best of `designs` each."""
    return float(np.mean([max(runs(shape, densities)[name].efficiency for name in designs) for shape in SHAPES]))


def geometric(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


@pytest.mark.parametrize("shape", SHAPES)
def test_dense_bars(shape):
    """All ten within 4 %."""
    assert speedups(DENSE)[SHAPES.index(shape)] == pytest.approx(BARS[shape][0], rel=.04)


HIGH_BAR = pytest.mark.xfail(strict=True, reason=(
    "12.5 (+41 %): the digitised sparse bar is the dense one, 0.1125 of the array's cycles, given for both choices of "
    "the stationary operand, though the paper's text says that they differ; neither of ours (12.5 and 5.0) is near it"))


@pytest.mark.parametrize("shape", [pytest.param(s, marks=HIGH_BAR if s == (1024, 16, 500_000) else ()) for s in SHAPES])
def test_sparse_bars(shape):
    """Nine within 20 % (-16 to +19)."""
    assert speedups(SPARSE)[SHAPES.index(shape)] == pytest.approx(BARS[shape][1], rel=.2)


def test_the_means_are_those_of_the_bars():
    """Dense 2.49 and 1.87 against 2.50 and 1.87; sparse 7.96 and 7.30 against 7.59 and 6.99."""
    for densities, column in ((DENSE, 0), (SPARSE, 1)):
        bars = [bar[column] for bar in BARS.values()]
        for mean in (np.mean, geometric):
            assert mean(speedups(densities)) == pytest.approx(mean(bars), rel=.06)


def test_dense_efficiency_of_sigma():
    """80.3 %."""
    assert efficiency(DENSE, "sigma") == pytest.approx(.82, rel=.1)


@pytest.mark.parametrize("arrays", [K_ALONG_ROWS, K_ALONG_COLUMNS])
def test_dense_efficiency_of_the_best_of_three_systolic_arrays(arrays):
    """56.0 % and 57.7 %. The paper adds up along the columns, yet fits the K of 2048-4096-32 to 512 x 32's columns."""
    assert efficiency(DENSE, *arrays) == pytest.approx(.59, rel=.1)


def test_32_columns_suit_a_k_of_32_when_k_lies_along_them():
    """512 x 32 jumps ahead on 2048-4096-32 in the paper; with K along the rows it does not."""
    figures = runs((2048, 4096, 32), DENSE)
    assert figures["128x128"].cycles > 3.5 * figures["32x512"].cycles
    assert figures["512x32"].cycles > figures["128x128"].cycles


def test_dense_average_speedup():
    """1.87, published about 2."""
    assert geometric(speedups(DENSE)) == pytest.approx(2, rel=.1)


@pytest.mark.xfail(strict=True, reason="1.50 (mean 1.67): 82 % against 59 % leave no 2x over the best of three either")
def test_dense_average_speedup_over_the_best_of_three():
    assert geometric(speedups(DENSE, K_ALONG_ROWS)) == pytest.approx(2, rel=.1)


def test_sparse_efficiencies():
    """46 % and 7 %, published 40 % and below 10 %."""
    assert efficiency(SPARSE, "sigma") == pytest.approx(.4, rel=.2)
    assert efficiency(SPARSE, "128x128") < .1


@pytest.mark.xfail(strict=True, reason="7.3 (+28 %); the bars themselves give 7.0: the paper averages over "
                                       "combinations of densities that it does not list")
def test_sparse_average_speedup():
    assert geometric(speedups(SPARSE)) == pytest.approx(5.7, rel=.2)


def test_energy_at_the_published_bandwidth_of_the_chip():
    """Published 3x on average. 2.88 (geometric 2.72) with the preset's 128 words per cycle and table gemm_45nm."""
    assert np.mean(energy_ratios("sigma preset")) == pytest.approx(3, rel=.2)
    assert geometric(energy_ratios("sigma preset")) == pytest.approx(3, rel=.2)


@pytest.mark.xfail(strict=True, reason=(
    "2.09 (-30 %; geometric 1.62) with unlimited streaming, in which the speed-ups were published: a fold spans the "
    "whole K, so few rows share a streamed word, and SRAM reads dominate; on 1024-16-500000 none do, and SIGMA takes "
    "ten times the array's energy. The paper derives its 3x from a speed-up of 6 at twice the chip's power"))
def test_energy_at_unlimited_bandwidth():
    assert np.mean(energy_ratios("sigma")) == pytest.approx(3, rel=.2)


def test_energy_as_the_paper_has_it():
    """Speed-up over the ratio of the chips' powers, about 2: 3.65, published 3.2 in effective TFLOPS per watt."""
    assert geometric(speedups(SPARSE)) / 2 == pytest.approx(3.2, rel=.2)


def test_area_efficiency():
    """Speed-up per area, published about 5: 5.3, with the published areas."""
    sigma, array = (machine(load_arch(name).kind).area_mm2(load_arch(name)) for name in ("sigma", "tpu_128x128"))
    assert geometric(speedups(SPARSE)) * array / sigma == pytest.approx(5, rel=.1)
