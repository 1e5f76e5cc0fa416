"""Is Eyeriss's reference right? Outputs against numpy, cycles, stalls and counts against pencil and paper."""

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.reference import run
from accelsim.arch.row_stationary.eyeriss.reference.convolution import as_convolution
from accelsim.errors import ConfigError, TraceError, UnsupportedLayerError
from accelsim.testing import layers
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import DenseLayer
from accelsim.workload.matmul import linear, matmul

# Worked by hand from docs/machines/eyeriss.md. L = 6; two sums move up a cycle; one multiplier unless a case says more.


def test_one_product(check, simulate):
    # Weights: one word of 12 bits and an address of 7 through 24 bits: 1 cycle. Multiplied at 1, added at 2, through
    # the pipeline at 8. The stream has 12 + 4 bits, the sum 20: a cycle each, behind the 8.
    check(simulate(linear("one", [[3]], [2]), {}), 9, {"busy": 1, "psum": 7, "weight": 1},
          macs=1, gated_macs=0, iact_address_reads=1, iact_reads=1, iact_writes=1, weight_address_reads=1,
          weight_reads=1, weight_writes=1, psum_reads=2, psum_writes=1, psum_passes=0, glb_iact_read_bits=16,
          glb_iact_write_bits=16, glb_psum_reads=0, glb_psum_writes=0, iact_hop_bits=16, weight_hop_bits=19,
          psum_hop_bits=20, dram_weight_bits=19, dram_activation_bits=16, dram_output_bits=8)


def test_one_product_in_dense_mode(check, simulate):
    # Plain bytes, no addresses.
    check(simulate(linear("one", [[3]], [2]), {"compressed": False}), 9, {"busy": 1, "psum": 7, "weight": 1},
          iact_reads=1, weight_reads=1, iact_hop_bits=8, weight_hop_bits=8, dram_activation_bits=8)


def test_nothing_to_multiply(check, simulate):
    # No non-zero, no cycle, but the empty window's zero is added and goes through the pipeline: 1 + 6. The weights' one
    # address, 7 bits, still comes in.
    check(simulate(linear("zero", [[0]], [0]), {}), 8, {"psum": 7, "weight": 1}, iact_reads=0, psum_reads=1,
          glb_iact_read_bits=4, dram_weight_bits=7)


@pytest.mark.parametrize(("words", "cost", "bubbles"), [
    ([1, 1], 2, 0),
    ([0, 1], 2, 1),  # nothing is there to hide an empty column at the begin
    ([1, 0, 1], 3, 1),  # the address stage drops the second while the weight stage has nothing left
    ([2, 0, 1], 3, 0),  # hidden behind the second word of the first
    ([2, 0, 0, 1], 4, 1),  # one of two is hidden
    ([3, 0, 0, 1], 4, 0),
    ([2, 2, 0], 4, 0),  # the second waits in the address stage, so the third is looked up in cycle 3
    ([1, 0], 2, 1),
    ([0, 0], 2, 2),
])
def test_empty_columns_are_bubbles_unless_hidden(check, simulate, words, cost, bubbles):
    # Input c meets words[c] weights, one a cycle. The window's 3 sums take 2 cycles, the pipeline 6.
    weight = [[int(m < n) for n in words] for m in range(3)]
    layer = linear("columns", weight, [5] * len(words))
    result = simulate(layer, {"m0": 3, "c0": len(words)})
    bits = 12 * sum(words) + 7 * len(words)
    loading = -(-bits // 24)
    check(result, loading + cost + 8, {name: n for name, n in (
        ("busy", sum(words)), ("bubble", bubbles), ("psum", 8), ("weight", loading)) if n}, iact_reads=len(words))


def test_zero_inputs_take_no_cycle(check, simulate):
    # Of four inputs of two weights each the two non-zero ones are read: 4 cycles, then 1 and 6. 8 words of 12 bits and
    # 4 addresses are 124 bits: 6 cycles.
    check(simulate(linear("zeros", [[1] * 4, [2] * 4], [0, 3, 0, 4]), {"m0": 2, "c0": 4}), 6 + 4 + 7,
          {"busy": 4, "psum": 7, "weight": 6}, iact_reads=2, iact_writes=2, weight_reads=4, weight_writes=8)


def test_gated_zeros_take_theirs(check, simulate):
    # The same in dense mode: 8 cycles; of the zero inputs neither words are read nor sums. 8 bytes in 3 cycles.
    layer = linear("zeros", [[1] * 4, [2] * 4], [0, 3, 0, 4])
    check(simulate(layer, {"m0": 2, "c0": 4, "compressed": False}, pe="gate"), 3 + 8 + 7,
          {"busy": 4, "ineffectual": 4, "psum": 7, "weight": 3},
          macs=4, gated_macs=4, iact_reads=4, iact_writes=4, weight_reads=4, weight_writes=8, psum_reads=6)


def test_zero_weights_are_multiplied_in_dense_mode(check, simulate):
    # Two filters, one weight zero: 2 products, one of them for nothing.
    check(simulate(linear("zero", [[1], [0]], [3]), {"m0": 2, "compressed": False}), 1 + 2 + 7,
          {"busy": 1, "ineffectual": 1, "psum": 7, "weight": 1}, macs=2, gated_macs=0, psum_writes=2)


def test_simd_takes_pairs_of_one_column(check, simulate):
    # Columns of 3 and 1 non-zeros are 2 and 1 words, two slots of 6 empty. 3 words of 24 bits and 14: 86 bits, 4
    # cycles. 3 sums take 2.
    check(simulate(linear("pairs", [[1, 0], [2, 0], [3, 4]], [5, 6]), {"m0": 3, "c0": 2}, macs_per_pe=2), 4 + 3 + 8,
          {"busy": 4, "simd_idle": 2, "psum": 16, "weight": 8}, weight_reads=3, weight_writes=3, macs=4)


def test_placeholders_take_multiplier_cycles(check, simulate):
    # One-bit counts: the column 1 0 0 2 is 1, a placeholder on the second zero, 2. Entries of 9 bits: 34 with the
    # address, 2 cycles. 4 sums take 2.
    check(simulate(linear("gap", [[1], [0], [0], [2]], [3]), {"m0": 4}, count_bits=1), 2 + 3 + 8,
          {"busy": 2, "ineffectual": 1, "psum": 8, "weight": 2}, macs=2, gated_macs=1, weight_reads=3)


@pytest.mark.parametrize(("psum_words", "compute"), [(2, 16), (3, 16), (4, 10), (6, 10)])
def test_psum_scratchpad_holds_whole_windows(row_layer, check, simulate, psum_words, compute):
    # Two windows of two filters, one of them without weights: a cycle to multiply, one to add. D = 1: the second begins
    # when the first is out, at 2 + 6 = 8, and is out at 16. D >= 2: it ends at 4 and is out at 10.
    layer = row_layer([[[1]], [[0]]], [[5, 6]])
    check(simulate(layer, {"m0": 2}, psum_words=psum_words), 1 + compute,
          {"busy": 2, "psum": compute - 2, "weight": 1}, psum_reads=6)


def test_a_pe_adds_sums_between_its_windows(row_layer, check, simulate):
    # Three windows of one cycle and 3 filters: 2 cycles to add. They end at 3, 6, 9, and the last is out at 15.
    layer = row_layer([[[1]], [[0]], [[0]]], [[5, 6, 7]])
    check(simulate(layer, {"m0": 3}), 1 + 15, {"busy": 3, "psum": 3 * 2 + 6, "weight": 1})


@pytest.mark.parametrize(("psum_port_bits", "adding"), [(20, 5), (39, 5), (40, 3), (60, 2), (99, 2), (100, 1)])
def test_a_port_takes_whole_sums(simulate, psum_port_bits, adding):
    # Five sums of 20 bits: one, two, three or five a cycle. They cross the network in 5, 3, 2 or 1 cycles meanwhile.
    layer = linear("sums", [[1]] * 5, [2])
    assert simulate(layer, {"m0": 5}, psum_port_bits=psum_port_bits).stalls["psum"] == adding + 6


def test_a_clipped_tile_adds_fewer_sums(check, simulate):
    # Filters 0 to 2 and filter 3 on two lanes, 2 and 1 cycles to add: they end at 3 + 2 + 6 and 1 + 1 + 6. Each column
    # of the cluster has its own port: 36 + 7 bits and 12 + 7 go to the same PEs' row: 62 bits, 3 cycles.
    layer = linear("clipped", [[1], [2], [3], [4]], [5])
    check(simulate(layer, {"m0": 3, "filter_lanes": 2}, pe_cols=2), 3 + 11,
          {"busy": 4, "psum": 8 + 7, "barrier": 3, "weight": 6})


def test_a_window_without_products_still_adds(row_layer, check, simulate):
    # Inputs 0, 4, 0 of one channel: the windows end at 1, 3 and 4, and the last is out at 10.
    check(simulate(row_layer([[[1]]], [[0, 4, 0]]), {}), 1 + 10, {"busy": 1, "psum": 9, "weight": 1})


def test_all_multipliers_of_a_pe_rest_while_it_adds(check, simulate):
    # Two a cycle: one word, one cycle of adding, 6 of pipeline, twice the slots.
    check(simulate(linear("pair", [[1], [2]], [3]), {"m0": 2}, macs_per_pe=2), 2 + 8,
          {"busy": 2, "psum": 2 * 7, "weight": 2 * 2})


def test_a_column_waits_for_its_slowest_pe(row_layer, check, simulate):
    # PE 0 has 3 weights, PE 1 one, two windows, D = 1, 2 cycles to add. First: PE 0 until 5, PE 1 until 3 and 2 more
    # for PE 0; out at 11. Second: 11-16, 11-14 and 2; out at 22. Each PE: its tile of 3 x 12 + 7 = 43 or 19 bits at its
    # own row's port: 2 cycles. Column 2 x 2; psum 2 x (2 + 6) per PE.
    layer = row_layer([[[1], [4]], [[2], [0]], [[3], [0]]], [[1, 2], [3, 4]])
    check(simulate(layer, {"m0": 3, "column": 2}, pe_rows=2, psum_words=3), 2 + 22,
          {"busy": 8, "column": 4, "psum": 32, "weight": 4}, psum_passes=6, psum_reads=8 + 12, weight_hop_bits=62,
          psum_hop_bits=120)


def test_waits_at_the_end_of_a_pass_are_for_the_last_window(row_layer, check, simulate):
    # D = 2, two windows: PE 1 ends them at 3 and 6, PE 0 at 5 and 10: 4 cycles of column. Out at 16; psum 2 x 2 + 6 per
    # PE.
    layer = row_layer([[[1], [4]], [[2], [0]], [[3], [0]]], [[1, 2], [3, 4]])
    check(simulate(layer, {"m0": 3, "column": 2}, pe_rows=2, psum_words=6), 2 + 16,
          {"busy": 8, "column": 4, "psum": 20, "weight": 4})


def test_lanes_meet_at_a_barrier(check, simulate):
    # Three columns for two vectors: one of 2 non-zeros, one of none, and a column without work. Lanes end at 2 + 7 and
    # 7. Weights 2 x 19 bits in 2 cycles.
    layer = linear("vectors", [[1, 2]], [[3, 4], [0, 0]])
    check(simulate(layer, {"c0": 2, "row_lanes": 2}, pe_cols=3), 2 + 9,
          {"busy": 2, "psum": 14, "barrier": 2, "weight": 4, "fragmentation": 11}, weight_writes=4,
          weight_hop_bits=38, dram_weight_bits=38)


def test_sums_wait_in_the_global_buffer_between_steps(check, simulate):
    # Two channels on one PE: two passes of 1 + 8 cycles. The first writes the vector's sum, the second reads it.
    check(simulate(linear("steps", [[1, 2]], [3, 4]), {}), 18, {"busy": 2, "psum": 14, "weight": 2},
          glb_psum_reads=1, glb_psum_writes=1, psum_hop_bits=60, dram_weight_bits=38, glb_iact_read_bits=32)


def test_chunks_bound_the_sums_that_wait(check, simulate):
    # Room for 2 sums of 20 bits in 5 bytes: three vectors in chunks of 2 and 1, two steps each: 4 passes, and the
    # weights come twice. A chunk of 2: windows end at 2 and 4, out at 10. 2 x (1 + 10) + 2 x (1 + 8).
    layer = linear("chunks", [[1, 2]], [[3, 4], [5, 6], [7, 8]])
    result = simulate(layer, {}, glb_psum_bytes=5)
    check(result, 40, {"busy": 6, "psum": 30, "weight": 4}, glb_psum_writes=3, dram_weight_bits=76)
    assert result.mapping["passes"] == 4


@pytest.mark.parametrize(("glb_psum_bytes", "chunk"), [(2, 1), (3, 2), (5, 2), (7, 4), (8, 5), (12, 5)])
def test_chunks_are_whole_rounds_of_lanes(simulate, glb_psum_bytes, chunk):
    # Five vectors on two lanes, two steps, sums of 12 bits. Room for 1, 2, 3, 4, 5 and 8: less than the lanes is taken
    # as it is, more is rounded down to lanes, unless all fit.
    layer = linear("chunks", [[1, 2]], [[3, 4], [5, 6], [7, 8], [9, 1], [2, 3]])
    result = simulate(layer, {"row_lanes": 2}, pe_cols=2, glb_psum_bytes=glb_psum_bytes, psum_bits=12)
    assert result.mapping["passes"] == 2 * -(-5 // chunk)


def test_mapping_is_reported_and_the_config_goes_first(small, mapped):
    own = mapped(c0=2)
    result = run(linear("steps", [[1, 2]], [3, 4]), small(mappings={"steps": own}), lambda *_: pytest.fail("asked"))
    assert result.mapping == {**own.model_dump(), "passes": 1, "mapped_pes": 1}


def test_errors(simulate):
    layer = linear("big", np.ones((40, 2), np.int8), [3, 4])
    with pytest.raises(ConfigError, match="m0"):
        simulate(layer, {"m0": 33})
    with pytest.raises(TraceError, match="pattern-only"):
        simulate(linear("pattern", [[True]], [True]), {})

    class Odd(DenseLayer):
        op = "odd"

    with pytest.raises(UnsupportedLayerError, match="no rule for a odd"):
        simulate(Odd("odd", layer.weight, layer.activation, None), {})


def test_batched_products_and_biases(simulate):
    rng = np.random.default_rng(3)
    layer = matmul("attention", rng.integers(-3, 4, (2, 4, 5)), rng.integers(-3, 4, (2, 3, 5)))
    mapping = {"m0": 3, "c0": 2, "column": 2, "row_lanes": 2, "filter_lanes": 2, "inner": "filters"}
    simulate(layer, mapping, pe_rows=2, cluster_cols=2, pe_cols=2)
    simulate(linear("bias", [[1, 2], [3, 0]], [3, 4], [5, -6]), {"m0": 2}, pe_rows=2)


@given(layer=layers(size=8), data=st.data())
def test_any_mapping_covers_the_layer(small, assert_laws, layer, data):
    """Output and accounting of drawn designs and mappings: what is done twice or never would show."""
    def draw(most: int) -> int:
        return data.draw(st.integers(1, most))

    conv = as_convolution(layer)
    config = small(cluster_rows=draw(2), cluster_cols=draw(2), pe_rows=draw(3), pe_cols=draw(2), macs_per_pe=draw(3),
                   network=data.draw(st.sampled_from(("hierarchical", "flat"))), pipeline_stages=draw(7),
                   psum_words=draw(8), glb_psum_bytes=50 * draw(20), count_bits=2 + draw(2), iact_port_bits=draw(24))
    depthwise = conv.groups > 1 and conv.filters == conv.channels == 1
    m0, s0 = draw(min(config.psum_words, conv.filters)), draw(conv.cols.taps)
    column = draw(config.rows)
    lanes = config.rows // column * config.cols
    row_lanes = draw(min(lanes, conv.items))
    filter_lanes = draw(min(lanes // row_lanes, -(-conv.filters // m0)))
    mapping = RowStationaryMapping(compressed=not depthwise and data.draw(st.booleans()), m0=m0, s0=s0,
                      c0=draw(min(conv.channels, 8 // s0)), column=column, row_lanes=row_lanes,
                      filter_lanes=filter_lanes,
                      group_lanes=draw(min(lanes // (row_lanes * filter_lanes), conv.groups)),
                      inner=data.draw(st.sampled_from(("rows", "filters"))))
    try:
        result = run(layer, config, lambda *_: mapping)
    except ConfigError:
        reject()  # a buffer is too small
    assert_laws(layer, config, result)


@pytest.mark.slow
@pytest.mark.parametrize(("simd", "issue_cycles"), [(1, 775_316), (2, 425_929)])
def test_a_sparse_mobilenet_layer_on_one_pe(simulate, golden, simd, issue_cycles):
    """Layer 27 of sparse MobileNet-0.5/128 with M0 = 16, C0 = 8: effectual MACs as the Sparseloop artifact counts them.

    In pairs, each non-zero input takes its column's non-zero weights halved and rounded up; 1,655 meet an empty column.
    """
    file = golden / "eyeriss_v2_mobilenet" / "masks.npz"
    if not file.is_file():
        pytest.skip(f"masks of sparse MobileNet are not at {file}; set ACCELSIM_GOLDEN")
    data = np.load(file)
    filters, channels, pixels = map(int, data["L27_shape"])
    weight, iact = (np.unpackbits(data[f"L27_{name}"], axis=1, count=channels) for name in "wi")
    layer = conv2d("L27", weight[:, :, None, None].astype(np.int8),
                   iact.T.reshape(1, channels, 4, pixels // 4).astype(np.int8))
    result = simulate(layer, {"m0": 16, "c0": 8}, macs_per_pe=simd, weight_words=192 // simd, glb_psum_bytes=1 << 20)
    assert filters == layer.weight.shape[0]
    assert result.counts["weight_reads"] == issue_cycles
    assert result.stalls["busy"] + result.stalls["simd_idle"] == simd * issue_cycles
    assert 0 < result.stalls["bubble"] <= simd * 1_655
    assert result.counts["iact_reads"] == 4_775 * filters // 16
