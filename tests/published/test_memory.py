"""What lies behind the published figures of memory: waits are those of the bytes that have to be moved."""

import numpy as np
import pytest

import accelsim
from accelsim.arch.planar.scnn.claims import late_vgg_layer, slowdown

pytestmark = pytest.mark.slow


def test_scnn_slows_gradually():
    assert slowdown(16.0) < 1.05
    assert slowdown(4.0) > 2


def test_scnn_needs_what_its_weights_need():
    """Memory-bound cycles are those of the bytes, within 2 %: the rest is the first fetch and the latency."""
    result = accelsim.simulate(late_vgg_layer(), "scnn", set={"dram.gbps": 2.0})
    assert result.cycles == pytest.approx(result.counts["dram_read_bits"] / 16, rel=.02)
    assert result.layers[0].roofline.bound == "dram"


def test_a_large_batch_frees_the_tpu_from_its_weight_memory():
    weight = np.random.default_rng(0).integers(1, 9, (1024, 1024))
    result = accelsim.simulate(accelsim.linear("fc", weight, np.ones((4096, 1024), np.int8)), "tpu_v1_dram")
    assert result.stalls["memory_weights"] < .05 * sum(result.stalls.values())
