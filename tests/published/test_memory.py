"""What the papers say of memory, and what the timeline gives."""

import numpy as np
import pytest

import accelsim

pytestmark = pytest.mark.slow


def late_vgg_layer() -> accelsim.Layer:
    """VGG-16 conv5_2 at its published densities (.330 input, .286 weights), random masks: fits SCNN's RAMs."""
    rng = np.random.default_rng(11)
    weight, active = rng.random((512, 512, 3, 3)) < .286, rng.random((1, 512, 14, 14)) < .330
    return accelsim.conv2d("conv5_2", weight, active, padding=1)


def slowdown(gbps: float) -> float:
    layer = late_vgg_layer()
    return accelsim.simulate(layer, "scnn", set={"dram.gbps": gbps}).cycles / accelsim.simulate(layer, "scnn").cycles


SLOWED_EARLIER = """the paper slows down only below about 4 GB/s. Here it is about 11: every weight of a late layer is
read once per image, 1.7 MB in 20-bit entries within 0.15 ms, which no schedule can hide at 4 GB/s. The paper's
statement may be about the layers that are tiled in time alone, or weights that several images share"""


@pytest.mark.xfail(strict=True, reason=SLOWED_EARLIER)
def test_scnn_slows_only_below_4_gbps():
    assert slowdown(5.0) < 1.05


def test_scnn_at_the_nominal_bandwidth_is_not_slowed():
    assert slowdown(50.0) < 1.02
    assert slowdown(16.0) < 1.05
    assert slowdown(4.0) > 2


def test_scnn_needs_what_its_weights_need():
    """Memory-bound cycles are those of the bytes, within 2 %: the rest is the first fetch and the latency."""
    result = accelsim.simulate(late_vgg_layer(), "scnn", set={"dram.gbps": 2.0})
    assert result.cycles == pytest.approx(result.counts["dram_read_bits"] / 16, rel=.02)
    assert result.layers[0].roofline.bound == "dram"


def test_tpu_is_bound_by_its_weight_memory():
    """The paper's fully connected networks at small batches: 34 GB/s feed 256 x 256 weights in 2,700 cycles of 16-bit
    words (half of that with the paper's 8), which a batch must exceed."""
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 9, (1024, 1024))
    bound = {n: accelsim.simulate(accelsim.linear("fc", weight, np.ones((n, 1024), np.int8)), "tpu_v1_dram")
             for n in (16, 4096)}
    tile_cycles = 256 * 256 * 16 / (34e9 * 8 / 700e6)
    assert bound[16].cycles == pytest.approx(16 * tile_cycles, rel=.05)
    assert bound[4096].stalls["memory_weights"] < .05 * sum(bound[4096].stalls.values())
