"""SparseNN's phases by hand, and what a predictor of full rank may not do."""

import numpy as np
import pytest

import accelsim


def ran(layer, **changes):
    return accelsim.simulate(layer, "sparsenn", set=changes)


@pytest.mark.small
def test_phases_by_hand():
    """4 PEs, r = 2, 6 inputs of which 0, 1, 4 are not zero: PE 0 has two of them; 8 rows, two of each PE."""
    layer = accelsim.linear("l", np.ones((8, 6), np.int8), np.array([3, 2, 0, 0, 5, 0], np.int8))
    keys = {"pes": 4, "rank": 2, "least_rows": 1}
    off, on = ran(layer, predictor="off", **keys).layers[0], ran(layer, **keys).layers[0]
    assert off.cycles == 3 * 2 + 8
    assert on.cycles == off.cycles + (2 * 2 + 2 + 3) + (2 * 2 + 3)
    assert on.counts["predictor_macs"] == 2 * 3 + 2 * 8
    assert on.counts["kept_rows"] == 8
    assert on.counts["wrong_zeros"] == 0


@pytest.mark.small
def test_rows_below_zero_are_left_out():
    rows = np.repeat(np.array([[1], [-1]], np.int8), [3, 5], axis=0) * np.ones(6, np.int8)
    layer = accelsim.linear("l", rows, np.full(6, 2, np.int8))
    found = accelsim.simulate(layer, "sparsenn", engine="reference", set={"pes": 4, "rank": 1, "least_rows": 1})
    assert found.layers[0].counts["kept_rows"] == 3
    np.testing.assert_array_equal(found.layers[0].output, [[[12, 12, 12, 0, 0, 0, 0, 0]]])


@pytest.mark.small
def test_a_small_rank_makes_wrong_zeros_and_they_are_counted():
    rng = np.random.default_rng(4)
    layer = accelsim.linear("l", rng.integers(-9, 10, (40, 30)), rng.integers(0, 9, 30))
    full, poor = (ran(layer, rank=rank, least_rows=1).layers[0].counts for rank in (30, 1))
    exact = layer.output()[0, 0]
    assert full["wrong_zeros"] == 0
    assert full["kept_rows"] == np.count_nonzero(exact > 0)
    assert poor["wrong_zeros"] > 0


def test_a_predicted_mask_on_the_masks_of_a_third_party():
    """107 rows of 1,000 kept, 309 inputs: 1,244 cycles of phase W."""
    rng = np.random.default_rng(5)
    vector, kept = rng.random(1000) < .3, rng.random(1000) < .1
    weights = np.where(kept, 1, -1).astype(np.int8)[:, None] * np.ones(1000, np.int8)
    layer = accelsim.linear("l", weights, vector.astype(np.int8))
    found = ran(layer, rank=1).layers[0]
    assert found.counts["kept_rows"] == kept.sum()
    most = int(np.bincount(np.arange(1000) % 64, vector).max())
    v_cycles, u_cycles = most + 1 + 3, 16 + 3
    assert found.cycles == 1244 + v_cycles + u_cycles
