"""Does the preset `scnn_dnnsim` give DNNsim's answers, to the cycle and to the slot?"""

from typing import NamedTuple

import numpy as np
import pytest

from accelsim.arch import load_arch, machine
from accelsim.workload.layer import Conv2d, conv2d

SCNN = machine("scnn")


class Answer(NamedTuple):
    cycles: int
    products: int
    conflict_slots: int


ROWS = {  # C, X, K, R, padding, weight density, activation density
    (256, 13, 384, 3, 1, 1.0, 1.0): Answer(221_952, 134_578_176, 0),
    (256, 13, 384, 3, 1, .35, .50): Answer(102_586, 23_321_100, 14_406_352),
    (256, 14, 1024, 1, 0, .35, .50): Answer(30_009, 9_009_236, 4_890_656),
    (4, 8, 8, 3, 1, .35, .50): Answer(57, 3_001, 1_360),
}


def variant_layer(channels: int, size: int, filters: int, taps: int, padding: int, weights: float,
                  active: float) -> Conv2d:
    """DNNsim's test data, as patterns."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((filters, channels, taps, taps)).astype(np.float32)
    weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - weights)] = 0
    activation = np.abs(rng.standard_normal((1, channels, size, size))).astype(np.float32) + np.float32(.05)
    activation[rng.random(activation.shape) >= active] = 0
    return conv2d("variant", weight != 0, activation != 0, padding=padding)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_known_answers(row):
    layer = variant_layer(*row)
    run = SCNN.run(layer, load_arch("scnn_dnnsim"), SCNN.policies["equal_planes"])
    assert Answer(run.cycles, run.counts["macs"], run.stalls["bank_conflict"]) == ROWS[row]
    assert run.counts["macs"] == layer.macs_effectual


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_five_parts(row):
    """DNNsim's accounting is a regrouping of ours; its halo is 2 cycles (twice the tile) a channel of a group here."""
    layer = variant_layer(*row)
    run = SCNN.run(layer, load_arch("scnn_dnnsim"), SCNN.policies["equal_planes"])
    stalls = dict(run.stalls)
    useful, conflicts = stalls["busy"], stalls["bank_conflict"] + stalls["drain"]
    fragmentation = stalls["fragmentation"] + stalls["placeholder"] + stalls["outside"]
    waiting, halo = stalls["barrier"] + stalls["idle_tile"], stalls["halo"] + stalls["post"]
    assert useful + fragmentation + conflicts + waiting + halo == 64 * 16 * run.cycles
    assert useful + fragmentation == 16 * run.counts["steps"]
    assert stalls["placeholder"] == stalls["drain"] == stalls["post"] == 0
    tile, pad, taps = -(-(row[1] + 2 * row[4]) // 8), row[4], row[3]
    sides = (taps - 1 - pad, tile, pad)
    widest = max(a * b for i, a in enumerate(sides) for j, b in enumerate(sides) if (i, j) != (1, 1))
    assert halo == 64 * 16 * widest * row[2]
