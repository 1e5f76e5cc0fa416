"""Is SCNN's kernel right, by hand and against a count of products one by one?"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import testing
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.shared.policies import POLICIES
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import ConfigError, UnsupportedLayerError
from accelsim.simulation import check_accounting
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

SCNN = machine("scnn")
EQUAL = POLICIES["equal_planes"]
pytestmark = pytest.mark.small


def design(**changes: Any) -> ScnnConfig:
    """The preset `scnn` on 2 x 2 PEs with other keys."""
    config = load_arch("scnn", {"pe_rows": 2, "pe_cols": 2} | changes)
    assert isinstance(config, ScnnConfig)
    return config


@st.composite
def designs(draw: st.DrawFn) -> ScnnConfig:
    """Small designs, every parameter varied."""
    def pick(*values):
        return draw(st.sampled_from(values))

    return ScnnConfig(
        name="small", clock_mhz=1000.0, energy_table="planar_45nm", pe_rows=draw(st.integers(1, 4)),
        pe_cols=draw(st.integers(1, 4)), weight_vector=draw(st.integers(1, 6)),
        activation_vector=draw(st.integers(1, 6)), banks=pick(1, 3, 8, 32, 40), bank_hash=pick("xor", "address"),
        accumulator_entries=pick(4, 9, 40, 1024), bank_queue_entries=pick(0, 1, 2, 5),
        weight_order=pick("taps_outer", "filters_outer"), index_bits=pick(0, 1, 2, 4), value_bits=pick(8, 16),
        tiling=pick("input_plane", "padded_plane"), kc_rule=pick("accumulators", "output_tile"),
        kc_max=pick(0, 1, 2, 3), barrier=pick("group", "channel"), halo=pick("none", "exchange", "widest_neighbour"),
        halo_entries_per_cycle=pick(1, 3), post=pick("overlapped", "serial"), post_entries_per_cycle=pick(0, 1, 3),
        iaram_bits=pick(0, 20, 200, 1000), oaram_bits=pick(0, 20, 2000), weight_fifo_entries=pick(0, 1, 2, 5))


@given(testing.layers(), designs(), st.sampled_from(sorted(POLICIES)))
def test_bounds_and_books(layer, config, policy):
    try:
        run = SCNN.run(layer, config, POLICIES[policy])
    except UnsupportedLayerError:
        return
    check_accounting(SCNN, layer, run)
    counts, stalls = run.counts, run.stalls
    assert counts["macs"] == stalls["busy"] == layer.macs_effectual
    assert run.cycles >= run.mapping["oracle_cycles"]
    worked = sum(stalls[s] for s in ("busy", "fragmentation", "placeholder", "outside"))
    assert worked == config.lanes * counts["steps"]
    assert counts["multiplies"] == stalls["busy"] + stalls["outside"]
    assert testing.facts(SCNN.run(layer.pattern(), config, POLICIES[policy])) == testing.facts(run)


@given(testing.layers(), designs())
def test_longer_queues_and_fewer_barriers_never_cost_cycles(layer, config):
    def cycles(**changes: object) -> int:
        changed = config.model_copy(update={"halo": "none", "post_entries_per_cycle": 0} | changes)
        return SCNN.run(layer, changed, EQUAL).cycles

    try:
        by_queue = [cycles(bank_queue_entries=q) for q in (0, 1, 4, 100)]
    except UnsupportedLayerError:
        return
    assert by_queue == sorted(by_queue, reverse=True)
    assert cycles(bank_queue_entries=0, barrier="group") <= cycles(bank_queue_entries=0, barrier="channel")


def test_one_step_by_hand():
    """Two activations in a column meet filter 0 and 4 of a 1 x 1 layer: banks 0, 16 and (one row down) 8, 24."""
    weight = np.zeros((8, 1, 1, 1), bool)
    weight[[0, 4]] = True
    layer = conv2d("c", weight, np.ones((1, 1, 2, 1), bool))
    run = SCNN.run(layer, design(pe_rows=1, pe_cols=1, bank_queue_entries=0, post_entries_per_cycle=0), EQUAL)
    assert (run.cycles, run.stalls["busy"], run.stalls["bank_conflict"]) == (1, 4, 0)
    assert run.stalls["fragmentation"] == 12


def test_queues_hide_a_conflict_until_the_barrier():
    """Filters 0 and 8 share bank 0: each of two steps brings it two products, four updates in all."""
    weight = np.zeros((9, 1, 1, 1), bool)
    weight[[0, 8]] = True
    layer = conv2d("c", weight, np.ones((1, 1, 1, 2), bool))
    keys = {"pe_rows": 1, "pe_cols": 1, "activation_vector": 1, "kc_max": 0, "post_entries_per_cycle": 0}
    runs = [SCNN.run(layer, design(bank_queue_entries=q, banks=4, **keys), EQUAL) for q in (0, 1, 8)]
    assert [(r.cycles, r.stalls["bank_conflict"] // 4, r.stalls["drain"] // 4) for r in runs] == \
        [(4, 2, 0), (4, 1, 1), (4, 0, 2)]


def test_placeholders_take_lanes_but_no_banks():
    """16 zeros, a weight, 32 zeros, a weight: one and two placeholders with 4-bit runs."""
    weight = np.zeros((50, 1, 1, 1), bool)
    weight[[16, 49]] = True
    layer = conv2d("c", weight, np.ones((1, 1, 1, 1), bool), bias=None)
    whole = {"pe_rows": 1, "pe_cols": 1, "kc_max": 0, "post_entries_per_cycle": 0}
    run = SCNN.run(layer, design(**whole), EQUAL)
    assert (run.counts["steps"], run.stalls["busy"], run.stalls["placeholder"]) == (2, 2, 3)
    assert SCNN.run(layer, design(index_bits=0, **whole), EQUAL).counts["steps"] == 1


def test_padding_sends_products_outside():
    """A full 3 x 3 filter, one pixel, padding 1: only the centre tap lands."""
    run = SCNN.run(conv2d("c", np.ones((1, 1, 3, 3), bool), np.ones((1, 1, 1, 1), bool), padding=1), design(), EQUAL)
    assert (run.stalls["busy"], run.stalls["outside"]) == (1, 8)


def test_a_fully_connected_layer_uses_every_pe_at_a_quarter_of_its_lanes():
    run = SCNN.run(linear("fc", np.ones((64, 20), bool), np.ones(20, bool)), design(post_entries_per_cycle=0), EQUAL)
    assert run.mapping["parts"] == 4
    assert run.stalls["busy"] == run.slots * run.cycles / 4


def test_temporal_tiles_when_the_activations_do_not_fit():
    layer = conv2d("c", np.ones((4, 8, 3, 3), bool), np.ones((1, 8, 16, 16), bool), padding=1)
    small = design(iaram_bits=8 * 16 * 20)  # 16 positions of 8 channels
    run, whole = SCNN.run(layer, small, EQUAL), SCNN.run(layer, design(), EQUAL)
    assert (run.mapping["temporal_tiles"], whole.mapping["temporal_tiles"]) == ([2, 2], [1, 1])
    assert run.counts["dram_weight_bits"] == 4 * whole.counts["dram_weight_bits"]
    assert run.counts["dram_activation_bits"] == 8 * 256 * 20
    assert whole.counts["dram_activation_bits"] == 0
    assert run.notes


def test_activations_of_one_position_may_be_streamed():
    run = SCNN.run(linear("fc", np.ones((64, 50), bool), np.ones(50, bool)), design(iaram_bits=100), EQUAL)
    assert run.counts["dram_activation_bits"] == 50 * 20 * run.mapping["rounds"]


def test_outputs_of_one_position_that_exceed_the_accumulators_are_refused():
    layer = conv2d("wide", np.ones((1, 1, 3, 3), bool), np.ones((1, 1, 9, 9), bool), padding=1)
    with pytest.raises(UnsupportedLayerError, match=r"layer 'wide'.*accumulator_entries = 8"):
        SCNN.run(layer, design(accumulator_entries=8), EQUAL)


def test_balanced_planes_even_out_a_lopsided_plane():
    rng = np.random.default_rng(1)
    active = rng.random((1, 16, 32, 32)) < np.linspace(.9, .02, 32)[:, None]
    layer = conv2d("c", rng.random((8, 16, 3, 3)) < .5, active, padding=1)
    even, balanced = (SCNN.run(layer, design(pe_rows=4), POLICIES[p]) for p in ("equal_planes", "balanced_planes"))
    assert balanced.stalls["barrier"] < even.stalls["barrier"] / 2
    assert balanced.cycles < even.cycles


def test_a_policy_that_cuts_wrongly_is_named():
    layer = conv2d("c", np.ones((1, 1, 1, 1), bool), np.ones((1, 1, 4, 4), bool))
    with pytest.raises(ConfigError, match=r"layer 'c'.*cut 4 positions at \[0, 3\]"):
        SCNN.run(layer, design(), lambda *_: (1, (0, 3), (0, 4)))
    with pytest.raises(ConfigError, match=r"the machine has 4 PEs"):
        SCNN.run(layer, design(), lambda *_: (5, (0, 4), (0, 4)))


def test_bytes_that_would_wrap_are_refused():
    with pytest.raises(ConfigError, match="wanted at most 255"):
        design(weight_vector=16, activation_vector=16)
