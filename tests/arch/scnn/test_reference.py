"""Is SCNN's reference right? Outputs against numpy, cycles, stalls and counts against pencil and paper."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.scnn.reference import run
from accelsim.errors import ModelError, TraceError, UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear


def row_layer(weight: list, activation: list, **geometry) -> Conv2d:
    """A convolution of planes of one row: weight [K, C, S], activation [C, W]."""
    return conv2d("row", np.array(weight)[:, :, None], np.array(activation)[None, :, None], **geometry)


@pytest.fixture(scope="session")
def check(simulate: Callable[..., LayerRun]) -> Callable[..., LayerRun]:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    def checked(layer: Layer, config: Any, cycles: int, stalls: dict[str, int], **counts: int) -> LayerRun:
        result = simulate(layer, config)
        assert result.cycles == cycles
        assert {name: n for name, n in result.stalls.items() if n} == stalls
        assert {name: result.counts[name] for name in counts} == counts
        return result
    return checked


# Worked by hand from docs/machines/scnn.md. A PE has 4 x 4 = 16 multipliers unless a case says otherwise. With the
# published rates, post-processing of up to 4 outputs per PE takes one cycle, and so does a halo of up to 4 entries.


def test_one_product(check, one_pe):
    # One step of 1 x 1 entries, 15 multipliers unused; its update is in the same cycle. Then a cycle of post.
    check(linear("one", [[3]], [2]), one_pe, 2, {"busy": 1, "fragmentation": 15, "post": 16},
          macs=1, steps=1, iaram_vector_reads=1, weight_fifo_writes=1, halo_entries=0, oaram_writes=1,
          dram_weight_bits=20, dram_activation_bits=0, dram_output_bits=0)


def test_nothing_to_do_costs_post_processing_alone(check, one_pe):
    check(row_layer([[[0]]], [[0, 0]]), one_pe, 1, {"post": 16}, steps=0, oaram_writes=2)
    check(row_layer([[[0]]], [[0, 0]]), one_pe.but(post_entries_per_cycle=0), 0, {}, steps=0, oaram_writes=2)


@pytest.mark.parametrize(("queue_entries", "conflict_cycles", "drain_cycles"), [(0, 3, 0), (1, 2, 1), (8, 0, 3)])
def test_one_step_on_one_bank(check, one_pe, queue_entries, conflict_cycles, drain_cycles):
    # 2 x 2 products on the only bank: one update in the multiplying cycle, three later; the multipliers are held
    # until no more than q wait, the rest is drain. 4 multipliers, 4 + 1 cycles.
    config = one_pe.but(weight_vector=2, activation_vector=2, banks=1, bank_queue_entries=queue_entries)
    expected = {"busy": 4, "bank_conflict": 4 * conflict_cycles, "drain": 4 * drain_cycles, "post": 4}
    check(row_layer([[[1]], [[2]]], [[3, 4]]), config, 5, {name: n for name, n in expected.items() if n})


@pytest.mark.parametrize(("queue_entries", "conflict_cycles", "drain_cycles"), [(1, 1, 1), (2, 0, 2)])
def test_queues_carry_over_from_step_to_step(check, one_pe, queue_entries, conflict_cycles, drain_cycles):
    # Two steps of 1 x 2 products on the only bank. After the first, 1 waits. The second makes that 3, less 1: with
    # q = 1 one more cycle is needed, with q = 2 not; 1 or 2 are left to drain. 2 multipliers, 4 + 1 cycles.
    config = one_pe.but(weight_vector=2, activation_vector=1, banks=1, bank_queue_entries=queue_entries)
    expected = {"busy": 4, "bank_conflict": 2 * conflict_cycles, "drain": 2 * drain_cycles, "post": 2}
    check(row_layer([[[1]], [[2]]], [[3, 4]]), config, 5, {name: n for name, n in expected.items() if n})


def test_placeholders_take_multiplier_slots(check, one_pe):
    # One-bit runs: 1 0 0 2 is stored as 1, a placeholder on the second zero, 2. One step of 3 x 1 entries.
    # Entries of 17 bits; the weight has none before it.
    check(row_layer([[[3]]], [[1, 0, 0, 2]]), one_pe.but(index_bits=1), 2,
          {"busy": 2, "placeholder": 1, "fragmentation": 13, "post": 16}, multiplies=2, dram_weight_bits=17)


def test_halos_are_partial_sums_of_the_neighbour(check, two_pes):
    # Each of two PEs has one input and the three taps: 2 products land in the plane, 1 beside it. Each PE touches
    # outputs 0 and 1 and owns one of them: one entry to exchange. 1 cycle of compute, 1 of halo, 1 of post.
    check(row_layer([[[1, 2, 3]]], [[5, 7]], padding=(0, 1)), two_pes, 3,
          {"busy": 4, "fragmentation": 26, "outside": 2, "halo": 32, "post": 32}, halo_entries=2, oaram_writes=2)


@pytest.mark.parametrize(("halo", "halo_cycles"), [("none", 0), ("exchange", 4), ("widest_neighbour", 8)])
def test_halo_modes(simulate, two_pes, halo, halo_cycles):
    # 4 inputs on two PEs, 1x4 filter, 1 column of padding: 3 outputs, homes 0 1 2. PE 0 touches outputs 0..2 and owns
    # 0 1; PE 1 touches 0..2 and owns 2, so it sends 2 on 2 rows for 2 filters, two a cycle. Widest neighbour: columns
    # 4-1-1 = 2, 2, 1 on 2 rows without halo: 2 x 2 for 2 filters.
    config = two_pes.but(halo=halo, halo_entries_per_cycle=2, post_entries_per_cycle=0)
    rows = [[5, 0, 7, 9], [1, 2, 3, 4]]
    layer = conv2d("two rows", np.arange(1, 9).reshape(2, 1, 1, 4), [[rows]], padding=(0, 1))
    assert simulate(layer, config).stalls["halo"] == 32 * halo_cycles


def test_waiting_and_idle_pes(check, scnn):
    # PE 0 has a non-zero, PE 1 a zero, PE 2 no part of the plane.
    check(row_layer([[[2]]], [[3, 0]]), scnn.but(pe_rows=1, pe_cols=3), 2,
          {"busy": 1, "fragmentation": 15, "barrier": 16, "idle_tile": 16, "post": 48})


def test_barriers_after_each_channel(check, two_pes):
    # PE 0 works in channel 0, PE 1 in channel 1: side by side with one barrier, one after the other with two.
    layer = row_layer([[[2], [3]]], [[5, 0], [0, 7]])
    check(layer, two_pes, 2, {"busy": 2, "fragmentation": 30, "post": 32})
    check(layer, two_pes.but(barrier="channel"), 3, {"busy": 2, "fragmentation": 30, "barrier": 32, "post": 32})


@pytest.mark.parametrize(("post", "cycles"), [("overlapped", 26), ("serial", 30)])
def test_post_processing_beside_compute(check, one_pe, post, cycles):
    # Three groups of one filter, 8 inputs: 2 steps (outputs 0..3 are in banks 0 4 16 20, 4..7 too, a step later), then
    # 8 cycles of post at one output a cycle. Serial: 3 x (2 + 8). Overlapped: compute 0-2, 2-4, and when the first
    # buffer is free again 10-12; post 2-10, 10-18, 18-26. 6 cycles of compute, 26 - 6 or 30 - 6 of post alone.
    config = one_pe.but(kc_max=1, post=post, post_entries_per_cycle=1)
    result = check(row_layer([[[1]], [[2]], [[3]]], [list(range(1, 9))]), config, cycles,
                   {"busy": 24, "fragmentation": 72, "post": 16 * (cycles - 6)}, steps=6)
    assert result.mapping["kc"] == 1
    assert result.mapping["rounds"] == 3


def test_accumulators_bound_the_tile(check, one_pe):
    # 4 outputs do not fit 2 accumulators, 2 do: two temporal tiles, the weights come twice. Post of the first beside
    # the compute of the second.
    result = check(row_layer([[[3]]], [[1, 2, 3, 4]]), one_pe.but(accumulator_entries=2), 3,
                   {"busy": 4, "fragmentation": 28, "post": 16}, dram_weight_bits=40, dram_activation_bits=0)
    assert result.mapping["temporal_tiles"] == [1, 2]


@pytest.mark.parametrize(("iaram_bits", "pieces", "activation_bits"), [(80, 1, 0), (40, 2, 80), (19, 4, 160)])
def test_iaram_bounds_the_tile(simulate, one_pe, iaram_bits, pieces, activation_bits):
    # 4 entries of 20 bits; two groups of filters. Whole, halved, and (single entries do not fit) streamed twice.
    layer = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]])
    result = simulate(layer, one_pe.but(iaram_bits=iaram_bits, kc_max=1))
    assert result.mapping["temporal_tiles"] == [1, pieces]
    assert result.counts["dram_activation_bits"] == activation_bits
    assert result.counts["dram_weight_bits"] == 2 * 20 * pieces


def test_temporal_tiles_exchange_halos_with_themselves(check, one_pe):
    # One PE, one input at a time; each touches outputs 0 and 1 and owns one. Rounds: compute 0-1, 1-2; halo and post
    # 1-3, 3-5. Compute covers cycles 0 and 1, post-processing alone 2 (post), 3 (halo), 4 (post).
    check(row_layer([[[1, 2, 3]]], [[5, 7]], padding=(0, 1)), one_pe.but(iaram_bits=20), 5,
          {"busy": 4, "fragmentation": 26, "outside": 2, "halo": 16, "post": 32}, halo_entries=2, oaram_writes=2,
          dram_activation_bits=40)


@pytest.mark.parametrize(("oaram_bits", "output_bits"), [(0, 0), (80, 0), (79, 160)])
def test_outputs_that_do_not_fit_the_oaram(simulate, two_pes, oaram_bits, output_bits):
    # Two PEs, each with 2 outputs of 2 filters: 4 entries of 20 bits; the layer has 8.
    layer = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]])
    assert simulate(layer, two_pes.but(oaram_bits=oaram_bits)).counts["dram_output_bits"] == output_bits


def test_fully_connected_layer_spreads_its_outputs(check, scnn):
    # 8 outputs on 2 x 2 PEs: 4 parts of 2 filters. The input meets 2 weights in each.
    result = check(linear("fc", np.arange(1, 9)[:, None], [5]), scnn.but(pe_rows=2, pe_cols=2), 2,
                   {"busy": 8, "fragmentation": 56, "post": 64}, iaram_vector_reads=4)
    assert result.mapping == {"kc": 2, "rounds": 1, "parts": 4, "grid": [1, 1], "temporal_tiles": [1, 1],
                              "oracle_cycles": 1}


def test_parts_without_a_group_wait(check, scnn):
    # 3 filters on 2 parts, one filter a group: part 1 has none in the second round. Compute 0-1, 1-2; post 1-2, 2-3.
    check(linear("fc", [[1], [2], [3]], [5]), scnn.but(pe_rows=1, pe_cols=2, kc_max=1), 3,
          {"busy": 3, "fragmentation": 45, "barrier": 16, "post": 32}, weight_fifo_writes=3, oaram_writes=3)


def test_strides_meet_by_phase(check, one_pe):
    # Tap 0 meets the even inputs, tap 1 the odd ones: two steps of 2 x 1, nothing beside the plane. A 1-tap filter
    # leaves the odd inputs alone.
    check(row_layer([[[2, 3]]], [[1, 2, 3, 4]], stride=(1, 2)), one_pe, 3,
          {"busy": 4, "fragmentation": 28, "post": 16}, steps=2)
    check(row_layer([[[2]]], [[1, 2, 3, 4]], stride=(1, 2)), one_pe, 2, {"busy": 2, "fragmentation": 14, "post": 16},
          steps=1)


def test_depthwise_channels_meet_their_own_filters(check, one_pe):
    # Both filters are in one group; each channel meets one: two steps of 1 x 1.
    check(row_layer([[[2]], [[3]]], [[5, 0], [0, 7]], groups=2), one_pe, 3,
          {"busy": 2, "fragmentation": 30, "post": 16}, steps=2, dram_weight_bits=40)


@pytest.mark.parametrize(("fifo_entries", "activation_reads"), [(0, 2), (2, 2), (1, 4)])
def test_weights_beyond_the_fifo_meet_the_activations_chunk_by_chunk(simulate, one_pe, fifo_entries, activation_reads):
    # 2 weight vectors and 2 activation vectors are 4 steps however they are ordered. 8 x 8 outputs: 16 cycles of post.
    layer = row_layer([[[k]] for k in range(1, 9)], [list(range(1, 9))])
    config = one_pe.but(weight_fifo_entries=fifo_entries)
    result = simulate(layer, config)
    assert result.counts["iaram_vector_reads"] == activation_reads
    assert (result.counts["steps"], result.counts["weight_fifo_writes"]) == (4, 2)


@pytest.mark.parametrize(("weight_order", "conflict_cycles"), [("taps_outer", 0), ("filters_outer", 1)])
def test_weight_order_decides_who_meets(simulate, one_pe, weight_order, conflict_cycles):
    # 2 filters x taps 0, 1 on inputs 0, 1 with 2 x 2 multipliers. Taps outer: (tap 0; k 0, 1), (tap 1; k 0, 1): 4
    # different outputs a step, in banks 4 5 16 17 and 0 1 4 5. Filters outer: (k 0; taps 0, 1): input 0 with tap 0 and
    # input 1 with tap 1 are both output 1, so that each of the 2 steps takes 2 cycles.
    config = one_pe.but(weight_vector=2, activation_vector=2, bank_queue_entries=0, weight_order=weight_order)
    result = simulate(row_layer([[[1, 2]], [[3, 4]]], [[5, 6]], padding=(0, 1)), config)
    assert result.counts["steps"] == 2
    assert result.stalls["bank_conflict"] == 2 * conflict_cycles * 4


def test_spare_pes_of_a_policy_are_idle(simulate, two_pes):
    layer = row_layer([[[2]]], [[3, 4]])
    result = simulate(layer, two_pes, lambda *_: (1, [0, 1], [0, 2]))
    assert result.stalls["idle_tile"] == 16


def test_errors(scnn, two_pes, planes):
    layer = row_layer([[[2]]], [[3, 4]])
    with pytest.raises(TraceError, match="pattern-only"):
        run(linear("fc", [[True]], [True]), scnn, planes.equal_planes)
    wide = row_layer([[[1, 2, 3]]], [[5, 7, 8]], padding=(0, 1))
    with pytest.raises(UnsupportedLayerError, match="accumulator_entries is 2"):
        run(wide, scnn.but(accumulator_entries=2), planes.equal_planes)
    for tiles in [(1, [0, 1], [0, 1]), (2, [0, 1], [0, 1, 2]), (0, [0, 1], [0, 2]), (1, [0, 1], [0, 2, 1, 2])]:
        with pytest.raises(ModelError, match="correct the policy"):
            run(layer, two_pes, lambda *_, tiles=tiles: tiles)
