"""What the reference's networks, global buffer and DRAM carry, and what that costs, against pencil and paper."""

import numpy as np
import pytest

from accelsim.hw.memory.config import DramConfig
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

# Worked by hand from docs/machines/eyeriss.md; the same small design as in test_reference.py.


def test_inputs_that_come_too_slowly(check, simulate):
    # The stream of 16 bits through one bit a cycle: 16 cycles, 8 more than the 8 of compute.
    check(simulate(linear("one", [[3]], [2]), {}, iact_port_bits=1), 17, {"busy": 1, "psum": 7, "weight": 1, "iact": 8})


def test_sums_that_leave_too_slowly(check, simulate):
    # Three lanes above each other share the port of their column in the cluster. 12 windows of a cycle, and one to add:
    # 24 + 6; 36 sums of 20 bits through 20 bits: 36 cycles, 6 more. Streams of 12 x 12 + 12 x 4 = 192 bits, one a
    # plane: 8.
    layer = conv2d("rows", [[[[1]]]], np.full((1, 1, 3, 12), 2))
    check(simulate(layer, {"row_lanes": 3}, pe_rows=3, psum_port_bits=20), 1 + 36,
          {"busy": 36, "psum": 3 * (12 + 6) + 3 * 6, "weight": 3})


@pytest.mark.parametrize(("iact_port_bits", "iact", "psum"), [(4, 18, 0), (5, 9, 0), (6, 0, 6)])
def test_the_slower_network_is_blamed(simulate, iact_port_bits, iact, psum):
    # As before; each plane brings its stream's 192 bits in 48, 39 or 32 cycles, the sums leave in 36, compute takes 30.
    layer = conv2d("rows", [[[[1]]]], np.full((1, 1, 3, 12), 2))
    stalls = simulate(layer, {"row_lanes": 3}, pe_rows=3, psum_port_bits=20, iact_port_bits=iact_port_bits).stalls
    assert stalls["iact"] == 3 * iact
    assert stalls["psum"] == 3 * (12 + 6 + psum)


def test_equally_slow_networks_count_as_inputs(simulate):
    # 9 windows of a cycle take 24; three lanes' sums leave in 27 cycles, three streams of 9 bytes come on the one plane
    # in 27 too.
    layer = conv2d("rows", [[[[1]]]], np.full((1, 1, 3, 9), 2))
    stalls = simulate(layer, {"row_lanes": 3, "compressed": False}, pe_rows=3, psum_port_bits=20, iact_port_bits=8,
                      glb_iact_banks=1).stalls
    assert stalls["iact"] == 3 * (27 - 24)
    assert stalls["psum"] == 3 * (9 + 6)


def test_input_rows_are_shared_along_diagonals(check, simulate):
    # 2 filter rows on 2 PEs, 2 output rows on 2 columns: input rows 0, 1, 2 are needed by 1, 2 and 1 PEs of the one
    # cluster: three streams of one byte, each delivered once to the cluster, each on a plane of its own.
    layer = conv2d("rows", [[[[1], [2]]]], [[[[3], [4], [5]]]])
    check(simulate(layer, {"compressed": False, "column": 2, "row_lanes": 2}, pe_rows=2, pe_cols=2), 1 + 8,
          {"busy": 4, "psum": 28, "weight": 4}, glb_iact_read_bits=24, iact_hop_bits=24, iact_writes=4,
          weight_hop_bits=16, dram_weight_bits=16, psum_passes=2, psum_hop_bits=40)


def test_padding_rows_do_not_exist(check, simulate):
    # One row of padding above: the upper PE has nothing to read for its one item. Compressed it costs no cycle, in
    # dense mode the cycle that zeros take.
    layer = conv2d("rows", [[[[1], [2]]]], [[[[3]]]], padding=(1, 0), stride=2)
    compressed = simulate(layer, {"column": 2}, pe_rows=2)
    check(compressed, 1 + 8, {"busy": 1, "column": 1, "psum": 14, "weight": 2}, iact_writes=1, iact_reads=1,
          iact_address_reads=2, glb_iact_read_bits=16)
    dense = simulate(layer, {"column": 2, "compressed": False}, pe_rows=2)
    check(dense, 1 + 8, {"busy": 1, "ineffectual": 1, "psum": 14, "weight": 2}, iact_writes=1, iact_reads=2,
          gated_macs=1, glb_iact_read_bits=8)


@pytest.mark.parametrize(("stride", "padding", "columns", "addresses", "reads"), [
    (1, 0, 7, 7, 3),  # 5 windows of 3 taps: 4 slides behind the first window's 3 segments
    (2, 0, 7, 4, 2),  # 3 windows: 2 slides, segments of 2 columns
    (3, 0, 6, 2, 1),  # columns 0 .. 5
    (4, 0, 6, 2, 1),  # columns 0 1 2, 4 5 6
    (1, 2, 7, 11, 3),  # 9 windows; what is in the padding does not come
])
def test_windows_slide_by_a_segment(row_layer, simulate, stride, padding, columns, addresses, reads):
    layer = row_layer([[[1, 2, 3]]], [[1, 2, 3, 4, 5, 6, 7]], stride=(1, stride), padding=(0, padding))
    windows = layer.out_plane[1]
    counts = simulate(layer, {"s0": 3}).counts
    assert counts["iact_writes"] == columns
    assert counts["iact_address_reads"] == windows * reads
    assert counts["glb_iact_read_bits"] == columns * 12 + addresses * 4


def test_inputs_stay_for_further_filters(simulate):
    # Two filters one after the other. The stream has 16 bits: they stay in 2 bytes, not in 1.
    layer = linear("filters", [[1], [2]], [3])
    assert simulate(layer, {}, glb_iact_bytes=2).counts["dram_activation_bits"] == 16
    again = simulate(layer, {}, glb_iact_bytes=1).counts
    assert again["dram_activation_bits"] == again["glb_iact_write_bits"] == again["glb_iact_read_bits"] == 32


@pytest.mark.parametrize(("glb_iact_bytes", "rows"), [
    (7, [3, 1, 1, 1, 0, 0, 0, 0]),  # all 6 rows stay for the layer
    (6, [3, 1, 1, 1, 0, 0, 0, 0]),
    (5, [3, 1, 2, 1, 3, 1, 2, 1]),  # those of either chunk stay for it
    (4, [3, 1, 2, 1, 3, 1, 2, 1]),
    (3, [3, 3, 2, 1, 3, 3, 2, 1]),  # those of the second do
    (2, [3, 3, 2, 2, 3, 3, 2, 2]),
    (1, [3, 3, 2, 2, 3, 3, 2, 2]),
])
def test_input_rows_are_fetched_once_while_they_fit(simulate, glb_iact_bytes, rows):
    # Six rows of one byte, two filters of two taps in a column, a tap a step. Room for 3 sums of 20 bits: chunks of
    # output rows 0 1 2 and 3 4. Passes of a filter: 0 1 2, 1 2 3, then 3 4, 4 5.
    layer = conv2d("rows", [[[[1], [2]]], [[[3], [4]]]], np.arange(1, 7).reshape(1, 1, 6, 1))
    result = simulate(layer, {"compressed": False}, glb_psum_bytes=8, glb_iact_bytes=glb_iact_bytes,
                      dram=DramConfig(gbps=1.0))
    assert result.tiles is not None
    assert result.tiles.activation_bits.tolist() == [8 * n for n in rows]
    assert result.counts["dram_activation_bits"] == result.counts["glb_iact_write_bits"] == 8 * sum(rows)
    assert result.counts["glb_iact_read_bits"] == 8 * 20


def test_rows_of_another_group_are_not_fetched_again(simulate):
    # Two groups one behind the other, a byte each, two filters each: groups are chunks of their own, the layer has 2.
    layer = conv2d("groups", [[[[1]]], [[[2]]], [[[3]]], [[[4]]]], [[[[5]], [[6]]]], groups=2)
    fetched = [simulate(layer, {"compressed": False}, glb_iact_bytes=n).counts["dram_activation_bits"] for n in (2, 1)]
    assert fetched == [16, 32]


def test_rows_stay_in_the_networks_form(simulate):
    # 3 is a byte on the network and 13 bits in DRAM, 0 a byte and nothing: a byte of room holds either of them.
    for value, dram_bits in ((3, 13), (0, 0)):
        counts = simulate(linear("form", [[1], [2]], [value]), {"compressed": False}, pe="gate", dram_run_bits=5,
                          glb_iact_bytes=1).counts
        assert (counts["glb_iact_write_bits"], counts["dram_activation_bits"]) == (8, dram_bits)


def test_run_lengths_in_dram(row_layer, simulate):
    # Two-bit runs: 1, three zeros and a placeholder on the fourth, one more zero, 2: 3 entries of 10 bits; on the
    # network 7 bytes, or 2 non-zeros of 12 bits and 7 addresses.
    layer = row_layer([[[1]]], [[1, 0, 0, 0, 0, 0, 2]])
    gate = simulate(layer, {"compressed": False}, pe="gate", dram_run_bits=2).counts
    assert (gate["glb_iact_write_bits"], gate["dram_activation_bits"]) == (56, 30)
    skip = simulate(layer, {}, dram_run_bits=2).counts
    assert (skip["glb_iact_write_bits"], skip["dram_activation_bits"]) == (52, 30)


def test_flat_buses(check, simulate):
    # Two vectors, two filters: both tiles (8 bits) and both streams (8 bits) cross once, four sums of 20 bits one
    # behind the other. 4-bit buses for data: 4 cycles of weights; T_p = 80/20 = 4 and T_i = 4 behind 1 + 7.
    layer = linear("bus", [[1], [2]], [[3], [4]])
    mapping = {"compressed": False, "row_lanes": 2, "filter_lanes": 2}
    check(simulate(layer, mapping, network="flat", pe_cols=4, iact_port_bits=4, weight_port_bits=4, psum_port_bits=20),
          4 + 8, {"busy": 4, "psum": 28, "weight": 16}, iact_hop_bits=16, weight_hop_bits=16, psum_hop_bits=80)


def test_depthwise_layers_leave_multipliers_idle(check, simulate):
    # A weight alone in each word of two. Two groups side by side.
    layer = conv2d("depthwise", [[[[1]]], [[[2]]]], [[[[3]], [[0]]]], groups=2)
    check(simulate(layer, {"compressed": False, "group_lanes": 2}, pe_cols=2, macs_per_pe=2), 1 + 8,
          {"busy": 1, "ineffectual": 1, "simd_idle": 2, "psum": 28, "weight": 4}, macs=1, gated_macs=1)


def test_tiles_are_passes(simulate):
    # As in the steps case: outputs leave in the last step.
    dram = DramConfig(gbps=1.0)
    tiles = simulate(linear("steps", [[1, 2]], [3, 4]), {}, dram=dram).tiles
    assert tiles is not None
    assert tiles.to_lists() == {"compute_cycles": [9, 9], "weight_bits": [19, 19], "activation_bits": [16, 16],
                                "output_bits": [0, 8], "load_cycles": [1, 1]}
    stay = simulate(linear("steps", [[1, 2]], [3, 4]), {}, dram=dram, resident_activations=True).tiles
    assert stay is not None  # what stays on chip is not the engine's business
    assert stay.to_lists() == tiles.to_lists()


@pytest.mark.parametrize(("weight_port_bits", "load_cycles"), [(19, [1, 1]), (18, [2, 1]), (5, [4, 2]), (1, [19, 7])])
def test_a_tile_loads_while_its_weights_come_in(simulate, weight_port_bits, load_cycles):
    # Two channels, one weight of them zero: 12 + 7 bits, then an address of 7. A product or a bubble, its sum and the
    # pipeline take 8.
    tiles = simulate(linear("load", [[1, 0]], [3, 4]), {}, weight_port_bits=weight_port_bits,
                     dram=DramConfig(gbps=1.0)).tiles
    assert tiles is not None
    assert tiles.load_cycles.tolist() == load_cycles
    assert (tiles.compute_cycles - tiles.load_cycles).tolist() == [8, 8]
