"""Is DNNsim's accounting a regrouping of ours? (Its cycles and products are claims: tests/published.)"""

import pytest

from accelsim.arch.planar.scnn.claims import DNNSIM, dnnsim, dnnsim_layer


@pytest.mark.parametrize("row", DNNSIM, ids=str)
def test_five_parts(row):
    """DNNsim's halo is 2 cycles (twice the tile) a channel of a group here."""
    run = dnnsim(row)
    stalls = dict(run.stalls)
    assert run.counts["macs"] == dnnsim_layer(row).macs_effectual
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
