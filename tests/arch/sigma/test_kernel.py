"""Does the kernel do what the rules say? Against value-by-value placement, and against cases worked by hand."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.flexible.sigma.fast import bitmap
from accelsim.arch.flexible.sigma.policies import POLICIES
from accelsim.arch.registry import machine
from accelsim.errors import ModelError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear, matmul

pytestmark = pytest.mark.small
FULL = os.environ.get("ACCELSIM_PROFILE") == "full"
SIGMA = machine("sigma")


@st.composite
def cases(draw):
    m, n, k = draw(st.integers(1, 12)), draw(st.integers(1, 6)), draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    densities = draw(st.tuples(st.sampled_from([0, .05, .3, .8, 1]), st.sampled_from([0, .05, .3, .8, 1])))
    weight, vectors = rng.random((m, k)) < densities[0], rng.random((n, k)) < densities[1]
    keys = {
        "flex_dpes": draw(st.integers(1, 5)), "multipliers_per_dpe": draw(st.sampled_from([2, 4, 16, 64, 128])),
        "bandwidth_words_per_cycle": draw(st.integers(1, 40)),
        "streaming": draw(st.sampled_from(["limited", "unlimited"])), "stationary_filter": draw(st.booleans()),
        "drain_per_k_tile": draw(st.booleans()),
        "overlap": draw(st.sampled_from(["none", "drain", "load", "pipelined"])),
    }
    return weight, vectors, keys, draw(st.sampled_from(list(POLICIES)))


@settings(max_examples=2000 if FULL else 60, deadline=None)
@given(cases())
def test_both_sides_equal_value_by_value_placement(design, oracle, case):
    weight, vectors, keys, policy = case
    layer, cycles = linear("x", weight, vectors), {}
    for side, pair in {"mk": (weight, vectors), "kn": (vectors, weight)}.items():
        config = design(stationary=side, **keys)
        run = SIGMA.run(layer, config, POLICIES[policy])
        for name, value in oracle(*pair, config, policy).items():
            got = run.cycles if name == "cycles" else (run.stalls | run.counts)[name]
            assert got == value, name
        assert sum(run.stalls.values()) == run.slots * run.cycles
        assert run.counts["macs"] == run.stalls["busy"] == layer.macs_effectual
        cycles[side] = run.cycles
    best = SIGMA.run(layer, design(stationary="best", **keys), POLICIES[policy])
    assert best.cycles == min(cycles.values())
    assert best.mapping["gemms_mk_stationary"] == (cycles["mk"] <= cycles["kn"])


def test_two_folds_by_hand(design):
    """3 x 4 dense weights on 8 multipliers: folds of 8 and 4 values, loads of 2 and 1 cycles, 5 vectors, drains of 4.

    Row 2 is the second fold; in the first one each of two Flex-DPEs holds one whole row.
    """
    layer = linear("x", np.ones((3, 4), bool), np.ones((5, 4), bool))
    run = SIGMA.run(layer, design(stationary="mk"), POLICIES["packed"])
    assert run.cycles == (2 + 5 + 4) + (1 + 5 + 4)
    assert run.stalls == {"busy": 60, "streamed_zero": 0, "unfilled": 20, "bandwidth": 0, "load": 24, "drain": 64}
    counts = run.counts
    assert (counts["fan_adds"], counts["dpu_adds"]) == (5 * 9, 0)
    assert (counts["words_sent"], counts["dpe_inputs"]) == (12 + 2 * 4 * 5, 12 + 3 * 4 * 5)
    assert (counts["psum_writes"], counts["psum_reads"], counts["outputs_written"]) == (15, 0, 15)
    assert counts["bitmap_bits_read"] == 12 + 20 + 2 * 20
    assert counts["switch_traversals"] == (12 + 60) * 5


def test_a_row_across_flex_dpes_and_folds_by_hand(design):
    """One row of 12 values on 2 x 4 multipliers, K whole: a cluster of 8 over two Flex-DPEs, then one of 4."""
    layer = linear("x", np.ones((1, 12), bool), np.ones((3, 12), bool))
    run = SIGMA.run(layer, design(stationary="mk", streaming="unlimited"), POLICIES["packed"])
    assert run.cycles == (2 + 3 + 4) + (1 + 3 + 4)
    assert (run.counts["fan_adds"], run.counts["dpu_adds"]) == (3 * (3 + 3 + 3), 3 * 1)
    assert (run.counts["psum_writes"], run.counts["psum_reads"]) == (6, 3)


def test_the_filter_drops_what_never_meets_a_partner(design):
    weight, vectors = np.ones((4, 4), bool), np.array([[True, False, False, True]])
    kept, all_of_it = (SIGMA.run(linear("x", weight, vectors), design(stationary="mk", stationary_filter=on),
                                 POLICIES["packed"]) for on in (True, False))
    assert (kept.counts["stationary_reads"], all_of_it.counts["stationary_reads"]) == (8, 16)
    assert (kept.stalls["streamed_zero"], all_of_it.stalls["streamed_zero"]) == (0, 8)
    assert kept.counts["controller_ands"] == 16
    assert all_of_it.counts["controller_ands"] == 0


def test_a_drain_is_paid_where_the_array_has_been_filled(design):
    """Two K tiles of 4 values on 8 multipliers: together one filling, so one drain; or one drain per tile."""
    layer = linear("x", np.ones((1, 8), bool), np.ones((2, 8), bool))
    reported, strict = (SIGMA.run(layer, design(stationary="mk", drain_per_k_tile=on), POLICIES["packed"])
                        for on in (False, True))
    assert (reported.stalls["drain"], strict.stalls["drain"]) == (8 * 4, 8 * 8)


def test_words_wait_for_a_narrow_bus(design):
    layer = linear("x", np.ones((1, 4), bool), np.ones((2, 4), bool))
    run = SIGMA.run(layer, design(stationary="mk", bandwidth_words_per_cycle=3), POLICIES["packed"])
    assert (run.cycles, run.stalls["bandwidth"]) == (2 + 2 * 2 + 4, 8 * 2)


def test_an_empty_layer_takes_no_time_but_is_looked_at(design):
    run = SIGMA.run(linear("x", np.zeros((3, 5), bool), np.ones((2, 5), bool)), design(), POLICIES["packed"])
    assert (run.cycles, sum(run.stalls.values())) == (0, 0)
    assert run.counts["bitmap_bits_read"] == 15 + 10
    assert run.counts["bitmap_bits_written"] == 6


def test_groups_and_convolutions_are_successive_gemms(design):
    rng = np.random.default_rng(3)
    weight, vectors = rng.random((3, 5, 9)) < .5, rng.random((3, 4, 9)) < .5
    whole = SIGMA.run(matmul("x", weight, vectors), design(), POLICIES["packed"])
    parts = [SIGMA.run(linear("x", w, v), design(), POLICIES["packed"]) for w, v in zip(weight, vectors, strict=True)]
    assert whole.cycles == sum(part.cycles for part in parts)
    assert whole.counts == {name: sum(part.counts[name] for part in parts) for name in whole.counts}
    layer = conv2d("c", rng.random((4, 1, 3, 3)) < .5, rng.random((1, 2, 6, 5)) < .5, padding=1, groups=2)
    run = SIGMA.run(layer, design(), POLICIES["packed"])
    assert run.counts["macs"] == layer.macs_effectual
    assert sum(run.stalls.values()) == run.slots * run.cycles


def test_overlapping_positions_are_refused(design):
    with pytest.raises(ModelError, match="layer 'x': the policy's positions overlap"):
        SIGMA.run(linear("x", np.ones((2, 4), bool), np.ones((1, 4), bool)), design(stationary="mk"),
                  lambda counts, slots: np.zeros(counts.shape, np.int64))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_bitmaps_hold_every_nonzero(rows, k, seed):
    matrix = np.random.default_rng(seed).integers(-1, 2, (rows, k)).astype(np.int8)
    packed = bitmap.pack_rows(matrix)
    bits = np.unpackbits(packed.view(np.uint8), axis=1, bitorder="little")
    assert (bits[:, :k] == (matrix != 0)).all()
    assert not bits[:, k:].any()
    live = np.full(packed.shape[1], np.iinfo(np.uint64).max, np.uint64)
    assert bitmap.tile_counts(packed, live, 8)[:-(-k // 8)].sum() == np.count_nonzero(matrix)
