"""Is Procrustes' reference right? Hand-worked cases from docs/machines/procrustes.md, then laws on drawn layers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.errors import ModelError, TraceError, UnsupportedLayerError
from accelsim.testing import edge_layers, layers
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

FORWARD, BACKWARD, UPDATE = ("forward",), ("backward",), ("weight_update",)


def test_one_weight_on_one_pe(check, small):
    # Every pass: one product; 1 mask word, 2 pointers for each of 2 sub-tiles.
    # Forward: reads weight and x, writes y; DRAM reads 1 weight + 1 mask + 1 x = 3, writes 1 y, through the buffer:
    # reads 2 + 1 = 3, writes 1 + 3 = 4. Backward: the same with dL/dy and dL/dx.
    # Update: reads x and dL/dy, writes dL/dW; DRAM reads x, dL/dy and the weight, writes weight and mask: reads 2 + 2,
    # writes 1 + 3.
    check(linear("one", [[3]], [2]), small.but(pe_rows=1, pe_cols=1), 3, {"busy": 3}, macs=3, register_accesses=12,
          glb_reads=3 + 3 + 4, glb_writes=4 + 4 + 4, mask_words=3, pointer_reads=12, dram_weight_reads=2 + 2 + 1,
          dram_activation_reads=1 + 1 + 2, dram_writes=4, displaced_words=0,
          spilled_words=0, sort_swaps=3 * 2, gradients_filtered=0, weights_recomputed=0)


def test_half_tiles_and_a_batch_that_does_not_fill_the_columns(check, small, own_policies):
    # Two filters a row, bits 4 2 | 1 1. Halves in order 4 2 1 1, the last two of row 1: pairs 4 + 1 (its second) on
    # row 0 and 2 + 1 on row 1, which is all that is free: filters 3 and 1 are displaced. 4 halves: 4 x 2 swaps.
    # Three images on two columns: 2 rounds of 5 cycles. Row 1 waits 2 cycles for each image; in round two column 1 has
    # none. Displaced: 2 lanes of one output word, 3 images.
    weight = [[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 7, 0], [0, 0, 0, 8]]
    layer = linear("halves", weight, [[1, 2, 3, 4], [5, 6, 7, 8], [0, 1, 0, 1]])
    check(layer, small.but(phases=FORWARD), 10, {"busy": 24, "barrier": 6, "unused": 10}, displaced_words=6,
          sort_swaps=8)
    # Without: 6 cycles a round, row 1 waits 4.
    check(layer, small.but(phases=FORWARD), 12, {"busy": 24, "barrier": 12, "unused": 12}, own_policies["none"],
          displaced_words=0, sort_swaps=0)
    check(layer, small.but(phases=FORWARD), 8, {"busy": 24, "unused": 8}, own_policies["ideal"], displaced_words=0)
    # Stealing: row 0 begins filter 0 (4 bits), row 1 filter 2 and 3, then at time 2 takes filter 1: 4 and 4 bits.
    check(layer, small.but(phases=FORWARD), 8, {"busy": 24, "unused": 8}, own_policies["work_stealing"],
          displaced_words=3)


def test_rows_without_a_tile(check, small):
    # One filter, one row: the other owns nothing and gets nothing. Image 0 in column 0.
    check(linear("thin", [[1, 2]], [3, 4]), small.but(phases=FORWARD), 2, {"busy": 2, "unused": 6}, pointer_reads=4)


def test_work_given_to_a_row_without_a_tile_is_waited_for(check, small, own_policies):
    # 3 bits of one filter: the ideal split gives the second row 1 of them, so that it waits 1 cycle in its column.
    check(linear("thin", [[1, 2, 3]], [3, 4, 5]), small.but(phases=FORWARD), 2,
          {"busy": 3, "barrier": 1, "unused": 4}, own_policies["ideal"])


def test_plane_in_space(check, small):
    # 5 outputs in a row of 6 inputs, a 1 x 2 filter, a tile of 2 outputs (3 inputs): PEs 0 1 have 2 each, in the
    # second patch PE 0 has 1 and PE 1 none. 2 weights: 4 + 2 cycles. Weights are loaded for each of the 2 patches.
    # Forward: reads 2 x 2 weights, 3 tiles of 3 inputs; writes 3 tiles of 2 outputs. DRAM: 2 weights + 1 mask + 6
    # inputs in, 5 outputs out.
    layer = conv2d("row", [[[[2, 3]]]], [[[[1, 2, 3, 4, 5, 6]]]])
    config = small.but(dataflow="pq", pe_rows=1)
    check(layer, config.but(phases=FORWARD), 6, {"busy": 10, "unused": 2}, mask_words=2, pointer_reads=8,
          glb_reads=4 + 9 + 5, glb_writes=6 + 9, dram_weight_reads=3, dram_activation_reads=6, dram_writes=5,
          sort_swaps=0)
    # Update: 2 PEs hold sums of both weights: 4 written, 2 read again; reads 6 outputs and 9 inputs. DRAM: 5 + 6
    # operands and 2 weights in, 2 weights and a mask out. Masks and pointers once.
    check(layer, config.but(phases=UPDATE), 6, {"busy": 10, "unused": 2}, mask_words=1, pointer_reads=4,
          glb_reads=6 + 9 + 2 + 3, glb_writes=4 + 13, dram_weight_reads=2, dram_activation_reads=11,
          dram_writes=3)
    # Backward: channels in the lanes, 3 inputs each, written 3 times; 6 of those 9 are first. Outputs are read.
    check(layer, config.but(phases=BACKWARD), 6, {"busy": 10, "unused": 2}, glb_reads=4 + 6 + (9 - 6) + 6,
          glb_writes=9 + 8, dram_weight_reads=3, dram_activation_reads=5, dram_writes=6)


def test_a_pe_with_fewer_positions_waits(check, small):
    # 3 outputs, 2 to PE 0 and 1 to PE 1, one weight.
    layer = conv2d("row", [[[[2]]]], [[[[1, 2, 3]]]])
    check(layer, small.but(dataflow="pq", pe_rows=1, phases=FORWARD), 2, {"busy": 3, "barrier": 1})


def test_both_weight_axes_in_space(check, small):
    # One weight to a PE, rows are channels, columns filters; the PE of filter 0, channel 1 has no bit and waits.
    # Forward, 2 images: reads 3 weights and 2 channels, 4 words; 2 rows write sums of 2 filters, 8 words, of which 4
    # are added to the first 4. DRAM: 3 + 1 + 4 in, 4 out. Four tiles of 2 x 2 pointers.
    layer = linear("square", [[1, 0], [2, 3]], [[4, 5], [6, 7]])
    config = small.but(dataflow="ck")
    check(layer, config.but(phases=FORWARD), 2, {"busy": 6, "barrier": 2}, mask_words=1, pointer_reads=16,
          glb_reads=3 + 4 + 4 + 4, glb_writes=8 + 8, dram_weight_reads=4, dram_activation_reads=4, dram_writes=4,
          displaced_words=0, sort_swaps=24)
    # Update: 2 + 2 operands for 2 images in; every gradient is in one PE. DRAM: 4 + 4 + 3 in, 4 out.
    check(layer, config.but(phases=UPDATE), 2, {"busy": 6, "barrier": 2}, glb_reads=8 + 4, glb_writes=3 + 11)


def test_channels_balance_where_a_tile_has_more_of_them(check, small, own_policies):
    # One column, one row: E = 4 channels, L = 1 filter. Two rows: channels 0 1 | 2 3 with bits 1 1 | 0 0: halves are
    # single channels, 1 with 0: one displaced channel of one input word, 2 images. 1 cycle each.
    layer = linear("wide", [[1, 2, 0, 0]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    config = small.but(dataflow="ck", pe_cols=1, phases=FORWARD)
    check(layer, config, 2, {"busy": 4}, displaced_words=2, sort_swaps=8)
    check(layer, config, 4, {"busy": 4, "barrier": 4}, own_policies["none"], displaced_words=0)


def test_groups_are_separate_sets_with_both_weight_axes_in_space(check, small):
    layer = conv2d("depthwise", np.arange(1, 4).reshape(3, 1, 1, 1), np.ones((1, 3, 2, 2), int), groups=3)
    result = check(layer, small.but(dataflow="ck", phases=FORWARD), 12, {"busy": 12, "unused": 36})
    assert result.mapping["forward_sets"] == 3


def test_channels_on_rows_meet_in_the_buffer(check, small):
    # Two channels a row; both rows write the filter's output for each of 3 images: 6, of which 3 are added to. Reads:
    # 4 weights in each of 2 rounds, 12 inputs, 3 sums. DRAM: 4 + 1 + 12 in, 3 out. Rounds of 2 cycles.
    layer = linear("wide", [[1, 2, 3, 4]], [[1, 2, 3, 4], [5, 6, 7, 8], [0, 1, 0, 1]])
    check(layer, small.but(dataflow="cn", phases=FORWARD), 4, {"busy": 12, "unused": 4}, mask_words=2,
          pointer_reads=16, glb_reads=8 + 12 + 3 + 3, glb_writes=6 + 17, dram_weight_reads=5,
          dram_activation_reads=12, dram_writes=3)


def test_channels_of_other_groups_do_not_meet(check, small):
    # Depthwise: every channel has its own filter; lanes run over all groups, so one set. 4 sums, none twice.
    layer = conv2d("depthwise", np.arange(1, 5).reshape(4, 1, 1, 1), np.ones((1, 4, 1, 1), int), groups=4)
    result = check(layer, small.but(dataflow="cn", phases=FORWARD), 2, {"busy": 4, "unused": 4},
                   glb_reads=4 + 4 + 4, glb_writes=4 + 9)
    assert result.mapping["forward_sets"] == 1


def test_dense_training_multiplies_zeros(check, small):
    layer = linear("half", [[3, 0]], [2, 5])
    check(layer, small.but(pe_rows=1, pe_cols=1, sparse=False), 6, {"busy": 3, "ineffectual": 3}, mask_words=0,
          pointer_reads=0, sort_swaps=0, gradients_filtered=0)


@pytest.mark.parametrize(("gradients_per_cycle", "cycles"), [(1, 21), (4, 14)])
def test_array_waits_for_the_threshold_unit(check, small, gradients_per_cycle, cycles):
    # Sets of 8, 4 and 1 weights on one PE. One a cycle: handed over at 8, at max(12, 16), at max(17, 20); done at 21.
    # Four a cycle: at 8, 12 and 13, done at 14.
    weight = np.array([[1] * 8, [1] * 4 + [0] * 4, [1] + [0] * 7])
    config = small.but(pe_rows=1, pe_cols=1, tile_lanes=1, threshold_unit=True, phases=UPDATE,
                       gradients_per_cycle=gradients_per_cycle)
    check(linear("steps", weight, np.arange(8)), config, cycles, {"busy": 13, "threshold": cycles - 13},
          gradients_filtered=13, weights_recomputed=13)


def test_tile_beyond_its_space_spills(check, small, own_policies):
    # Mean tile of one filter: 1 output, 8 inputs and 4 / .75 weights fill 15 words, 6 left for weights. Filter 0 has 8
    # of them: 2 too many, in each of 2 rounds forward; in the update out and in for each of 3 images. In the backward
    # pass 4 channels are in the lanes, with 4 bits in 9 words.
    layer = linear("spill", [[1] * 8, [0] * 8], np.arange(24).reshape(3, 8))
    config = small.but(register_file_words=15)
    assert check(layer, config.but(phases=FORWARD), 16, {"busy": 24, "barrier": 24, "unused": 16},
                 own_policies["none"], spilled_words=4).mapping["forward_tile"] == [1, 8, 1, 1]
    check(layer, config.but(phases=BACKWARD), 8, {"busy": 24, "unused": 8}, own_policies["none"], spilled_words=0)
    check(layer, config.but(phases=UPDATE), 16, {"busy": 24, "barrier": 24, "unused": 16}, own_policies["none"],
          spilled_words=12)


@pytest.mark.parametrize("sparse", [True, False])
def test_filter_beyond_the_register_file_spills(check, small, sparse):
    # One output and 8 inputs leave 3 of 12 words for 8 weights: 5 too many, once forward, out and in in the update.
    # Backward: 1 input, 8 outputs over it. 8 plane tiles, weights loaded for each: 5 x 8.
    layer = conv2d("long", np.arange(1, 9).reshape(1, 1, 1, 8), np.ones((1, 1, 1, 8), int))
    config = small.but(pe_rows=1, pe_cols=1, register_file_words=12, tile_plane=1, sparse=sparse)
    check(layer, config, 24, {"busy": 24}, spilled_words=5 + 10 + 40)


def test_sets_without_weights_run_no_wave(check, small):
    # Filters 0 1 are empty and fill the first of two sets: its mask and two tiles' pointers are read, once a pass.
    layer = linear("empty", [[0, 0], [0, 0], [1, 2], [3, 4]], [5, 6])
    result = check(layer, small.but(tile_lanes=1, phases=FORWARD), 2, {"busy": 4, "unused": 4}, mask_words=2,
                   pointer_reads=16, sort_swaps=8)
    assert result.mapping["forward_sets"] == 1


def test_no_weights_at_all(check, preset):
    # The 12 activations move, the masks are read, and the outputs are zeros to write.
    check(linear("none", np.zeros((3, 4), int), np.ones((2, 4), int)), preset, 0, {}, macs=0, mask_words=3)


def test_banks_may_bound_a_pass(check, small):
    # The first case: 3 + 4 + 1 + 4 = 12 words forward and backward, 13 in the update; 2 a cycle.
    config = small.but(pe_rows=1, pe_cols=1, glb_bound=True, glb_banks=1)
    check(linear("one", [[3]], [2]), config, 6 + 6 + 7, {"busy": 3, "glb": 5 + 5 + 6})


def test_weights_pass_again_where_the_buffer_is_small(dram_words, small):
    # One word stays: 3 weights and 1 mask word; 4 + 4 x 4 inputs when weights stay, 4 x 4 + 4 when the sums of both
    # filters stay, 4 x 2 + 2 x 4 when those of one do: a word holds one filter's sums of one vector.
    layer = linear("square", [[1, 0], [2, 3]], [[4, 5], [6, 7]])
    assert dram_words(layer, small.but(glb_words=2), "forward") == [8, 8, 4]
    # Gradients: 4 words; x passes twice, for each filter, and dL/dy twice, for each channel. 4 and 4 x 4 without cuts.
    assert dram_words(layer, small.but(glb_words=2), "weight_update") == [3, 16, 4]


def test_groups_pass_one_after_the_other(dram_words, small):
    # A weight of each of two groups in a half of one word: weights stay, and the inputs of a group pass once.
    layer = conv2d("groups", np.ones((2, 1, 1, 1), int), np.ones((1, 2, 1, 2), int), groups=2)
    assert dram_words(layer, small.but(glb_words=2, sparse=False), "forward") == [2, 4, 4]


def test_tiles_for_the_memory_timeline(simulate, small):
    # Sets of 8, 4 and 1 weights, as above, one gradient a cycle: forward 8 4 1 cycles, update 16 4 1 (the last takes
    # the unit's). Forward moves 13 weights and a mask word, 8 inputs and 3 outputs: 448, 256 and 96 bits; the update
    # reads 13 weights, 3 + 8 operands and writes 13 + 1: 416, 352 and 448 bits. In thirds, rounded down cumulatively.
    weight = np.array([[1] * 8, [1] * 4 + [0] * 4, [1] + [0] * 7])
    config = small.but(pe_rows=1, pe_cols=1, tile_lanes=1, threshold_unit=True, phases=FORWARD + UPDATE,
                       gradients_per_cycle=1, dram="stream")
    layer = linear("steps", weight, np.arange(8))
    tiles = simulate(layer, config).tiles
    assert tiles.to_lists() == {"compute_cycles": [8, 4, 1, 16, 4, 1], "weight_bits": [149, 149, 150, 138, 139, 139],
                                "activation_bits": [85, 85, 86, 117, 117, 118],
                                "output_bits": [32, 32, 32, 149, 149, 150], "load_cycles": [0] * 6}
    resident = tiles.moved(resident_weights=True, resident_activations=False)
    assert (sum(resident.weight_bits), sum(resident.activation_bits)) == (0, 608)
    assert simulate(layer, config.but(dram=None)).tiles.to_lists() == tiles.to_lists()


def test_tiles_of_passes_that_wait_for_banks_or_have_no_weights(simulate, small):
    config = small.but(dram="stream", glb_bound=True, glb_banks=1)
    for weight in ([[3]], [[0]]):
        result = simulate(linear("one", weight, [2]), config.but(pe_rows=1, pe_cols=1))
        assert result.tiles.compute_cycles.tolist() == [result.mapping[f"{p}_cycles"] for p in config.phases]
        assert result.stalls["glb"] == result.cycles - result.stalls["busy"] > 0


def test_chosen_phases_and_input_layers(simulate, preset):
    layer = conv2d("first", np.ones((2, 3, 3, 3), int), np.ones((2, 3, 5, 5), int), padding=1)
    every = simulate(layer, preset)
    parts = [simulate(layer, preset.but(phases=(phase,))) for phase in preset.phases]
    assert every.cycles == sum(part.cycles for part in parts)
    for name in every.counts:
        assert every.counts[name] == sum(part.counts[name] for part in parts)
    fed = simulate(layer, preset.but(input_layers=("first",)))
    others = simulate(layer, preset.but(phases=("weight_update", "forward")))
    assert (fed.counts, fed.stalls, fed.mapping) == (others.counts, others.stalls, others.mapping)
    assert fed.cycles == every.cycles - parts[1].cycles
    assert next(iter(others.mapping)) == "forward_cycles"


def test_too_small_a_register_file(simulate, small):
    with pytest.raises(UnsupportedLayerError, match=r"'big'.*forward.*9 words.*register_file_words is 9.*raise"):
        simulate(conv2d("big", np.ones((1, 1, 1, 8), int), np.ones((1, 1, 1, 9), int)),
                 small.but(register_file_words=9))


def test_too_large_a_filter(simulate, small):
    with pytest.raises(UnsupportedLayerError, match="65,535"):
        simulate(conv2d("huge", np.ones((1, 1, 256, 256), int), np.ones((1, 1, 256, 256), int)), small)


def test_pattern_only_layer(simulate, small):
    with pytest.raises(TraceError, match="pattern-only"):
        simulate(linear("p", [[1]], [1]).pattern(), small)


@pytest.mark.parametrize("answer", [([[9, 0]], [0], [0]), ([[1, 0, 0]], [0], [0]), ([[1, 0]], [-1], [0]),
                                    ([[1, 0]], [0], [0.5])])
def test_policy_that_loses_work(simulate, small, answer):
    with pytest.raises(ModelError, match="correct the policy"):
        simulate(linear("one", [[3]], [2]), small, lambda work: tuple(map(np.array, answer)))


@st.composite
def configs(draw, base):
    return base.but(
        pe_rows=draw(st.integers(1, 4)), pe_cols=draw(st.integers(1, 4)),
        register_file_words=draw(st.sampled_from((20, 40, 256))), glb_words=draw(st.sampled_from((1, 16, 32768))),
        glb_banks=draw(st.sampled_from((1, 16))), glb_bound=draw(st.booleans()),
        dataflow=draw(st.sampled_from(("kn", "cn", "ck", "pq"))), sparse=draw(st.booleans()),
        phases=draw(st.sampled_from((base.phases, FORWARD, BACKWARD, UPDATE))), tile_lanes=draw(st.integers(1, 5)),
        tile_depth=draw(st.integers(1, 5)), tile_plane=draw(st.integers(1, 3)),
        threshold_unit=draw(st.booleans()), gradients_per_cycle=draw(st.integers(1, 4)))


@given(data=st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
def test_laws_on_drawn_layers(simulate, preset, own_policies, data):
    layer, config = data.draw(layers(size=6)), data.draw(configs(preset))
    policy = own_policies[data.draw(st.sampled_from(sorted(own_policies)))]
    try:
        simulate(layer, config, policy)
    except UnsupportedLayerError:
        assert config.register_file_words < 256


@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck", "pq"])
@pytest.mark.parametrize("name", sorted(edge_layers()))
def test_edge_shapes(simulate, preset, small, name, dataflow):
    for config in (preset, small):
        simulate(edge_layers()[name], config.but(dataflow=dataflow))
