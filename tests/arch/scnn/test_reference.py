"""Is SCNN's reference right? Outputs against numpy, cycles against pencil and paper and DNNsim's known answers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.arch.base import LayerRun
from accelsim.arch.scnn.reference import COUNTS, STALLS, run
from accelsim.arch.scnn.reference.banks import AccumulatorBanks, xor_hash
from accelsim.arch.scnn.reference.blocks import Entry, compress, decode
from accelsim.errors import ModelError, TraceError, UnsupportedLayerError
from accelsim.workload.layer import Conv2d, Layer, conv2d, linear, matmul
from tests.arch.scnn.planes import DNNSIM, SCNN, Config, balanced_planes, equal_planes, output_channels_first

POLICIES = (equal_planes, balanced_planes, output_channels_first)
ONE_PE = SCNN.but(pe_rows=1, pe_cols=1)
TWO_PES = SCNN.but(pe_rows=1, pe_cols=2)


def row_layer(weight: list, activation: list, **geometry) -> Conv2d:
    """A convolution of planes of one row: weight [K, C, S], activation [C, W]."""
    return conv2d("row", np.array(weight)[:, :, None], np.array(activation)[None, :, None], **geometry)


def assert_laws(layer: Layer, config: Config, result: LayerRun) -> None:
    """What holds for every layer, config and policy."""
    assert result.output is not None
    assert result.output.dtype == np.int64
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert tuple(result.stalls) == STALLS
    assert tuple(result.counts) == COUNTS
    assert result.slots == config.pe_rows * config.pe_cols * config.weight_vector * config.activation_vector
    assert sum(result.stalls.values()) == result.slots * result.cycles
    counts, stalls = result.counts, result.stalls
    assert counts["macs"] == layer.macs_effectual == stalls["busy"]
    assert counts["macs"] == counts["crossbar_transfers"] == counts["accumulator_updates"]
    assert counts["multiplies"] == stalls["busy"] + stalls["outside"]
    assert counts["steps"] == counts["weight_vector_reads"] >= counts["iaram_vector_reads"]
    assert counts["oaram_writes"] == layer.output().size
    assert result.cycles >= result.mapping["oracle_cycles"]


def check(layer: Layer, config: Config, cycles: int, stalls: dict[str, int], **counts: int) -> LayerRun:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    result = run(layer, config, equal_planes)
    assert_laws(layer, config, result)
    assert result.cycles == cycles
    assert {name: n for name, n in result.stalls.items() if n} == stalls
    assert {name: result.counts[name] for name in counts} == counts
    return result


# Worked by hand from docs/machines/scnn.md. A PE has 4 x 4 = 16 multipliers unless a case says otherwise. With the
# published rates, post-processing of up to 4 outputs per PE takes one cycle, and so does a halo of up to 4 entries.


def test_one_product():
    # One step of 1 x 1 entries, 15 multipliers unused; its update is in the same cycle. Then a cycle of post.
    check(linear("one", [[3]], [2]), ONE_PE, 2, {"busy": 1, "fragmentation": 15, "post": 16},
          macs=1, steps=1, iaram_vector_reads=1, weight_fifo_writes=1, halo_entries=0, oaram_writes=1,
          dram_weight_bits=20, dram_activation_bits=0, dram_output_bits=0)


def test_nothing_to_do_costs_post_processing_alone():
    check(row_layer([[[0]]], [[0, 0]]), ONE_PE, 1, {"post": 16}, steps=0, oaram_writes=2)
    check(row_layer([[[0]]], [[0, 0]]), ONE_PE.but(post_entries_per_cycle=0), 0, {}, steps=0, oaram_writes=2)


@pytest.mark.parametrize(("queue_entries", "conflict_cycles", "drain_cycles"), [(0, 3, 0), (1, 2, 1), (8, 0, 3)])
def test_one_step_on_one_bank(queue_entries, conflict_cycles, drain_cycles):
    # 2 x 2 products on the only bank: one update in the multiplying cycle, three later; the multipliers are held
    # until no more than q wait, the rest is drain. 4 multipliers, 4 + 1 cycles.
    config = ONE_PE.but(weight_vector=2, activation_vector=2, banks=1, bank_queue_entries=queue_entries)
    expected = {"busy": 4, "bank_conflict": 4 * conflict_cycles, "drain": 4 * drain_cycles, "post": 4}
    check(row_layer([[[1]], [[2]]], [[3, 4]]), config, 5, {name: n for name, n in expected.items() if n})


@pytest.mark.parametrize(("queue_entries", "conflict_cycles", "drain_cycles"), [(1, 1, 1), (2, 0, 2)])
def test_queues_carry_over_from_step_to_step(queue_entries, conflict_cycles, drain_cycles):
    # Two steps of 1 x 2 products on the only bank. After the first, 1 waits. The second makes that 3, less 1: with
    # q = 1 one more cycle is needed, with q = 2 not; 1 or 2 are left to drain. 2 multipliers, 4 + 1 cycles.
    config = ONE_PE.but(weight_vector=2, activation_vector=1, banks=1, bank_queue_entries=queue_entries)
    expected = {"busy": 4, "bank_conflict": 2 * conflict_cycles, "drain": 2 * drain_cycles, "post": 2}
    check(row_layer([[[1]], [[2]]], [[3, 4]]), config, 5, {name: n for name, n in expected.items() if n})


def test_placeholders_take_multiplier_slots():
    # One-bit runs: 1 0 0 2 is stored as 1, a placeholder on the second zero, 2. One step of 3 x 1 entries.
    # Entries of 17 bits; the weight has none before it.
    check(row_layer([[[3]]], [[1, 0, 0, 2]]), ONE_PE.but(index_bits=1), 2,
          {"busy": 2, "placeholder": 1, "fragmentation": 13, "post": 16}, multiplies=2, dram_weight_bits=17)


def test_halos_are_partial_sums_of_the_neighbour():
    # Each of two PEs has one input and the three taps: 2 products land in the plane, 1 beside it. Each PE touches
    # outputs 0 and 1 and owns one of them: one entry to exchange. 1 cycle of compute, 1 of halo, 1 of post.
    check(row_layer([[[1, 2, 3]]], [[5, 7]], padding=(0, 1)), TWO_PES, 3,
          {"busy": 4, "fragmentation": 26, "outside": 2, "halo": 32, "post": 32}, halo_entries=2, oaram_writes=2)


@pytest.mark.parametrize(("halo", "halo_cycles"), [("none", 0), ("exchange", 2), ("widest_neighbour", 3)])
def test_halo_modes(halo, halo_cycles):
    # 2 filters: each PE sends 1 output x 2 filters, one a cycle. The widest neighbour: rows (0, ceil(1/1) = 1, 0),
    # columns (3-1-1 = 1, ceil((3+0)/2) = 2, 1); the best without the middle is 1 x 1, for 2 filters 2. With the rim of
    # one on each side the middle would be ceil(5/2) = 3, still left out. So take a 2-row plane on one row of PEs: the
    # rows' middle is 2 high, the halo 2 x 1 for each of 2 filters: 4.
    config = TWO_PES.but(halo=halo, halo_entries_per_cycle=1, post_entries_per_cycle=0)
    layer = row_layer([[[1, 2, 3]], [[4, 5, 6]]], [[5, 0, 7]], padding=(0, 1))
    result = run(layer, config, equal_planes)
    assert_laws(layer, config, result)
    assert result.stalls["halo"] == 32 * {"none": 0, "exchange": 4, "widest_neighbour": 2}[halo]


def test_waiting_and_idle_pes():
    # PE 0 has a non-zero, PE 1 a zero, PE 2 no part of the plane.
    check(row_layer([[[2]]], [[3, 0]]), SCNN.but(pe_rows=1, pe_cols=3), 2,
          {"busy": 1, "fragmentation": 15, "barrier": 16, "idle_tile": 16, "post": 48})


def test_barriers_after_each_channel():
    # PE 0 works in channel 0, PE 1 in channel 1: side by side with one barrier, one after the other with two.
    layer = row_layer([[[2], [3]]], [[5, 0], [0, 7]])
    check(layer, TWO_PES, 2, {"busy": 2, "fragmentation": 30, "post": 32})
    check(layer, TWO_PES.but(barrier="channel"), 3, {"busy": 2, "fragmentation": 30, "barrier": 32, "post": 32})


@pytest.mark.parametrize(("post", "cycles"), [("overlapped", 26), ("serial", 30)])
def test_post_processing_beside_compute(post, cycles):
    # Three groups of one filter, 8 inputs: 2 steps (outputs 0..3 are in banks 0 4 16 20, 4..7 too, a step later), then
    # 8 cycles of post at one output a cycle. Serial: 3 x (2 + 8). Overlapped: compute 0-2, 2-4, and when the first
    # buffer is free again 10-12; post 2-10, 10-18, 18-26. 6 cycles of compute, 26 - 6 or 30 - 6 of post alone.
    config = ONE_PE.but(kc_max=1, post=post, post_entries_per_cycle=1)
    result = check(row_layer([[[1]], [[2]], [[3]]], [list(range(1, 9))]), config, cycles,
                   {"busy": 24, "fragmentation": 72, "post": 16 * (cycles - 6)}, steps=6)
    assert result.mapping["kc"] == 1
    assert result.mapping["rounds"] == 3


def test_accumulators_bound_the_tile():
    # 4 outputs do not fit 2 accumulators, 2 do: two temporal tiles, the weights come twice. Post of the first beside
    # the compute of the second.
    result = check(row_layer([[[3]]], [[1, 2, 3, 4]]), ONE_PE.but(accumulator_entries=2), 3,
                   {"busy": 4, "fragmentation": 28, "post": 16}, dram_weight_bits=40, dram_activation_bits=0)
    assert result.mapping["temporal_tiles"] == [1, 2]


@pytest.mark.parametrize(("iaram_bits", "pieces", "activation_bits"), [(80, 1, 0), (40, 2, 80), (19, 4, 160)])
def test_iaram_bounds_the_tile(iaram_bits, pieces, activation_bits):
    # 4 entries of 20 bits; two groups of filters. Whole, halved, and (single entries do not fit) streamed twice.
    layer = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]])
    result = run(layer, ONE_PE.but(iaram_bits=iaram_bits, kc_max=1), equal_planes)
    assert_laws(layer, ONE_PE, result)
    assert result.mapping["temporal_tiles"] == [1, pieces]
    assert result.counts["dram_activation_bits"] == activation_bits
    assert result.counts["dram_weight_bits"] == 2 * 20 * pieces


def test_temporal_tiles_exchange_halos_with_themselves():
    # One PE, one input at a time; each touches outputs 0 and 1 and owns one. Rounds: compute 0-1, 1-2; halo and post
    # 1-3, 3-5. Compute covers cycles 0 and 1, post-processing alone 2 (post), 3 (halo), 4 (post).
    check(row_layer([[[1, 2, 3]]], [[5, 7]], padding=(0, 1)), ONE_PE.but(iaram_bits=20), 5,
          {"busy": 4, "fragmentation": 26, "outside": 2, "halo": 16, "post": 32}, halo_entries=2, oaram_writes=2,
          dram_activation_bits=40)


@pytest.mark.parametrize(("oaram_bits", "output_bits"), [(0, 0), (80, 0), (79, 160)])
def test_outputs_that_do_not_fit_the_oaram(oaram_bits, output_bits):
    # Two PEs, each with 2 outputs of 2 filters: 4 entries of 20 bits; the layer has 8.
    layer = row_layer([[[3]], [[4]]], [[1, 2, 3, 4]])
    assert run(layer, TWO_PES.but(oaram_bits=oaram_bits), equal_planes).counts["dram_output_bits"] == output_bits


def test_fully_connected_layer_spreads_its_outputs():
    # 8 outputs on 2 x 2 PEs: 4 parts of 2 filters. The input meets 2 weights in each.
    result = check(linear("fc", np.arange(1, 9)[:, None], [5]), SCNN.but(pe_rows=2, pe_cols=2), 2,
                   {"busy": 8, "fragmentation": 56, "post": 64}, iaram_vector_reads=4)
    assert result.mapping == {"kc": 2, "rounds": 1, "parts": 4, "grid": [1, 1], "temporal_tiles": [1, 1],
                              "oracle_cycles": 1}


def test_parts_without_a_group_wait():
    # 3 filters on 2 parts, one filter a group: part 1 has none in the second round. Compute 0-1, 1-2; post 1-2, 2-3.
    check(linear("fc", [[1], [2], [3]], [5]), SCNN.but(pe_rows=1, pe_cols=2, kc_max=1), 3,
          {"busy": 3, "fragmentation": 45, "barrier": 16, "post": 32}, weight_fifo_writes=3, oaram_writes=3)


def test_strides_meet_by_phase():
    # Tap 0 meets the even inputs, tap 1 the odd ones: two steps of 2 x 1, nothing beside the plane. A 1-tap filter
    # leaves the odd inputs alone.
    check(row_layer([[[2, 3]]], [[1, 2, 3, 4]], stride=(1, 2)), ONE_PE, 3,
          {"busy": 4, "fragmentation": 28, "post": 16}, steps=2)
    check(row_layer([[[2]]], [[1, 2, 3, 4]], stride=(1, 2)), ONE_PE, 2, {"busy": 2, "fragmentation": 14, "post": 16},
          steps=1)


def test_depthwise_channels_meet_their_own_filters():
    # Both filters are in one group; each channel meets one: two steps of 1 x 1.
    check(row_layer([[[2]], [[3]]], [[5, 0], [0, 7]], groups=2), ONE_PE, 3,
          {"busy": 2, "fragmentation": 30, "post": 16}, steps=2, dram_weight_bits=40)


@pytest.mark.parametrize(("fifo_entries", "activation_reads"), [(0, 2), (2, 2), (1, 4)])
def test_weights_beyond_the_fifo_meet_the_activations_chunk_by_chunk(fifo_entries, activation_reads):
    # 2 weight vectors and 2 activation vectors are 4 steps however they are ordered. 8 x 8 outputs: 16 cycles of post.
    layer = row_layer([[[k]] for k in range(1, 9)], [list(range(1, 9))])
    config = ONE_PE.but(weight_fifo_entries=fifo_entries)
    result = run(layer, config, equal_planes)
    assert_laws(layer, config, result)
    assert result.counts["iaram_vector_reads"] == activation_reads
    assert (result.counts["steps"], result.counts["weight_fifo_writes"]) == (4, 2)


@pytest.mark.parametrize(("weight_order", "conflict_cycles"), [("taps_outer", 0), ("filters_outer", 1)])
def test_weight_order_decides_who_meets(weight_order, conflict_cycles):
    # 2 filters x taps 0, 1 on inputs 0, 1 with 2 x 2 multipliers. Taps outer: (tap 0; k 0, 1), (tap 1; k 0, 1): 4
    # different outputs a step (of tap 1 two fall beside the plane). Filters outer: (k 0; taps 0, 1): input 0 with tap 0
    # and input 1 with tap 1 are both output 0, so that each of the 2 steps takes 2 cycles.
    config = ONE_PE.but(weight_vector=2, activation_vector=2, bank_queue_entries=0, weight_order=weight_order)
    result = run(row_layer([[[1, 2]], [[3, 4]]], [[5, 6]], padding=(0, 1)), config, equal_planes)
    assert result.counts["steps"] == 2
    assert result.stalls["bank_conflict"] == 2 * conflict_cycles * 4


def test_spare_pes_of_a_policy_are_idle():
    layer = row_layer([[[2]]], [[3, 4]])
    result = run(layer, TWO_PES, lambda nz, rim, rows, cols, filters: (1, [0, 1], [0, 2]))
    assert_laws(layer, TWO_PES, result)
    assert result.stalls["idle_tile"] == 16


def test_errors():
    layer = row_layer([[[2]]], [[3, 4]])
    with pytest.raises(TraceError, match="pattern-only"):
        run(linear("fc", [[True]], [True]), SCNN, equal_planes)
    with pytest.raises(UnsupportedLayerError, match="accumulator_entries is 2"):
        run(row_layer([[[1, 2, 3]]], [[5, 7, 8]], padding=(0, 1)), SCNN.but(accumulator_entries=2), equal_planes)
    for tiles in [(1, [0, 1], [0, 1]), (2, [0, 1], [0, 1, 2]), (0, [0, 1], [0, 2]), (1, [0, 1], [0, 2, 1, 2])]:
        with pytest.raises(ModelError, match="correct the policy"):
            run(layer, TWO_PES, lambda *_, tiles=tiles: tiles)


# Parts


def test_xor_hash():
    # k = 4: bit 4. p, q = 3: bit 4 each and bits 3, 2; together bit 4 cancels out.
    bank = xor_hash(32)
    assert [bank(0, 0, 0), bank(7, 0, 0), bank(0, 3, 0), bank(0, 0, 3), bank(1, 3, 3)] == [0, 19, 24, 20, 13]


def test_a_run_too_long_for_its_index_is_broken_up():
    assert compress([0] * 15 + [7], 4) == [Entry(15, 7)]
    assert compress([0] * 16 + [7, 0, 8], 4) == [Entry(15, 0), Entry(0, 7), Entry(1, 8)]
    assert compress([0] * 40 + [7, 0], 4) == [Entry(15, 0), Entry(15, 0), Entry(8, 7)]
    assert compress([0] * 40 + [7, 0], 0) == [Entry(40, 7)]


@given(st.lists(st.sampled_from([0, 0, 0, 5]), max_size=60), st.integers(0, 4))
def test_compressed_blocks_decode(values, index_bits):
    operands = decode(compress(values, index_bits), [(place,) for place in range(len(values))])
    assert all(values[place] == value for (place,), value in operands)
    assert [value for _, value in operands if value] == [value for value in values if value]


@given(st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=12), st.integers(0, 5))
def test_ticking_queues_cost_what_the_rules_page_says(steps, entries):
    # Each step sends products to banks; the next may come as soon as no bank has more than `entries` left.
    banks, waiting = AccumulatorBanks(4), Counter()
    banks.begin([(k, 0, 0) for k in range(4)], xor_hash(4))
    for step in steps:
        for bank in step:
            banks.send((bank, 0, 0), 1)
        cost = 0
        while cost == 0 or banks.fullest > entries:
            banks.tick()
            cost += 1
        waiting.update(step)
        assert cost == max(1, max(waiting.values(), default=0) - entries)
        waiting = Counter({bank: max(0, n - cost) for bank, n in waiting.items()})
        assert banks.fullest == max(waiting.values(), default=0)


# Drawn layers


def tensors(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """int8 tensors with about as many zeros as not."""
    values = st.one_of(st.just(0), st.integers(-128, 127))
    return arrays(np.int8, shape, elements=values, fill=st.sampled_from([0, 0, 3]))


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    groups = draw(st.integers(1, 3))
    per_group, filters = draw(st.integers(1, 6 // groups)), groups * draw(st.integers(1, 6 // groups))
    kernel, dilation = ([draw(st.integers(1, high)) for _ in range(2)] for high in (3, 2))
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = [draw(st.integers(0, e)) for e in extent]
    plane = [draw(st.integers(max(1, e - 2 * p), 9)) for e, p in zip(extent, padding, strict=True)]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    weight = draw(tensors((filters, per_group, *kernel)))
    activation = draw(tensors((draw(st.integers(1, 2)), groups * per_group, *plane)))
    bias = draw(st.none() | arrays(np.int32, filters, elements=st.integers(-9, 9)))
    return conv2d("drawn", weight, activation, stride, padding, dilation, groups, bias)


@st.composite
def matrix_products(draw: st.DrawFn) -> Layer:
    groups, out, n_in, batch = (draw(st.integers(1, high)) for high in (3, 6, 9, 3))
    weight, activation = draw(tensors((groups, out, n_in))), draw(tensors((groups, batch, n_in)))
    if groups > 1:
        return matmul("drawn", weight, activation)
    return linear("drawn", weight[0], activation[0], draw(st.none() | arrays(np.int32, out)))


CONFIGS = st.builds(
    Config, pe_rows=st.integers(1, 3), pe_cols=st.integers(1, 3), weight_vector=st.integers(1, 4),
    activation_vector=st.integers(1, 4), banks=st.sampled_from([1, 2, 3, 5, 8, 32]),
    accumulator_entries=st.sampled_from([25, 40, 100, 1024]), bank_hash=st.sampled_from(["xor", "address"]),
    bank_queue_entries=st.sampled_from([0, 1, 2, 8]), weight_order=st.sampled_from(["taps_outer", "filters_outer"]),
    index_bits=st.integers(0, 4), tiling=st.sampled_from(["input_plane", "padded_plane"]),
    kc_rule=st.sampled_from(["accumulators", "output_tile"]), kc_max=st.integers(0, 3),
    barrier=st.sampled_from(["group", "channel"]), halo=st.sampled_from(["none", "exchange", "widest_neighbour"]),
    halo_entries_per_cycle=st.integers(1, 4), post=st.sampled_from(["overlapped", "serial"]),
    post_entries_per_cycle=st.integers(0, 4), iaram_bits=st.sampled_from([0, 10, 100, 400, 2000]),
    oaram_bits=st.sampled_from([0, 100, 2000]), weight_fifo_entries=st.integers(0, 4))


@settings(max_examples=200, deadline=None)
@given(layer=convolutions() | matrix_products(), config=CONFIGS, policy=st.sampled_from(POLICIES))
def test_output_and_laws_on_drawn_layers(layer, config, policy):
    assert_laws(layer, config, run(layer, config, policy))


# DNNsim


def dnnsim_layer(channels: int, plane: int, filters: int, taps: int, padding: int) -> Conv2d:
    """The layer that DNNsim's answers are for: weight density .35, activation density .5, seed 0.

    The answers depend on where the non-zeros are; the floats become integers which keep that.
    """
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((filters, channels, taps, taps)).astype(np.float32)
    weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - 0.35)] = 0
    shape = (1, channels, plane, plane)
    activation = np.abs(rng.standard_normal(shape)).astype(np.float32) + np.float32(0.05)
    activation[rng.random(shape) >= 0.5] = 0
    away_from_zero = [(np.sign(x) * np.ceil(np.abs(x) * 100)).astype(np.int16) for x in (weight, activation)]
    return conv2d("dnnsim", *away_from_zero, padding=padding)


def assert_dnnsim(layer: Layer, cycles: int, products: int, conflict_slots: int) -> None:
    result = run(layer, DNNSIM, equal_planes)
    assert_laws(layer, DNNSIM, result)
    assert (result.cycles, result.counts["macs"]) == (cycles, products)
    assert result.stalls["bank_conflict"] + result.stalls["drain"] == conflict_slots


def test_dnnsim_small_layer():
    assert_dnnsim(dnnsim_layer(4, 8, 8, 3, padding=1), 57, 3_001, 1_360)


@pytest.mark.slow
def test_dnnsim_one_tap_layer():
    assert_dnnsim(dnnsim_layer(256, 14, 1024, 1, padding=0), 30_009, 9_009_236, 4_890_656)


@pytest.mark.slow
def test_dnnsim_three_tap_layer():
    assert_dnnsim(dnnsim_layer(256, 13, 384, 3, padding=1), 102_586, 23_321_100, 14_406_352)
