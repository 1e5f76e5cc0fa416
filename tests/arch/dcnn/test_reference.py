"""Is DCNN's reference right? Outputs against numpy, cycles, stalls and counts against pencil and paper."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.dcnn.reference import COUNTS, STALLS, run
from accelsim.arch.planar.shared.policies import POLICIES
from accelsim.errors import ModelError, TraceError, UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

EQUAL = POLICIES["equal_planes"]


def design(pe_rows: int = 1, pe_cols: int = 1, dot_width: int = 1, **changes: Any) -> ArchConfig:
    """The published design, with one PE and one multiplier unless a case says otherwise."""
    return load_arch("dcnn", {"pe_rows": pe_rows, "pe_cols": pe_cols, "dot_width": dot_width, **changes})


def row_layer(weight: list, activation: list, **geometry: Any) -> Conv2d:
    """A convolution of planes of one row: weight [K, C/groups, S], activation [C, W]."""
    return conv2d("row", np.array(weight)[:, :, None], np.array(activation)[None, :, None], **geometry)


def simulate(layer: Layer, config: Any, policy: Any = EQUAL) -> LayerRun:
    """The reference, with the laws that hold for every layer, config and policy."""
    result = run(layer, config, policy)
    assert result.output is not None
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert tuple(result.stalls) == STALLS
    assert tuple(result.counts) == COUNTS
    assert result.slots == config.pe_rows * config.pe_cols * config.dot_width
    assert sum(result.stalls.values()) == result.slots * result.cycles
    counts, stalls = result.counts, result.stalls
    assert counts["macs"] == stalls["busy"] == layer.macs_effectual
    lanes = stalls["busy"] + stalls["zero_operand"] + stalls["outside"]
    assert counts["multiplies"] + counts["gated_multiplies"] == lanes
    assert counts["accumulator_updates"] <= counts["weight_vector_reads"]
    assert counts["weight_vector_reads"] * config.dot_width == lanes + stalls["fragmentation"]
    assert counts["oaram_writes"] == layer.output().size
    return result


def check(layer: Layer, config: Any, cycles: int, stalls: dict[str, int], **counts: int) -> LayerRun:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    result = simulate(layer, config)
    assert result.cycles == cycles
    assert {name: n for name, n in result.stalls.items() if n} == stalls
    assert {name: result.counts[name] for name in counts} == counts
    return result


# Worked by hand from docs/machines/dcnn.md.


def test_one_product():
    # One dot product of one lane out of 16, of values of 16 bits.
    result = check(linear("one", [[3]], [2]), design(dot_width=16), 1, {"busy": 1, "fragmentation": 15},
                   macs=1, multiplies=1, gated_multiplies=0, accumulator_updates=1, activation_vector_reads=1,
                   weight_vector_reads=1, weight_fifo_writes=1, halo_entries=0, oaram_writes=1, dram_weight_bits=16,
                   dram_activation_bits=0, dram_output_bits=0)
    assert result.mapping == {"kc": 1, "rounds": 1, "parts": 1, "grid": [1, 1], "temporal_tiles": [1, 1]}


@pytest.mark.parametrize(("zero_gating", "multiplies"), [(False, 5), (True, 2)])
def test_lanes_take_the_channels_zeros_included(zero_gating, multiplies):
    # Two lanes take channels (0 1) (2 3) (4 -): three cycles. Channels 0 and 4 have two non-zeros.
    layer = linear("fc", [[1, 0, 2, 0, 3]], [4, 5, 0, 0, 6])
    check(layer, design(dot_width=2, zero_gating=zero_gating), 3, {"busy": 2, "zero_operand": 3, "fragmentation": 1},
          multiplies=multiplies, gated_multiplies=5 - multiplies, accumulator_updates=3, activation_vector_reads=3,
          weight_fifo_writes=3)


def test_nothing_but_zeros_takes_its_time():
    check(row_layer([[[0]]], [[0, 0]]), design(), 2, {"zero_operand": 2}, accumulator_updates=2, multiplies=2)
    check(row_layer([[[0]]], [[0, 0]]), design(zero_gating=True), 2, {"zero_operand": 2}, accumulator_updates=2,
          multiplies=0)


@pytest.mark.parametrize(("zero_gating", "multiplies"), [(False, 6), (True, 3)])
def test_every_tap_meets_every_position(zero_gating, multiplies):
    # Input 0 with taps 0 1 2 lands at outputs 1 0 -1, input 1 at 2 1 0; outputs are 0 and 1. Input 1 is zero, so that
    # only the three products of input 0 switch, the one that falls outside among them.
    layer = row_layer([[[1, 2, 3]]], [[5, 0]], padding=(0, 1))
    check(layer, design(zero_gating=zero_gating), 6, {"busy": 2, "zero_operand": 2, "outside": 2},
          multiplies=multiplies, accumulator_updates=4, activation_vector_reads=2, weight_vector_reads=6,
          weight_fifo_writes=3)


def test_halos_are_partial_sums_of_the_neighbour():
    # Each of two PEs has one input and three taps, touches outputs 0 and 1 and owns one. The exchange takes no time.
    check(row_layer([[[1, 2, 3]]], [[5, 7]], padding=(0, 1)), design(1, 2), 3, {"busy": 4, "outside": 2},
          halo_entries=2, oaram_writes=2, weight_fifo_writes=6, activation_vector_reads=2)


def test_the_whole_region_is_sent():
    # Taps 2 apart on four inputs, one to a PE: input w lands at w and w - 2, outputs are 0 and 1, under inputs 1 and 2.
    # Regions are 0, 0..1, 0..1, 1: PEs 1 and 2 send the output between their two, though it is an empty sum.
    check(row_layer([[[1, 2]]], [[3, 4, 5, 6]], dilation=(1, 2)), design(1, 4), 2, {"busy": 4, "outside": 4},
          halo_entries=4, oaram_writes=2)


def test_waiting_and_idle_pes():
    # Tiles of 2, 2, 1 and 0 inputs.
    check(row_layer([[[2]]], [[1, 2, 3, 4, 5]]), design(1, 4), 2, {"busy": 5, "barrier": 1, "idle_tile": 2},
          weight_fifo_writes=3)


def test_a_barrier_ends_each_round():
    # Tiles of 2 and 1 inputs; groups of 2 and 1 filters: 4 and 2 cycles, then 2 and 1.
    result = check(row_layer([[[1]], [[2]], [[3]]], [[4, 5, 6]]), design(1, 2, kc_max=2), 6,
                   {"busy": 9, "barrier": 3}, activation_vector_reads=6, weight_fifo_writes=6, dram_weight_bits=48)
    assert (result.mapping["kc"], result.mapping["rounds"]) == (2, 2)


def test_images_run_one_after_the_other():
    layer = conv2d("two images", [[[[2]]]], [[[[3, 0]]], [[[4, 5]]]])
    check(layer, design(1, 2), 2, {"busy": 3, "zero_operand": 1}, dram_weight_bits=32, weight_fifo_writes=4)


def test_accumulators_bound_the_tile():
    # 4 outputs do not fit 2 accumulators, 2 do: two temporal tiles, the weight comes twice. All inputs fit the IARAM.
    result = check(row_layer([[[3]]], [[1, 2, 3, 4]]), design(accumulator_entries=2), 4, {"busy": 4},
                   dram_weight_bits=32, dram_activation_bits=0, weight_fifo_writes=2)
    assert result.mapping["temporal_tiles"] == [1, 2]


@pytest.mark.parametrize(("iaram_bits", "pieces", "plain_bits", "compressed_bits"),
                         [(0, 1, 0, 0), (128, 1, 0, 0), (127, 2, 128, 85), (64, 2, 128, 85), (15, 8, 256, 102)])
def test_iaram_bounds_the_tile(iaram_bits, pieces, plain_bits, compressed_bits):
    # 8 inputs of 16 bits, two groups of a filter. Whole, halved, and (single inputs do not fit) streamed twice.
    # Compressed, an entry takes 16 + 1 bits and counts at most one zero. The halves 1 0 0 2 and 0 0 0 3 take 3 and 2
    # entries, one a placeholder each; the single inputs take 3.
    layer = row_layer([[[3]], [[4]]], [[1, 0, 0, 2, 0, 0, 0, 3]])
    for compress_dram, bits in ((False, plain_bits), (True, compressed_bits)):
        config = design(iaram_bits=iaram_bits, kc_max=1, index_bits=1, compress_dram=compress_dram)
        result = check(layer, config, 16, {"busy": 6, "zero_operand": 10}, dram_activation_bits=bits,
                       dram_weight_bits=2 * 16 * pieces, dram_output_bits=0)
        assert result.mapping["temporal_tiles"] == [1, pieces]


def test_all_channels_of_the_largest_piece_take_iaram():
    # Tiles of 2 and 1 inputs, 3 channels: 2 x 3 values of 16 bits in the fuller PE.
    layer = row_layer([[[1], [2], [3]]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert simulate(layer, design(1, 2, iaram_bits=96)).counts["dram_activation_bits"] == 0
    assert simulate(layer, design(1, 2, iaram_bits=95)).counts["dram_activation_bits"] == 9 * 16


@pytest.mark.parametrize(("oaram_bits", "output_bits"), [(0, 0), (64, 0), (63, 128)])
def test_outputs_that_do_not_fit_the_oaram(oaram_bits, output_bits):
    # Two PEs, each with 2 outputs of 2 filters in 16 bits; the layer has 8. Temporal tiles do not empty the OARAM.
    layer = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]])
    for iaram_bits in (0, 16):
        config = design(1, 2, oaram_bits=oaram_bits, iaram_bits=iaram_bits, kc_max=1)
        assert simulate(layer, config).counts["dram_output_bits"] == output_bits


def test_fully_connected_layer_spreads_its_outputs():
    # 8 outputs on 2 x 2 PEs: 4 parts of 2 filters; 3 channels in 2 vectors of 2 lanes: 4 cycles, a lane free in every
    # second one.
    layer = linear("fc", np.arange(1, 25).reshape(8, 3), [5, 6, 7])
    result = check(layer, design(2, 2, 2), 4, {"busy": 24, "fragmentation": 8}, activation_vector_reads=8,
                   weight_fifo_writes=16, dram_weight_bits=24 * 16)
    assert result.mapping == {"kc": 2, "rounds": 1, "parts": 4, "grid": [1, 1], "temporal_tiles": [1, 1]}


def test_parts_share_what_comes_from_dram():
    # Both parts need the input of 48 bits. It does not fit an IARAM of 47 bits, and a group is all a part has.
    layer = linear("fc", [[1, 2, 3], [4, 5, 6]], [7, 8, 9])
    check(layer, design(1, 2, iaram_bits=47), 3, {"busy": 6}, dram_activation_bits=48, dram_weight_bits=96)


def test_parts_without_a_group_wait():
    # 3 filters on 2 parts, one filter a group: part 1 has none in the second round.
    result = check(linear("fc", [[1], [2], [3]], [5]), design(1, 2, kc_max=1), 2, {"busy": 3, "barrier": 1},
                   weight_fifo_writes=3, activation_vector_reads=3, oaram_writes=3)
    assert (result.mapping["parts"], result.mapping["rounds"]) == (2, 2)


def test_strides_meet_by_phase():
    # Tap 0 meets the even inputs, tap 1 the odd ones: a cycle each. A 1-tap filter leaves the odd inputs alone.
    check(row_layer([[[2, 3]]], [[1, 2, 3, 4]], stride=(1, 2)), design(), 4, {"busy": 4}, activation_vector_reads=4)
    check(row_layer([[[2]]], [[1, 2, 3, 4]], stride=(1, 2)), design(), 2, {"busy": 2}, activation_vector_reads=2)


def test_inputs_that_no_tap_meets_cost_nothing():
    # Of two PEs, one has an input between the strides: it gets the weight and waits.
    check(row_layer([[[2]]], [[7, 8]], stride=(1, 2)), design(1, 2), 1, {"busy": 1, "barrier": 1},
          weight_fifo_writes=2, activation_vector_reads=1)
    # Padding of 1 and a stride of 3: the only tap is on the padding. The bias is the output.
    check(row_layer([[[2]]], [[5]], stride=(1, 3), padding=(0, 1), bias=[9]), design(), 0, {}, oaram_writes=1,
          weight_fifo_writes=1, dram_weight_bits=16)


def test_depthwise_channels_cannot_share_a_dot_product():
    # Each channel meets its own filter: a cycle per input and channel, 3 of 4 lanes empty.
    check(row_layer([[[2]], [[3]]], [[5, 0], [0, 7]], groups=2), design(dot_width=4), 4,
          {"busy": 2, "zero_operand": 2, "fragmentation": 12}, activation_vector_reads=4, weight_fifo_writes=2,
          dram_weight_bits=32)


def test_output_groups_across_convolution_groups():
    # Filters 0 1 | 2 3 belong to convolution groups of two channels; output groups are 0 1 2 | 3. The first reads all
    # four channels and makes 2 x 2 + 2 x 1 dot products of a lane, the second reads two and makes 2.
    layer = row_layer([[[1], [2]], [[3], [4]], [[5], [6]], [[7], [8]]], [[1], [2], [3], [4]], groups=2)
    check(layer, design(kc_max=3), 8, {"busy": 8}, activation_vector_reads=6, weight_fifo_writes=8)


def test_spare_pes_of_a_policy_are_idle():
    result = simulate(row_layer([[[2]]], [[3, 4]]), design(1, 2), lambda *_: (1, [0, 1], [0, 2]))
    assert result.stalls["idle_tile"] == 2


@given(testing.layers(size=8), st.integers(1, 3), st.integers(1, 3), st.sampled_from(sorted(POLICIES)))
def test_dcnn_opt_is_as_fast(layer, pe_rows, pe_cols, policy):
    plain, gated = (simulate(layer, load_arch(name, {"pe_rows": pe_rows, "pe_cols": pe_cols}), POLICIES[policy])
                    for name in ("dcnn", "dcnn_opt"))
    assert (plain.cycles, plain.stalls, plain.mapping) == (gated.cycles, gated.stalls, gated.mapping)
    assert plain.counts["gated_multiplies"] == 0
    assert gated.counts["multiplies"] >= gated.counts["macs"]


@given(testing.layers(size=8), st.sampled_from([0, 1, 2]), st.sampled_from([0, 16, 100]))
def test_one_multiplier_does_one_product_a_cycle(layer, kc_max, iaram_bits):
    # However it is tiled: a cycle for each image, filter and weight of it, and input position that the tap meets, which
    # is one in stride positions of each axis, counted from the tap's place.
    cycles = layer.macs_dense
    if isinstance(layer, Conv2d):
        met = [[sum((w + pad - tap * d) % s == 0 for w in range(size)) for tap in range(taps)]
               for size, taps, pad, s, d in zip(layer.activation.shape[2:], layer.weight.shape[2:], layer.padding,
                                                layer.stride, layer.dilation, strict=True)]
        cycles = layer.activation.shape[0] * layer.weight[:, :, 0, 0].size * sum(met[0]) * sum(met[1])
    assert simulate(layer, design(kc_max=kc_max, iaram_bits=iaram_bits)).cycles == cycles


def test_errors():
    layer = row_layer([[[2]]], [[3, 4]])
    with pytest.raises(TraceError, match="pattern-only"):
        run(linear("fc", [[True]], [True]), design(), EQUAL)
    wide = row_layer([[[1, 2, 3]]], [[5, 7, 8]], padding=(0, 1))
    with pytest.raises(UnsupportedLayerError, match="accumulator_entries is 2"):
        run(wide, design(1, 2, accumulator_entries=2), EQUAL)
    for tiles in [(1, [0, 1], [0, 1]), (2, [0, 1], [0, 1, 2]), (0, [0, 1], [0, 2]), (1, [0, 1], [0, 2, 1, 2])]:
        with pytest.raises(ModelError, match="correct the policy"):
            run(layer, design(1, 2), lambda *_, tiles=tiles: tiles)
