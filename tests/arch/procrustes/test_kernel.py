"""Procrustes' kernel on cases worked by hand, and against plain loops over the waves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.machine import LayerRun
from accelsim.arch.registry import machine
from accelsim.arch.training.procrustes.fast import kernel
from accelsim.arch.training.procrustes.fast.geometry import _window, loops_of, map_pass
from accelsim.arch.training.procrustes.fast.threshold import FIRST_ESTIMATE, filter_candidates
from accelsim.errors import ConfigError, ModelError, UnsupportedLayerError
from accelsim.simulation import check_accounting, simulate
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

pytestmark = pytest.mark.small
MODEL = machine("procrustes")


def run(layer: Layer, policy: str = "half_tile", **changes: object) -> LayerRun:
    outcome = MODEL.run(layer, load_arch("procrustes", changes), MODEL.policies[policy])
    check_accounting(MODEL, layer, outcome)
    return outcome


def uneven() -> Layer:
    """Four filters of four channels with 4, 3, 1 and 0 bits, three images of three positions."""
    weight = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]])[:, :, None, None]
    return conv2d("c", weight, np.ones((3, 4, 1, 3), int))


SMALL = {"pe_rows": 2, "pe_cols": 2, "register_file_words": 64, "tile_plane": 1, "tile_depth": 4,
         "weight_fill_percent": 100}


@pytest.mark.parametrize(("policy", "slowest"), [("none", 7), ("half_tile", 4), ("ideal", 4), ("work_stealing", 4)])
def test_forward_by_hand(policy, slowest):
    """One set: rows own filters 0, 1 (7 bits) and 2, 3 (1 bit). Halves 4, 3, 1, 0: pairs 4 + 0 and 3 + 1."""
    outcome = run(uneven(), policy, **SMALL, phases=["forward"])
    rounds, positions = 2, 3  # three images on two columns
    assert outcome.cycles == slowest * positions * rounds
    assert outcome.mapping == {"forward_cycles": outcome.cycles, "forward_sets": 1, "forward_tile": [2, 4, 1, 1]}
    assert outcome.stalls == {
        "busy": 8 * 3 * 3, "ineffectual": 0, "barrier": (2 * slowest - 8) * 3 * 3, "unused": 2 * slowest * 3,
        "threshold": 0, "glb": 0}
    assert outcome.counts["sort_swaps"] == (8 if policy == "half_tile" else 0)


def test_words_of_the_forward_pass_by_hand():
    counts = run(uneven(), "none", **SMALL, phases=["forward"]).counts
    dram_reads, dram_writes = 8 + 1 + 3 * 4 * 3, 3 * 4 * 3  # 8 weights, a mask word, x; y
    loads, waves = 3 * 2, 3 * 3
    assert counts["dram_weight_reads"] + counts["dram_activation_reads"] == dram_reads
    assert counts["dram_writes"] == dram_writes
    assert counts["glb_reads"] == 8 * loads + 4 * waves + dram_writes  # weights, four channels per image and position
    assert counts["glb_writes"] == 4 * waves + dram_reads  # four filters' sums
    assert counts["mask_words"] == 1 * loads and counts["pointer_reads"] == 2 * 2 * 2 * loads
    assert (counts["displaced_words"], counts["spilled_words"]) == (0, 0)


def test_displaced_sums_return():
    """Pairs 4 + 0 and 3 + 1: filter 0 stays with row 0, filter 1 moves to row 1 (filter 3 has no bits to move)."""
    assert run(uneven(), **SMALL, phases=["forward"]).counts["displaced_words"] == 1 * 3 * 3


def test_spilled_weights():
    """Register files of 8 words: two sums, three inputs, three weights; the mean tile, 2 x 3 x 8 / 16 bits, fits."""
    layer = linear("l", uneven().weight[:, :, 0, 0], np.ones((2, 4), int))
    outcome = run(layer, "none", **SMALL | {"register_file_words": 8}, phases=["forward"])
    assert outcome.mapping["forward_tile"] == [2, 2, 1, 1]  # two blocks of two channels rather than of three and one
    space = 8 - 2 - 2
    assert outcome.counts["spilled_words"] == max(0, 4 - space) + max(0, 3 - space)  # row 0: 4 and 3 bits
    tight = run(layer, "none", **SMALL | {"register_file_words": 4}, phases=["forward"])
    assert tight.mapping["forward_tile"] == [2, 1, 1, 1] and tight.counts["spilled_words"] == 1 + 1 + 1 + 0


def test_threshold_unit_by_hand():
    """Two sets of a linear layer with 4 gradients each: the unit takes 4 cycles a set, the array 2."""
    layer = linear("l", np.ones((2, 4), int), np.ones((1, 4), int))
    outcome = run(layer, "none", **SMALL | {"tile_depth": 2}, phases=["weight_update"], gradients_per_cycle=1)
    # array ends at 2, unit at 6; array's second set ends at max(4, 6) = 6, unit at 10
    assert outcome.cycles == 10 and outcome.stalls["threshold"] == (10 - 4) * 4
    assert outcome.counts["gradients_filtered"] == outcome.counts["weights_recomputed"] == 8
    assert run(layer, "none", **SMALL | {"tile_depth": 2}, phases=["weight_update"], threshold_unit=False).cycles == 4


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 40)), max_size=8), st.integers(1, 5))
def test_threshold_unit_tick_by_tick(sets, rate):
    cycles, gradients = (np.array([s[i] for s in sets], np.int64) for i in (0, 1))
    waiting, unit, done, tick, left, current = None, 0, 0, 0, 0, -1
    while done < len(sets):  # what ends in a tick frees its place in the same tick
        if unit == 0 and waiting is not None:
            unit, waiting = -(-sets[waiting][1] // rate), None
            done += 1
            continue
        if left == 0 and current >= 0 and waiting is None and unit == 0:
            waiting, current = current, -1 - current - 1
            continue
        if current < 0 and -current - 1 < len(sets):
            current = -current - 1
            left = sets[current][0]
        tick, left, unit = tick + 1, max(0, left - 1), max(0, unit - 1)
    assert kernel.threshold_ends(cycles, gradients, rate)[-1:].sum() == tick + unit


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_windows(tile, taps, stride, dilation):
    pairs = [(i, m, r) for i in range(-20, 40) for m in range(-20, 40) for r in range(taps)
             if i == m * stride + r * dilation]
    assert _window(tile, taps, stride, dilation, False) == len({i for i, m, r in pairs if 0 <= m < tile})
    assert _window(tile, taps, stride, dilation, True) == len({m for i, m, r in pairs if 0 <= i < tile})


@given(testing.layers(), st.sampled_from(["kn", "cn", "ck", "pq"]), st.booleans())
def test_loads_against_plain_loops(layer, dataflow, sparse):
    """Without balancing: cycles of a wave are the most mask bits that a PE owns, by looking at every weight."""
    config = load_arch("procrustes", {"dataflow": dataflow, "sparse": sparse, "pe_rows": 3, "pe_cols": 2,
                                      "phases": ["backward"], "register_file_words": 90, "threshold_unit": False})
    loops = loops_of(layer)
    weight = layer.weight.reshape(loops.groups, loops.filters, loops.channels, -1) != 0
    if not sparse:
        weight = np.ones_like(weight)
    try:
        mapping = map_pass(layer, loops, int(weight.sum()), "backward", config)
    except UnsupportedLayerError:
        return
    owned: dict[tuple[int, ...], int] = {}
    for g, k, c, _ in np.argwhere(weight):
        lane, depth = (k, c) if dataflow in ("cn", "ck") else (c, k)
        lane, run_ = (lane, g) if dataflow == "ck" else (lane + g * mapping.group_lanes, 0)
        tile = lane // mapping.lanes, depth // mapping.depth
        where = (run_, tile[0] // mapping.lane_places, tile[1] // mapping.depth_places,
                 tile[0] % mapping.lane_places, tile[1] % mapping.depth_places)
        owned[where] = owned.get(where, 0) + 1
    slowest: dict[tuple[int, ...], int] = {}
    for where, bits in owned.items():
        slowest[where[:3]] = max(slowest.get(where[:3], 0), bits)
    positions, rounds = loops.positions, loops.images
    if dataflow in ("kn", "cn"):
        rounds = -(-loops.images // 2)
    if dataflow == "pq":
        patches = [range(0, side, tile * pes) for side, tile, pes in zip(loops.out_plane, mapping.plane, (3, 2),
                                                                         strict=True)]
        positions = sum(min(mapping.plane[0], loops.out_plane[0] - p) * min(mapping.plane[1], loops.out_plane[1] - q)
                        for p in patches[0] for q in patches[1])
    outcome = MODEL.run(layer, config, MODEL.policies["none"])
    check_accounting(MODEL, layer, outcome)
    assert outcome.cycles == sum(slowest.values()) * positions * rounds
    assert outcome.counts["macs"] == weight.sum() * loops.positions * loops.images


@given(testing.layers(), st.sampled_from(["kn", "cn", "ck", "pq"]), st.booleans(), st.integers(20, 200),
       st.sampled_from(sorted(MODEL.policies)))
def test_books_balance_and_tiles_fit(layer, dataflow, sparse, words, policy):
    changes = {"dataflow": dataflow, "sparse": sparse, "register_file_words": words, "pe_rows": 2, "pe_cols": 3,
               "glb_bound": True, "glb_banks": 1}
    try:
        outcome = run(layer, policy, **changes)
    except UnsupportedLayerError:
        return
    assert outcome.stalls["busy"] == 3 * np.count_nonzero(layer.weight) * (layer.macs_dense // layer.weight.size)
    assert testing.facts(run(layer.pattern(), policy, **changes)) == testing.facts(outcome)
    idle = replace(layer, activation=np.zeros_like(layer.activation))
    assert testing.facts(run(idle, policy, **changes)) == testing.facts(outcome)  # activations do not matter
    assert run(layer, policy, **changes | {"glb_bound": False}).cycles <= outcome.cycles


def test_tiles_by_hand():
    """Two sets of one channel pair each; the threshold unit makes them end at 6 and 10; 8 weights are fetched."""
    layer = linear("l", np.ones((2, 4), int), np.ones((1, 4), int))
    tiles = run(layer, "none", **SMALL | {"tile_depth": 2, "dram.gbps": 1, "gradients_per_cycle": 1},
                phases=["weight_update"]).tiles
    assert tiles.to_lists() == {"compute_cycles": [6, 4], "weight_bits": [4 * 32, 4 * 32],
                                "activation_bits": [3 * 32, 3 * 32], "output_bits": [144, 144],
                                "load_cycles": [0, 0]}


def test_all_pruned_costs_no_cycle():
    outcome = run(linear("l", np.zeros((4, 4), int), np.ones((2, 4), int)))
    assert outcome.cycles == 0 and outcome.counts["mask_words"] > 0


def test_phases_and_input_layers():
    whole, parts = run(uneven()), [run(uneven(), phases=[phase]) for phase in ("forward", "backward", "weight_update")]
    assert whole.cycles == sum(part.cycles for part in parts)
    assert whole.counts == {name: sum(part.counts[name] for part in parts) for name in whole.counts}
    assert run(uneven(), input_layers=["c"]).cycles == parts[0].cycles + parts[2].cycles
    assert run(uneven(), input_layers=["c"], phases=["backward"]).cycles == 0
    assert simulate(uneven(), "procrustes", set={"phases": "forward, backward"}).cycles == sum(
        part.cycles for part in parts[:2])


@pytest.mark.parametrize("changes", [{"phases": []}, {"phases": ["forward", "forward"]}, {"phases": "sideways"},
                                     {"pe_rows": 1000, "pe_cols": 1000}, {"weight_fill_percent": 0},
                                     {"dataflow": "nk"}, {"input_layers": [""]}])
def test_mistakes(changes):
    with pytest.raises(ConfigError):
        load_arch("procrustes", changes)


def test_a_filter_that_does_not_fit():
    layer = conv2d("wide", np.ones((1, 1, 9, 9), int), np.ones((1, 1, 9, 9), int))
    with pytest.raises(UnsupportedLayerError, match=r"'wide'.*needs 83 words.*register_file_words is 82; give more"):
        run(layer, register_file_words=82)
    tight = run(layer, register_file_words=83, phases=["forward"])
    assert tight.cycles == 81 and tight.counts["spilled_words"] == 80  # room for one weight


def test_a_policy_that_loses_work():
    def lazy(work):
        balance = MODEL.policies["none"](work)
        return balance._replace(load=balance.load - (balance.load > 0))

    with pytest.raises(ModelError, match="given out once"):
        MODEL.run(uneven(), load_arch("procrustes"), lazy)


def test_estimate_settles_at_the_quantile():
    rng = np.random.default_rng(1)
    candidates, estimate, kept = np.abs(rng.standard_normal(20_000)), FIRST_ESTIMATE, None
    for _ in range(30):
        kept, estimate = filter_candidates(candidates, estimate, 0.9, rate=1e-3)
    assert kept is not None and kept.mean() == pytest.approx(0.1, abs=0.01)
    assert estimate == pytest.approx(np.quantile(candidates, 0.9), rel=0.05)
