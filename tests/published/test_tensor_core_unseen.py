"""Measurements of the RTX 3090 that no preset was chosen with (results of the repository UDC-GAC/venom).

The sweep of test_tensor_core.py is M = 1024; here M = 768, N = 4096, the same K, the same machine and libraries, and
the same launch overhead of 20 us, not fitted again. Spatha is that repository's own 2:4 kernel, whose CTA tile its
results state. So these points test the clock, the tiles and the overhead, which were chosen in sight of M = 1024.
"""

from functools import cache

import numpy as np
import pytest

from accelsim import linear, simulate

pytestmark = pytest.mark.slow

KS = range(768, 12_289, 768)
DENSE_US = dict(zip(KS, (  # cuBLAS
    121.804, 228.925, 277.986, 366.590, 455.174, 543.170, 629.178, 717.479, 805.638, 895.581, 981.604, 1069.93,
    1239.73, 1333.94, 1428.79, 1522.48), strict=True))
SPARSE_US = dict(zip(KS, (  # cuSPARSELt, 2:4
    89.741, 160.614, 231.567, 302.586, 374.040, 444.658, 515.631, 586.536, 657.464, 728.180, 799.291, 869.264,
    941.109, 1010.18, 1081.39, 1153.10), strict=True))
SPATHA_US = {768: 79.7, 1536: 153.4, 2304: 228.0, 3072: 299.0, 3840: 368.9}  # M = 1024, tile 128x64_32, two stages
OVERHEAD_US = 20.0


@cache
def ours_us(arch: str, m: int, k: int, tile: str = "auto") -> float:
    pattern = np.zeros((m, k // 4, 4), bool)
    pattern[:, :, :2] = True
    layer = linear("gemm", pattern.reshape(m, k), np.ones((4096, k), bool))
    return simulate(layer, arch, set={"tile": tile}).time_us + OVERHEAD_US


@pytest.mark.parametrize("k", [k for k in KS if k != 1536])
def test_dense(k):
    """15 of 16 points within 8 %, 13 of them within 6 %: five waves of 128 x 64 at 1395 MHz."""
    assert ours_us("rtx3090_dense", 768, k) == pytest.approx(DENSE_US[k], rel=.08)


@pytest.mark.xfail(strict=True, reason="-12.1 %: below K = 2304 the library runs another kernel, as with M = 1024")
def test_dense_at_1536():
    assert ours_us("rtx3090_dense", 768, 1536) == pytest.approx(DENSE_US[1536], rel=.12)


@pytest.mark.xfail(strict=True, reason="15 to 25 % short: 768 rows take the library as long as 1024, two waves of a "
                                       "tile of 32,768 outputs; auto takes three waves of 128 x 128")
@pytest.mark.parametrize("k", KS)
def test_sparse(k):
    assert ours_us("rtx3090", 768, k) == pytest.approx(SPARSE_US[k], rel=.12)


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("tile", ["256x128_64x2", "128x256_64x2"])
def test_sparse_with_the_larger_tile(tile, k):
    """Within 5 %, from K = 3072 on within 1 %; test_tensor_core.py's points too."""
    rel = .055 if k < 3072 else .011
    assert ours_us("rtx3090", 768, k, tile) == pytest.approx(SPARSE_US[k], rel=rel)
    assert ours_us("rtx3090", 1024, k, tile) == pytest.approx(SPARSE_US[k], rel=.07 if k < 3072 else .02)


@pytest.mark.parametrize("k", SPATHA_US)
def test_a_kernel_whose_tile_is_known(k):
    """Within 11 %."""
    assert ours_us("rtx3090", 1024, k, "128x64_32x2") == pytest.approx(SPATHA_US[k], rel=.12)
