"""Is the systolic reference right? Outputs against numpy, cycles and stalls against pencil and paper and the page."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.machine import LayerRun
from accelsim.arch.systolic.systolic.reference import COUNTS, STALLS, run
from accelsim.errors import ModelError, TraceError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul


@dataclass(frozen=True)
class Config:
    """The parameters the reference reads."""

    rows: int
    cols: int
    dataflow: str = "ws"
    double_buffer: bool = False
    data_sram_kbytes: float | None = None
    dram: Any = None


def full(extent: int, size: int) -> int:
    """The published policy: as high as the array or the matrix."""
    return min(extent, size)


def even(extent: int, size: int) -> int:
    """As many tiles as `full`, of even height."""
    return -(-extent // -(-extent // size))


def any_height(extent: int, size: int) -> int:
    """A policy that wastes PEs."""
    return 1 + (extent * 7 + size) % min(extent, size)


def assert_laws(layer: Layer, config: Config, result: LayerRun) -> None:
    """What holds for every layer and every config."""
    assert result.output is not None
    assert result.output.dtype == np.int64
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert (tuple(result.stalls), tuple(result.counts)) == (STALLS, COUNTS)
    assert result.slots == config.rows * config.cols
    assert sum(result.stalls.values()) == result.slots * result.cycles
    counts = result.counts
    assert counts["macs"] == layer.macs_effectual == result.stalls["busy"]
    assert counts["dense_macs"] == layer.macs_dense == result.stalls["busy"] + result.stalls["ineffectual"]
    assert counts["outputs_written"] == layer.output().size


def check(layer: Layer, config: Config, cycles: int, stalls: dict[str, int], policy: Any = full,
          **counts: int) -> None:
    """Laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    result = run(layer, config, policy)
    assert_laws(layer, config, result)
    assert result.cycles == cycles
    assert {name: n for name, n in result.stalls.items() if n} == stalls
    assert {name: result.counts[name] for name in counts} == counts


# Worked by hand from docs/machines/systolic.md.


def test_one_pe():
    # c0 load, c1 multiply, c2 the sum is written: 1 + 1 + 1 = 3 cycles.
    check(linear("one", [[3]], [2]), Config(1, 1), 3, {"busy": 1, "load": 1, "drain": 1}, macs=1, dense_macs=1,
          stationary_reads=1, streaming_reads=1, operand_moves=1, psum_moves=1, accumulator_writes=1,
          accumulator_reads=0)


def test_weight_stationary_fill_and_drain():
    # 2 inputs x 3 outputs, 1 vector: 2 + 1 + 3 = 6 cycles. PE (r, c) loads r + 1 cycles, fills c, multiplies 1, drains
    # 4 - r - c: load 3 (1 + 2), fill 2 (0 + 1 + 2), drain (4 + 3 + 2) + (3 + 2 + 1).
    check(linear("ws", [[1, 2], [3, 0], [5, 6]], [7, 8]), Config(2, 3), 6,
          {"busy": 5, "ineffectual": 1, "load": 9, "fill": 6, "drain": 15}, stationary_reads=6, streaming_reads=2,
          operand_moves=6, psum_moves=6, accumulator_writes=3, accumulator_reads=0)


def test_the_whole_width_is_passed_even_by_a_narrow_matrix():
    # 1 output on 3 columns, 1 input on 2 rows: T_r = 1, 1 + 1 + 3 = 5 cycles. PEs (0, 1) and (0, 2) have no column:
    # unused while the vector passes. Row 1 is unused throughout: 3 x 5.
    check(linear("narrow", [[2]], [3]), Config(2, 3), 5,
          {"busy": 1, "unused": 2 + 15, "load": 3, "fill": 3, "drain": 6})


def test_last_tile_takes_the_time_of_a_full_one():
    # 3 inputs on 2 rows, 1 output, 2 vectors, 1 column: 2 tiles of 2 + 2 + 1 = 5 cycles. PE (1, 0) has no value in the
    # second tile: unused for 2 cycles. Per tile: load 1 + 2, drain 2 - r: 2 + 1.
    check(linear("rest", [[1, 2, 3]], [[1, 1, 1], [2, 2, 0]]), Config(2, 1), 10,
          {"busy": 5, "ineffectual": 1, "unused": 2, "load": 6, "drain": 6}, stationary_reads=3, streaming_reads=6,
          accumulator_writes=4, accumulator_reads=2)


@pytest.mark.parametrize(("policy", "cycles", "stalls"), [
    # 4 inputs on 3 rows, 1 output, 1 vector. full: tiles of 3 (the last with 1 input), 2 (3 + 1 + 1) cycles: 2 unused,
    # load 2 (1 + 2 + 3), drain 2 (3 + 2 + 1). even: tiles of 2, 2 (2 + 1 + 1) cycles: the third row is always unused.
    (full, 10, {"busy": 4, "unused": 2, "load": 12, "drain": 12}),
    (even, 8, {"busy": 4, "unused": 8, "load": 6, "drain": 6}),
])
def test_policies(policy, cycles, stalls):
    check(linear("cut", [[1, 2, 3, 4]], [1, 1, 1, 1]), Config(3, 1), cycles, stalls, policy)


@pytest.mark.parametrize(("batch", "cycles", "between"), [
    # 2 x 2 array, 2 tiles of 2 x 2. One tile: 2 + V + 2; the next one starts max(V, 2, 2) later and its streams are
    # max(V, 2, 2) - V cycles apart for each of the 4 PEs.
    (1, 5 + 2, 4), (2, 6 + 2, 0), (3, 7 + 3, 0),
])
def test_double_buffer_hides_the_load(batch, cycles, between):
    weight, activation = np.arange(1, 9).reshape(2, 4), np.arange(1, 4 * batch + 1).reshape(batch, 4)
    # First tile's load 1 + 1 + 2 + 2, fill 0 + 1 + 0 + 1, drain (3 - r - c) summed 3 + 2 + 2 + 1.
    check(linear("double", weight, activation), Config(2, 2, double_buffer=True), cycles,
          {"busy": 8 * batch, "load": 6 + between, "fill": 2, "drain": 8}, stationary_reads=8,
          accumulator_writes=4 * batch, accumulator_reads=2 * batch)


def test_input_stationary_swaps_the_operands():
    rng = np.random.default_rng(1)
    weight, activation = rng.integers(-3, 4, (5, 4)), rng.integers(-3, 4, (3, 4))
    inputs = run(linear("is", weight, activation), Config(3, 2, "is"), full)
    swapped = run(linear("ws", activation, weight), Config(3, 2, "ws"), full)
    assert (inputs.cycles, inputs.stalls, inputs.counts) == (swapped.cycles, swapped.stalls, swapped.counts)


def test_output_stationary_fill_and_drain():
    # 2 outputs x 3 vectors, 2 inputs: 2 + 4 + 3 - 2 = 7 cycles. PE (r, c) fills r + c cycles, multiplies 2, drains
    # 5 - r - c. fill (0 + 1 + 2) + (1 + 2 + 3), drain (5 + 4 + 3) + (4 + 3 + 2). Outputs of row 0 move down 2 times, of
    # row 1 once.
    layer = linear("os", [[1, 2], [3, 4]], [[1, 1], [0, 2], [5, 6]], bias=[10, 20])
    check(layer, Config(2, 3, "os"), 7, {"busy": 10, "ineffectual": 2, "fill": 9, "drain": 21}, stationary_reads=0,
          streaming_reads=10, operand_moves=24, psum_moves=12 + 3 * (2 + 1), accumulator_writes=0, accumulator_reads=0)


@pytest.mark.parametrize(("inputs", "cycles", "between"), [
    # 2 x 1 array, 4 outputs in 2 tiles, 1 vector. One tile: K + 4 + 1 - 2; the next one max(K, 2) later, its streams
    # max(K, 2) - K cycles apart for each of the 2 PEs.
    (1, 4 + 2, 2), (2, 5 + 2, 0), (5, 8 + 5, 0),
])
def test_double_buffer_hides_the_shift(inputs, cycles, between):
    # fill 0 + 1, drain (3 - r): 3 + 2.
    layer = linear("shift", np.arange(1, 4 * inputs + 1).reshape(4, inputs), np.arange(1, inputs + 1))
    check(layer, Config(2, 1, "os", double_buffer=True), cycles,
          {"busy": 4 * inputs, "fill": 1, "drain": 5} | ({"load": between} if between else {}),
          psum_moves=4 * inputs + 2 * (2 + 1))


@pytest.mark.parametrize(("out", "batch", "best", "cycles"), [
    # 1 x 1 array, one input: 3 tiles of 1 + 1 + 1, or one of 1 + 3 + 1.
    (3, 1, "is", 5), (1, 3, "ws", 5), (2, 2, "ws", 8),
])
def test_best_dataflow(out, batch, best, cycles):
    result = run(linear("best", np.ones((out, 1), np.int8), np.ones((batch, 1), np.int8)), Config(1, 1, "best"), full)
    assert (result.cycles, result.mapping[f"gemms_{best}"]) == (cycles, 1)


def test_output_stationary_is_no_candidate():
    # One output, one vector, 9 inputs on one PE: os takes 9 + 2 + 1 - 2 = 10 cycles, ws and is 9 x 3.
    layer = linear("deep", np.ones((1, 9), np.int8), np.ones(9, np.int8))
    assert [run(layer, Config(1, 1, d), full).cycles for d in ("os", "ws", "is", "best")] == [10, 27, 27, 27]


# Drawn layers


@st.composite
def sparse(draw: st.DrawFn, shape: tuple[int, ...], most: int = 9, dtype: type = np.int8) -> np.ndarray:
    """Arrays of values up to `most` in magnitude, from all zeros to no zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    return (rng.integers(1, most, shape, endpoint=True) * (rng.random(shape) < density)
            * rng.choice([-1, 1], shape)).astype(dtype)


configs = st.builds(Config, st.integers(1, 6), st.integers(1, 6), st.sampled_from(["ws", "is", "os", "best"]),
                    st.booleans())
policies = st.sampled_from([full, even, any_height])
sizes = st.integers(1, 12)


def page_run(out: int, batch: int, n_in: int, config: Config, policy: Any) -> tuple[int, dict[str, int]]:
    """Cycles and waiting PE-cycles of one product by the page's sums, to compare the ticks with."""
    if config.dataflow == "os":
        rows, cols, stream, tail = policy(out, config.rows), policy(batch, config.cols), n_in, 2
        tiles, wait = -(-out // rows) * -(-batch // cols), 2 * rows + cols - 2
        apart = max(stream, rows)
    else:
        extent, stream = (out, batch) if config.dataflow == "ws" else (batch, out)
        rows, cols, tail = policy(n_in, config.rows), config.cols, 1
        tiles, wait = -(-n_in // rows) * -(-extent // policy(extent, cols)), rows + cols - 1
        apart = max(stream, rows, cols)
    pes = [(r, c) for r in range(rows) for c in range(cols)]
    once, gaps = (1, tiles - 1) if config.double_buffer else (tiles, 0)
    load = 0 if tail == 2 else sum(r + 1 for r, _ in pes)
    fill = sum(r + c if tail == 2 else c for r, c in pes)
    cycles = once * (stream + wait + (tail == 1)) + gaps * apart
    return cycles, {"load": once * load + gaps * (apart - stream) * len(pes), "fill": once * fill,
                    "drain": once * sum(wait - r - c for r, c in pes)}


@settings(deadline=None, max_examples=200)
@given(st.data(), sizes, sizes, sizes, configs, policies)
def test_linear_layers(data, out, n_in, batch, config, policy):
    bias = data.draw(st.none() | sparse((out,), 100_000, np.int32))
    layer = linear("drawn", data.draw(sparse((out, n_in))), data.draw(sparse((batch, n_in))), bias)
    result = run(layer, config, policy)
    assert_laws(layer, config, result)
    dataflow = next(name for name in ("ws", "is", "os") if result.mapping[f"gemms_{name}"])
    cycles, stalls = page_run(out, batch, n_in, replace(config, dataflow=dataflow), policy)
    assert result.cycles == cycles
    assert {name: result.stalls[name] for name in stalls} == stalls


@settings(deadline=None, max_examples=200)
@given(sizes, sizes, sizes, configs, policies)
def test_counts_of_dense_layers(out, n_in, batch, config, policy):
    result = run(linear("dense", np.ones((out, n_in), np.int8), np.ones((batch, n_in), np.int8)), config, policy)
    dataflow = next(name for name in ("ws", "is", "os") if result.mapping[f"gemms_{name}"])
    dense, counts = out * n_in * batch, result.counts
    assert counts["macs"] == counts["dense_macs"] == dense
    assert counts["operand_moves"] == dense * (2 if dataflow == "os" else 1)
    if dataflow == "os":
        height = policy(out, config.rows)
        moves = sum(height - row % height for row in range(out)) * batch
        row_tiles, col_tiles = -(-out // height), -(-batch // policy(batch, config.cols))
        assert counts["psum_moves"] == dense + moves
        assert counts["streaming_reads"] == n_in * (out * col_tiles + batch * row_tiles)
        assert counts["stationary_reads"] == counts["accumulator_writes"] == counts["accumulator_reads"] == 0
    else:
        extent, vectors = (out, batch) if dataflow == "ws" else (batch, out)
        k_tiles = -(-n_in // policy(n_in, config.rows))
        assert counts["psum_moves"] == dense
        assert counts["stationary_reads"] == n_in * extent
        assert counts["streaming_reads"] == n_in * vectors * -(-extent // policy(extent, config.cols))
        assert counts["accumulator_writes"] == k_tiles * extent * vectors
        assert counts["accumulator_reads"] == (k_tiles - 1) * extent * vectors


@settings(deadline=None, max_examples=50)
@given(st.data(), configs, policies)
def test_grouped_matmuls(data, config, policy):
    groups, out, n_in, batch = (data.draw(st.integers(1, high)) for high in (3, 8, 6, 4))
    layer = matmul("drawn", data.draw(sparse((groups, out, n_in))), data.draw(sparse((groups, batch, n_in))))
    assert_laws(layer, config, run(layer, config, policy))


@settings(deadline=None, max_examples=50)
@given(st.data(), configs, policies)
def test_convolutions(data, config, policy):
    groups, per_group, filters, images = (data.draw(st.integers(1, 2)) for _ in range(4))
    kernel, stride, padding = (data.draw(st.tuples(*[st.integers(low, high)] * 2))
                               for low, high in ((1, 3), (1, 2), (0, 1)))
    plane = data.draw(st.tuples(st.integers(kernel[0], 5), st.integers(kernel[1], 5)))
    bias = data.draw(st.none() | sparse((groups * filters,), dtype=np.int32))
    layer = conv2d("drawn", data.draw(sparse((groups * filters, per_group, *kernel))),
                   data.draw(sparse((images, groups * per_group, *plane))), stride, padding, groups=groups, bias=bias)
    assert_laws(layer, config, run(layer, config, policy))


def test_products_of_a_layer_follow_one_another():
    rng = np.random.default_rng(5)
    weight, activation = rng.integers(-2, 3, (2, 5, 6)), rng.integers(-2, 3, (2, 4, 6))
    config = Config(3, 2, "best", double_buffer=True)
    both = run(matmul("both", weight, activation), config, full)
    parts = [run(matmul("part", weight[g:g + 1], activation[g:g + 1]), config, full) for g in (0, 1)]
    assert both.cycles == sum(part.cycles for part in parts)
    assert both.counts == {name: sum(part.counts[name] for part in parts) for name in COUNTS}
    assert both.stalls == {name: sum(part.stalls[name] for part in parts) for name in STALLS}


def test_pattern_only_layer():
    with pytest.raises(TraceError, match="'pattern' is pattern-only"):
        run(linear("pattern", np.ones((2, 2), bool), np.ones(2, bool)), Config(1, 1), full)


@pytest.mark.parametrize("height", [0, 3, 1.5])
def test_policy_with_tiles_that_do_not_fit(height):
    with pytest.raises(ModelError, match=rf"tile height {height} for 4 elements on 2 PEs, wanted .* in 1 \.\. 2"):
        run(linear("deep", [[1, 2, 3, 4]], [1, 1, 1, 1]), Config(2, 2), lambda extent, size: height)
