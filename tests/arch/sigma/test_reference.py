"""Is SIGMA's reference right? Outputs against numpy, cycles and counts against pencil and paper and the page's sums."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.flexible.sigma.policies import POLICIES
from accelsim.arch.flexible.sigma.reference import COUNTS, STALLS, run
from accelsim.arch.flexible.sigma.reference.controller import Fold
from accelsim.arch.flexible.sigma.reference.engine import run_product
from accelsim.arch.machine import LayerRun
from accelsim.errors import ConfigError, ModelError, TraceError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import matrix_products
from accelsim.workload.matmul import linear, matmul


@dataclass(frozen=True)
class Config:
    """The parameters the reference reads, small, one Flex-DPE, weights stationary; switches as published."""

    flex_dpes: int = 1
    multipliers_per_dpe: int = 2
    bandwidth_words_per_cycle: int = 1
    streaming: str = "limited"
    stationary: str = "mk"
    stationary_filter: bool = True
    drain_per_k_tile: bool = False
    overlap: str = "none"
    data_sram_kbytes: float | None = None
    dram: Any = None

    @property
    def slots(self) -> int:
        return self.flex_dpes * self.multipliers_per_dpe

    @property
    def drain_cycles(self) -> int:
        """A multiplication, log2 of the multipliers, log2 of the Flex-DPEs rounded up."""
        return 1 + int(np.log2(self.multipliers_per_dpe)) + int(np.ceil(np.log2(self.flex_dpes)))


def packed(counts: np.ndarray, slots: int) -> np.ndarray:
    """The published policy: no gaps."""
    return np.cumsum(counts, axis=1) - counts


def whole_rows(counts: np.ndarray, slots: int) -> np.ndarray:
    """A row that would cross the end of a fold begins the next one."""
    first = np.zeros_like(counts)
    for tile, rows in enumerate(counts):
        free = 0
        for row, count in enumerate(rows):
            if free % slots and free % slots + count > slots:
                free += slots - free % slots
            first[tile, row] = free
            free += count
    return first


def assert_laws(layer: Layer, config: Config, result: LayerRun) -> None:
    """What holds for every layer, config and policy."""
    assert result.output is not None
    assert result.output.dtype == np.int64
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert (tuple(result.stalls), tuple(result.counts), result.slots) == (STALLS, COUNTS, config.slots)
    assert sum(result.stalls.values()) == config.slots * result.cycles
    counts = result.counts
    assert counts["macs"] == layer.macs_effectual == result.stalls["busy"] == counts["table_entries"]
    assert counts["multiplies"] == counts["buffer_reads"] == result.stalls["busy"] + result.stalls["streamed_zero"]
    assert counts["multiplies"] == counts["fan_adds"] + counts["dpu_adds"] + counts["psum_writes"]
    assert counts["buffer_writes"] == counts["stationary_reads"]
    levels = 2 * int(np.log2(config.multipliers_per_dpe)) + 1
    assert counts["switch_traversals"] == (counts["buffer_writes"] + counts["buffer_reads"]) * levels
    assert config.streaming == "limited" or not result.stalls["bandwidth"]


def check(layer: Layer, config: Config, cycles: int, stalls: dict[str, int], policy: Any = packed,
          **counts: int) -> None:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    result = run(layer, config, policy)
    assert_laws(layer, config, result)
    assert result.cycles == cycles
    assert {name: n for name, n in result.stalls.items() if n} == stalls
    assert {name: result.counts[name] for name in counts} == counts


# Worked by hand from docs/machines/sigma.md. A fold takes load + streaming + drain cycles; with 2 multipliers and one
# Flex-DPE the drain is 1 multiplication + 1 level = 2.


def test_one_value():
    # load 1, streaming 1, drain 2, on 2 slots of which one is filled. One word to load and one to stream, each over the
    # 3 switches of a 2-port network. Bitmaps: 1 + 1 bits, and the tile's 1 bit for the fold's one vector.
    check(linear("one", [[3]], [2]), Config(), 4, {"busy": 1, "unfilled": 1, "load": 2, "drain": 4},
          macs=1, multiplies=1, stationary_reads=1, streaming_reads=1, words_sent=2, dpe_inputs=2, switch_traversals=6,
          buffer_writes=1, buffer_reads=1, fan_adds=0, dpu_adds=0, psum_writes=1, psum_reads=0, outputs_written=1,
          bitmap_bits_read=3, bitmap_bits_written=1, controller_ors=1, controller_ands=1, table_entries=1)


@pytest.mark.parametrize("stationary_filter", [True, False])
def test_nothing_stationary_takes_no_cycle_but_the_controller_looks(stationary_filter):
    # 2 rows and 3 vectors of 4 inputs: 8 + 12 bits; 12 ors and 8 ands when it filters.
    layer = linear("none", np.zeros((2, 4), np.int8), np.ones((3, 4), np.int8), bias=[5, -6])
    check(layer, Config(stationary_filter=stationary_filter), 0, {}, bitmap_bits_read=20, bitmap_bits_written=6,
          controller_ors=12 * stationary_filter, controller_ands=8 * stationary_filter, outputs_written=0, words_sent=0)


def test_stationary_values_without_partner_are_dropped():
    # k = 1 is never streamed non-zero: one value is left. load 1, streaming 1, drain 2.
    check(linear("filter", [[1, 2]], [3, 0]), Config(bandwidth_words_per_cycle=2), 4,
          {"busy": 1, "unfilled": 1, "load": 2, "drain": 4}, stationary_reads=1, streaming_reads=1, words_sent=2)


def test_without_the_filter_they_meet_streamed_zeros():
    # Two values, loaded in one cycle. The zero is sent, but not read.
    check(linear("no filter", [[1, 2]], [3, 0]), Config(bandwidth_words_per_cycle=2, stationary_filter=False), 4,
          {"busy": 1, "streamed_zero": 1, "load": 2, "drain": 4}, stationary_reads=2, streaming_reads=1, words_sent=4,
          macs=1, multiplies=2, fan_adds=1, controller_ors=0, controller_ands=0)


@pytest.mark.parametrize(("streaming", "overlap", "cycles", "stalls"), [
    # Two full folds of 4 values. load 4 each; streaming 4 words in 4 cycles, or in 1 (unlimited); drain 1 + 2 = 3.
    ("limited", "none", 22, {"busy": 8, "bandwidth": 24, "load": 32, "drain": 24}),  # 2 (4 + 4 + 3)
    ("limited", "drain", 19, {"busy": 8, "bandwidth": 24, "load": 20, "drain": 24}),  # the second load shows 4 - 3 = 1
    ("limited", "load", 18, {"busy": 8, "bandwidth": 24, "load": 16, "drain": 24}),  # it shows max(0, 4 - 4 - 3) = 0
    ("limited", "pipelined", 19, {"busy": 8, "bandwidth": 24, "load": 32, "drain": 12}),  # 2 (4 + 4) + 3
    ("unlimited", "none", 16, {"busy": 8, "load": 32, "drain": 24}),  # 2 (4 + 1 + 3)
    ("unlimited", "drain", 13, {"busy": 8, "load": 20, "drain": 24}),
    ("unlimited", "load", 12, {"busy": 8, "load": 16, "drain": 24}),
])
def test_overlap_of_the_next_load(streaming, overlap, cycles, stalls):
    layer = linear("folds", [[1, 2, 3, 4], [5, 6, 7, 8]], [1, 10, 100, 50])
    check(layer, Config(multipliers_per_dpe=4, streaming=streaming, overlap=overlap), cycles, stalls,
          stationary_reads=8, words_sent=16, psum_writes=2, psum_reads=0, fan_adds=6, bitmap_bits_read=8 + 4 + 2 * 4)


@pytest.mark.parametrize(("drain_per_k_tile", "overlap", "cycles"), [
    # Two K tiles of one value each, 2 vectors: load 1, streaming 2. The first fold fills no 2 slots, so it drains only
    # when every fold does.
    (False, "none", 8),  # (1 + 2 + 0) + (1 + 2 + 2)
    (True, "none", 10),  # 2 (1 + 2 + 2)
    (False, "drain", 8),  # no drain to load under
    (True, "drain", 9),
    (False, "load", 7),  # the second load hides under the streaming
])
def test_a_fold_that_completes_no_filling_need_not_drain(drain_per_k_tile, overlap, cycles):
    layer = linear("tiles", [[1, 0, 2, 0]], [[1, 1, 1, 1], [2, 3, 4, 5]])
    check(layer, Config(drain_per_k_tile=drain_per_k_tile, overlap=overlap), cycles,
          {"busy": 4, "unfilled": 4, "load": 2 * (cycles - 4 - (4 if drain_per_k_tile else 2)),
           "drain": 8 if drain_per_k_tile else 4},
          psum_writes=4, psum_reads=2, bitmap_bits_read=4 + 8 + 2 * 2 * 2)


def test_the_fold_that_completes_a_filling_drains():
    # 3 tiles of one value: 1, 2 and 3 values in all; the second fold completes 2 slots, the third is the last.
    # (1 + 1 + 0) + (1 + 1 + 2) + (1 + 1 + 2)
    check(linear("fillings", [[1, 0, 2, 0, 3]], [1, 1, 1, 1, 1]), Config(), 10,
          {"busy": 3, "unfilled": 3, "load": 6, "drain": 8}, psum_reads=2)


def test_cluster_over_three_flex_dpes():
    # 6 values at 4 a cycle: load 2; streaming 1; drain 1 + 1 + 2 = 4 (3 Flex-DPEs take 2 levels).
    # 3 segments of 2 values: 3 adds inside, 2 across. Each Flex-DPE takes 2 words to load and 2 to stream.
    config = Config(flex_dpes=3, streaming="unlimited", bandwidth_words_per_cycle=4)
    check(linear("long", [[1, 2, 3, 4, 5, 6]], [1, 10, 100, 7, 70, 11]), config, 7,
          {"busy": 6, "load": 12, "drain": 24}, fan_adds=3, dpu_adds=2, psum_writes=1, words_sent=12, dpe_inputs=12,
          switch_traversals=36)


def test_a_word_is_sent_once_and_copied_by_the_switches():
    # 4 rows of the one k, 2 to a Flex-DPE: 1 word is sent, enters both Flex-DPEs, and is copied to 2 multipliers each.
    config = Config(flex_dpes=2, bandwidth_words_per_cycle=4)
    check(linear("copies", [[1], [2], [3], [4]], [5]), config, 5, {"busy": 4, "load": 4, "drain": 12},
          words_sent=5, dpe_inputs=4 + 2, switch_traversals=(4 + 4) * 3, fan_adds=0, dpu_adds=0, psum_writes=4)


@pytest.mark.parametrize(("policy", "cycles", "counts"), [
    # Two rows of 3 values on 4 slots. Packed: 4 + 2 values, (4 + 1 + 3) + (2 + 1 + 3); row 1 is in both folds.
    (packed, 14, {"psum_writes": 3, "psum_reads": 1}),
    # Whole rows: 3 + 3 values, and 3 complete no 4 slots: (3 + 1 + 0) + (3 + 1 + 3).
    (whole_rows, 11, {"psum_writes": 2, "psum_reads": 0}),
])
def test_policies(policy, cycles, counts):
    config = Config(multipliers_per_dpe=4, streaming="unlimited")
    result = run(linear("rows", [[1, 2, 3], [4, 5, 6]], [1, 10, 100]), config, policy)
    assert result.cycles == cycles
    assert {name: result.counts[name] for name in counts} == counts


@pytest.mark.parametrize(("out", "batch", "best", "cycles"), [
    # One input. One row stays and 3 vectors pass: 1 + 3 + 2 = 6. Three stay, in folds of 2 and 1:
    # (2 + 1 + 2) + (1 + 1 + 2) = 9.
    (1, 3, "mk", {"mk": 6, "kn": 9}),
    (3, 1, "kn", {"mk": 9, "kn": 6}),
    (1, 1, "mk", {"mk": 4, "kn": 4}),
])
def test_best_stationary_operand(out, batch, best, cycles):
    layer = linear("best", np.arange(1, out + 1)[:, None], np.arange(5, batch + 5)[:, None], np.arange(out))
    runs = {which: run(layer, Config(stationary=which), packed) for which in ("mk", "kn", "best")}
    for which, result in runs.items():
        assert_laws(layer, Config(stationary=which), result)
    assert {which: runs[which].cycles for which in cycles} == cycles
    assert runs["best"].mapping[f"gemms_{best}_stationary"] == 1
    assert (runs["best"].cycles, runs["best"].stalls, runs["best"].counts) == (
        runs[best].cycles, runs[best].stalls, runs[best].counts)


def test_best_is_chosen_for_each_product():
    # Group 0 has one row with a value, group 1 one vector with a value: 3 rows and 3 vectors of one input each.
    layer = matmul("two", [[[1], [0], [0]], [[1], [1], [1]]], [[[1], [1], [1]], [[1], [0], [0]]])
    result = run(layer, Config(stationary="best"), packed)
    assert result.mapping == {"gemms_mk_stationary": 1, "gemms_kn_stationary": 1, "folds": 2}
    # group 0, mk: 1 + 3 + 2; group 1, kn: one vector's value stays, 3 rows pass: 1 + 3 + 2
    assert result.cycles == 12


def test_an_empty_fold_is_skipped_and_a_gemm_without_cycles_is_mapped():
    config = Config(multipliers_per_dpe=2)
    gap = run(linear("gap", [[1], [2]], [3]), config, lambda counts, slots: np.array([[0, 7]]))  # folds 0 and 3
    # (1 + 1 + 0) + (1 + 1 + 2)
    assert (gap.cycles, gap.mapping) == (6, {"gemms_mk_stationary": 1, "gemms_kn_stationary": 0, "folds": 2})
    none = run(linear("none", [[0]], [3]), Config(stationary="best"), packed)
    assert none.mapping == {"gemms_mk_stationary": 1, "gemms_kn_stationary": 0, "folds": 0}


# Drawn layers


@st.composite
def sparse(draw: st.DrawFn, shape: tuple[int, ...], most: int = 9, dtype: type = np.int8) -> np.ndarray:
    """Arrays of values up to `most` in magnitude, from all zeros to no zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]))
    return (rng.integers(1, most, shape, endpoint=True) * (rng.random(shape) < density)
            * rng.choice([-1, 1], shape)).astype(dtype)


configs = st.builds(
    Config, st.integers(1, 4), st.sampled_from([2, 4, 8, 16]), st.integers(1, 9),
    st.sampled_from(["limited", "unlimited"]), st.sampled_from(["mk", "kn", "best"]), st.booleans(), st.booleans(),
    st.sampled_from(["none", "drain", "load"]))
sizes = st.integers(1, 12)


@st.composite
def linear_layers(draw: st.DrawFn) -> Layer:
    out, n_in, batch = draw(sizes), draw(sizes), draw(sizes)
    bias = draw(st.none() | sparse((out,), 100_000, np.int32))
    return linear("drawn", draw(sparse((out, n_in))), draw(sparse((batch, n_in))), bias)


@settings(deadline=None, max_examples=200)
@given(linear_layers(), configs, st.sampled_from([packed, whole_rows]))
def test_linear_layers(layer, config, policy):
    assert_laws(layer, config, run(layer, config, policy))


@settings(deadline=None, max_examples=50)
@given(st.data(), configs)
def test_grouped_matmuls(data, config):
    groups, out, n_in, batch = (data.draw(st.integers(1, high)) for high in (3, 8, 6, 4))
    layer = matmul("drawn", data.draw(sparse((groups, out, n_in))), data.draw(sparse((groups, batch, n_in))))
    assert_laws(layer, config, run(layer, config, packed))


@settings(deadline=None, max_examples=50)
@given(st.data(), configs)
def test_convolutions(data, config):
    groups, per_group, filters, images = (data.draw(st.integers(1, 2)) for _ in range(4))
    kernel, stride, padding = (data.draw(st.tuples(*[st.integers(low, high)] * 2))
                               for low, high in ((1, 3), (1, 2), (0, 1)))
    plane = data.draw(st.tuples(st.integers(kernel[0], 5), st.integers(kernel[1], 5)))
    bias = data.draw(st.none() | sparse((groups * filters,), dtype=np.int32))
    layer = conv2d("drawn", data.draw(sparse((groups * filters, per_group, *kernel))),
                   data.draw(sparse((images, groups * per_group, *plane))), stride, padding, groups=groups, bias=bias)
    assert_laws(layer, config, run(layer, config, packed))


def page_cycles(folds: list[Fold], vectors: int, config: Config) -> int:
    """The cycles of a GEMM by the page's sums over its folds, to compare the ticks with."""
    cycles = filled = 0
    hidden = {"none": 0, "pipelined": 0, "drain": 0, "load": 0}  # cycles of the next load that do not show
    for index, fold in enumerate(folds):
        values, sources = len(fold.values), len({value.k for _, value in fold.values})
        load = -(-values // config.bandwidth_words_per_cycle)
        step = 1 if config.streaming == "unlimited" else -(-sources // config.bandwidth_words_per_cycle)
        completes = (filled + values) // config.slots > filled // config.slots
        filled += values
        drains = index == len(folds) - 1 or (config.overlap != "pipelined" and (config.drain_per_k_tile or completes))
        drain = config.drain_cycles if drains else 0
        cycles += max(0, load - hidden[config.overlap]) + vectors * step + drain
        hidden = {"none": 0, "pipelined": 0, "drain": drain, "load": vectors * step + drain}
    return cycles


@settings(deadline=None, max_examples=200)
@given(linear_layers(), configs, st.sampled_from([packed, whole_rows]))
def test_ticks_add_up_to_the_sums_of_the_page(layer, config, policy):
    (product,) = matrix_products(layer)
    choice, machine = run_product(product, config, policy)
    stationary, streamed = (product.matrix, product.vectors) if choice == "mk" else (product.vectors, product.matrix)
    vectors, folds, counts = len(streamed), machine.folds, machine.counts
    live = (streamed != 0).any(axis=0) if config.stationary_filter else np.ones(streamed.shape[1], bool)
    kept = (stationary != 0) & live
    sources = [fold.sources for fold in folds]
    assert machine.cycles == page_cycles(folds, vectors, config)
    assert machine.stalls["unfilled"] == vectors * sum(config.slots - len(fold.values) for fold in folds)
    assert counts["stationary_reads"] == kept.sum() == sum(len(fold.values) for fold in folds)
    assert counts["streaming_reads"] == sum(np.count_nonzero(streamed[:, k]) for ks in sources for k in ks)
    assert counts["words_sent"] == kept.sum() + vectors * sum(map(len, sources))
    assert counts["psum_writes"] == vectors * sum(len(fold.rows) for fold in folds)
    assert counts["psum_reads"] == counts["psum_writes"] - vectors * kept.any(axis=1).sum()
    assert counts["outputs_written"] == ((stationary != 0).astype(int) @ (streamed != 0).T.astype(int) > 0).sum()
    assert counts["bitmap_bits_read"] == stationary.size + streamed.size + vectors * sum(len(f.tile) for f in folds)
    assert counts["bitmap_bits_written"] == len(stationary) * vectors
    assert counts["controller_ors"] == config.stationary_filter * streamed.size
    assert counts["controller_ands"] == config.stationary_filter * stationary.size


def test_products_of_a_layer_follow_one_another():
    rng = np.random.default_rng(5)
    weight, activation = rng.integers(-2, 3, (2, 5, 6)), rng.integers(-2, 3, (2, 4, 6))
    config = Config(flex_dpes=2, multipliers_per_dpe=4, bandwidth_words_per_cycle=3)
    both = run(matmul("both", weight, activation), config, packed)
    parts = [run(matmul("part", weight[g:g + 1], activation[g:g + 1]), config, packed) for g in (0, 1)]
    assert both.cycles == sum(part.cycles for part in parts)
    assert both.counts == {name: sum(part.counts[name] for part in parts) for name in COUNTS}
    assert both.stalls == {name: sum(part.stalls[name] for part in parts) for name in STALLS}


def test_wide_flex_dpes():
    rng = np.random.default_rng(6)
    layer = linear("wide", rng.integers(-9, 10, (40, 70)) * (rng.random((40, 70)) < 0.2),
                   rng.integers(-9, 10, (3, 70)) * (rng.random((3, 70)) < 0.6))
    for streaming in ("limited", "unlimited"):
        config = Config(flex_dpes=3, multipliers_per_dpe=64, bandwidth_words_per_cycle=32, streaming=streaming)
        assert_laws(layer, config, run(layer, config, packed))


# What goes wrong


def test_pattern_only_layer():
    with pytest.raises(TraceError, match="'pattern' is pattern-only"):
        run(linear("pattern", np.ones((2, 2), bool), np.ones(2, bool)), Config(), packed)


@pytest.mark.parametrize(("first", "message"), [
    ([[0, 1]], "row 1 starts at position 1, wanted 2 or later"),
    ([[-1, 2]], "row 0 starts at position -1, wanted 0 or later"),
    ([0, 2], r"wanted whole numbers of shape \[1, 2\]"),
    ([[0.0, 2.0]], r"wanted whole numbers of shape \[1, 2\]"),
])
def test_policy_with_positions_that_do_not_fit(first, message):
    with pytest.raises(ModelError, match=message):
        run(linear("two", [[1, 2], [3, 4]], [1, 1]), replace(Config(), multipliers_per_dpe=4),
            lambda counts, slots: np.array(first))


def test_policy_may_leave_gaps():
    # Row 1 at position 5 of 4 slots: fold 1, slot 1. Row 0 in fold 0, slots 0 and 1. (2 + 1 + 0) + (2 + 1 + 3).
    config = Config(multipliers_per_dpe=4, streaming="unlimited")
    check(linear("gaps", [[1, 2], [3, 4]], [1, 10]), config, 9, {"busy": 4, "unfilled": 4, "load": 16, "drain": 12},
          policy=lambda counts, slots: np.array([[0, 5]]))


def test_a_flex_dpe_larger_than_the_reference_takes(design):
    """Benes settings for 65,536 ports take minutes and gigabytes: the limit is told at once, and the way out."""
    with pytest.raises(ConfigError, match=r"multipliers_per_dpe is 65,536.*up to 1,024.*engine='kernel'"):
        run(linear("fc", np.ones((2, 3), np.int8), np.ones(3, np.int8)),
            design(flex_dpes=1, multipliers_per_dpe=1 << 16), POLICIES["packed"])
