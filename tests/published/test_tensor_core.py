"""How far are the tensor cores from what was measured and published, on actual operands?

venom: RTX 3090, FP16, M = 1024, N = 4096, K swept, microseconds (results in the repository UDC-GAC/venom).
A100: 16384 cubed (NVIDIA/cutlass, issue 408, clocks locked). stc: Sparseloop's figure 15. dstc: Sparseloop's figure 13,
read off the DSTC paper's figure 21, so with reading errors.

Assumed, and stated in the presets: the tiles and `auto`'s choice among them, as many resident CTAs as registers and
shared memory allow, and for the RTX 3090 its *base* clock, 1395 MHz: the report does not give it. At that clock the
measured slopes are whole waves of tiles (sparse 128.6 cycles per k for 4 waves of 32; dense 224.3 for 7 of 32, above
K = 9216 257.9 for 4 of 64); at the boost clock, 1695 MHz, the worst point is 16 % off whatever the overhead. So the
clock, and the dense candidate 128 x 64, were chosen with this table in sight; docs/machines/tensor_core.md says what
the alternatives give. One launch overhead is fitted, once for all points.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest

from accelsim import simulate
from accelsim.arch import load_arch, machine
from accelsim.arch.base import LayerRun
from accelsim.results import Result
from accelsim.workload.layer import Matmul, linear

pytestmark = pytest.mark.slow

VENOM = {  # K: dense (cuBLAS), 2:4 (cuSPARSELt)
    768: (157.9, 90.6), 1536: (294.2, 161.6), 2304: (386.7, 232.6), 3072: (510.4, 303.8), 3840: (635.3, 375.0),
    4608: (757.8, 445.8), 5376: (880.8, 516.8), 6144: (1004.4, 586.3), 6912: (1127.6, 658.7), 7680: (1251.9, 729.6),
    8448: (1374.6, 799.9), 9216: (1498.3, 869.5), 9984: (1862.2, 942.3), 10752: (2004.4, 1011.7),
    11520: (2146.3, 1084.1), 12288: (2288.2, 1152.9)}
SAME_KERNEL = [k for k in VENOM if k <= 9216]  # the dense library changes its kernel above
OVERHEAD_US = 20.0  # fitted once: least squares of the relative errors of both columns, tested below

STC = {  # M, K, N: activation density; uJ of TC, of STC with dense weights, of STC at 2:4; cycles of TC
    (512, 256, 1024): (.818, 205.45, 187.70, 126.03, 131072), (512, 128, 1024): (.557, 119.51, 110.63, 79.80, 65536),
    (128, 1152, 1024): (.444, 276.58, 248.15, 173.42, 147456), (512, 1024, 256): (.267, 247.59, 225.79, 132.61, 131072)}
DSTC = {(1.0, 1.0): 4600, (1.0, .4): 2500, (.7, 1.0): 3300, (.7, .4): 1820, (.3, 1.0): 1930, (.3, .4): 1100}


def sparse(rows: int, k: int) -> np.ndarray:
    """Two of every four, the pair shifted from group to group."""
    groups = np.arange(k // 4)[:, None] % 3 + np.arange(2)
    pattern = np.zeros((rows, k // 4, 4), bool)
    pattern[:, np.arange(k // 4)[:, None], groups] = True
    return pattern.reshape(rows, k)


def gemm(m: int, n: int, k: int, compressed: bool = True) -> Matmul:
    return linear("gemm", sparse(m, k) if compressed else np.ones((m, k), bool), np.ones((n, k), bool))


def run(layer: Matmul, arch: str, **changes: Any) -> LayerRun:
    model, config = machine("tensor_core"), load_arch(arch, changes)
    outcome = model.run(layer, config, model.policies["strict"])
    assert sum(outcome.stalls.values()) == outcome.slots * outcome.cycles
    return outcome


@cache
def rtx3090_us(k: int, arch: str, tile: str = "auto") -> float:
    """Microseconds without any launch overhead."""
    return run(gemm(1024, 4096, k), arch, tile=tile).cycles / load_arch(arch).clock_mhz


@pytest.mark.parametrize("k", VENOM)
def test_rtx3090_sparse(k):
    """All 16 points within 12 % (worst: +4 %, at the smallest K)."""
    assert rtx3090_us(k, "rtx3090") + OVERHEAD_US == pytest.approx(VENOM[k][1], rel=.12)


@pytest.mark.parametrize("k", SAME_KERNEL)
def test_rtx3090_dense(k):
    """Within 12 %; worst at 768 (-6 %) and 1536 (-8 %), where the measured slope is that of another kernel."""
    assert rtx3090_us(k, "rtx3090_dense") + OVERHEAD_US == pytest.approx(VENOM[k][0], rel=.12)


def test_the_overhead_is_the_one_that_fits_all_points():
    pairs = [(rtx3090_us(k, arch), VENOM[k][column]) for column, arch in enumerate(("rtx3090_dense", "rtx3090"))
             for k in (SAME_KERNEL if column == 0 else VENOM)]
    weight = sum(1 / us ** 2 for _, us in pairs)
    assert sum((us - ours) / us ** 2 for ours, us in pairs) / weight == pytest.approx(OVERHEAD_US, abs=.5)


@pytest.mark.xfail(strict=True, reason="12.6 % short from K = 9984 on: the library changes its kernel, auto does not")
@pytest.mark.parametrize("k", [k for k in VENOM if k > 9216])
def test_rtx3090_dense_after_the_library_changed_its_kernel(k):
    assert rtx3090_us(k, "rtx3090_dense") + OVERHEAD_US == pytest.approx(VENOM[k][0], rel=.12)


@pytest.mark.parametrize("k", [k for k in VENOM if k > 9216])
def test_the_changed_kernel_is_a_larger_tile(k):
    """With 128 x 128, 4 waves of 64 cycles per k, the same points agree to 1 %."""
    assert rtx3090_us(k, "rtx3090_dense", "128x128_32x5") + OVERHEAD_US == pytest.approx(VENOM[k][0], rel=.01)


def test_waves_are_visible():
    """Same number of waves, same time: 82 SMs, 8 tile rows, so a wave ends at 10.25 tile columns of 128."""
    by_columns = {columns: run(gemm(1024, 128 * columns, 3072), "rtx3090")
                  for columns in (1, 10, 11, 20, 21, 30, 31, 41)}
    waves = {columns: outcome.mapping["waves"] for columns, outcome in by_columns.items()}
    assert waves == {1: 1, 10: 1, 11: 2, 20: 2, 21: 3, 30: 3, 31: 4, 41: 4}
    cycles = {columns: outcome.cycles for columns, outcome in by_columns.items()}
    for few, many in ((1, 10), (11, 20), (21, 30), (31, 41)):
        assert cycles[many] == pytest.approx(cycles[few], rel=.04)
    assert [round(cycles[c] / cycles[10], 1) for c in (20, 30, 41)] == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(("arch", "tflops"), [("a100_40gb", 484), ("a100_dense", 302.3)])
def test_a100_16384_cubed(arch, tflops):
    """Sparse 531 (+9.7 %): shared memory takes 600 cycles of a step's 512. Dense 310 (+2.6 %)."""
    layer = linear("gemm", sparse(16384, 16384), np.ones((16384, 16384), bool))
    ours = 2 * 16384 ** 3 / (run(layer, arch).cycles / load_arch(arch).clock_mhz) / 1e6
    assert ours == pytest.approx(tflops, rel=.1)


@cache
def stc_runs(shape: tuple[int, int, int]) -> tuple[Result, Result, Result]:
    """TC; STC with dense weights; STC with 2:4 weights. Activations drawn at the published density."""
    m, k, n = shape
    activation = np.random.default_rng(m + k + n).random((n, k)) < STC[shape][0]
    dense, pruned = linear("g", np.ones((m, k), bool), activation), linear("g", sparse(m, k), activation)
    return (simulate(dense, "tc_sparseloop"), simulate(dense, "stc_sparseloop", policy="dense_fallback"),
            simulate(pruned, "stc_sparseloop"))


@pytest.mark.parametrize("shape", STC)
def test_stc_issues_for_half_the_cycles(shape):
    """Issue cycles equal Sparseloop's cycles, which have no pipeline to fill: TC, STC dense, STC 2:4."""
    issue = [result.layers[0].mapping["issue_cycles"] for result in stc_runs(shape)]
    cycles = STC[shape][4]
    assert issue == [cycles, cycles, cycles // 2]


@pytest.mark.parametrize("shape", STC)
def test_stc_cycles_with_the_pipeline(shape):
    """Filling and emptying is paid in full by both: 0.504 of the cycles instead of 0.5."""
    tc, _, stc = stc_runs(shape)
    assert stc.cycles / tc.cycles == pytest.approx(.5, rel=.02)


def test_stc_energy():
    """Totals over the four GEMMs, tables tc_sparseloop_45nm and stc_sparseloop_45nm: 0.604 and 0.887."""
    tc, dense, stc = (sum(stc_runs(shape)[i].energy_pj for shape in STC) for i in range(3))
    assert stc / tc == pytest.approx(.6028, rel=.1)
    assert dense / tc == pytest.approx(.9095, rel=.1)


@pytest.mark.parametrize("shape", STC)
def test_stc_energy_of_each_gemm(shape):
    _, tc_uj, _, stc_uj, _ = STC[shape]
    tc, _, stc = stc_runs(shape)
    assert stc.energy_pj / tc.energy_pj == pytest.approx(stc_uj / tc_uj, rel=.1)


@cache
def dstc_cycles(densities: tuple[float, float]) -> int:
    rng = np.random.default_rng(1)
    weight, vectors = (rng.random((4096, 4096)) < density for density in densities)
    return run(linear("g", weight, vectors), "dstc_v100").cycles


@pytest.mark.parametrize("densities", list(DSTC)[1:])
def test_dstc_grid(densities):
    """Ratios to the dense point, all above the published ones: +1, +12, +12, +8, +12 %."""
    ours = dstc_cycles(densities) / dstc_cycles((1.0, 1.0))
    assert ours == pytest.approx(DSTC[densities] / DSTC[1.0, 1.0], rel=.12)


def test_small_k_says_why():
    """Far from twice as fast: the stalls name the prologue, the epilogue and the tail wave."""
    dense, pruned = (run(gemm(1024, 4096, 256), arch) for arch in ("a100_dense", "a100_40gb"))
    assert dense.cycles / pruned.cycles < 1.5
    lost = {name: cycles / pruned.slots / pruned.cycles for name, cycles in pruned.stalls.items()}
    assert lost["prologue"] + lost["epilogue"] + lost["tail_wave"] > .35
