"""Does SCNN's reference, with DNNsim's choices, give DNNsim's answers?"""

import numpy as np
import pytest

from accelsim.workload.conv2d import Conv2d, conv2d


def dnnsim_layer(channels: int, plane: int, filters: int, taps: int, padding: int) -> Conv2d:
    """The layer that DNNsim's answers are for: weight density .35, activation density .5, seed 0.

    The answers depend on where the non-zeros are; the floats become integers which keep that.
    """
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((filters, channels, taps, taps)).astype(np.float32)
    weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - 0.35)] = 0
    shape = (1, channels, plane, plane)
    activation = np.abs(rng.standard_normal(shape)).astype(np.float32) + np.float32(0.05)
    activation[rng.random(shape) >= 0.5] = 0
    away_from_zero = [(np.sign(x) * np.ceil(np.abs(x) * 100)).astype(np.int16) for x in (weight, activation)]
    return conv2d("dnnsim", *away_from_zero, padding=padding)


@pytest.mark.parametrize(("layer", "cycles", "products", "conflict_slots"), [
    ((4, 8, 8, 3, 1), 57, 3_001, 1_360),
    pytest.param((256, 14, 1024, 1, 0), 30_009, 9_009_236, 4_890_656, marks=pytest.mark.slow),
    pytest.param((256, 13, 384, 3, 1), 102_586, 23_321_100, 14_406_352, marks=pytest.mark.slow),
])
def test_dnnsim_answers(simulate, dnnsim, layer, cycles, products, conflict_slots):
    result = simulate(dnnsim_layer(*layer), dnnsim)
    assert (result.cycles, result.counts["macs"]) == (cycles, products)
    assert result.stalls["bank_conflict"] + result.stalls["drain"] == conflict_slots
