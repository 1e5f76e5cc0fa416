"""Does the summed schedule equal the rules PE by PE and cycle by cycle?"""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.registry import load_arch, machine
from accelsim.arch.systolic.systolic.policies import POLICIES
from accelsim.errors import ModelError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

pytestmark = pytest.mark.small
FULL = os.environ.get("ACCELSIM_PROFILE") == "full"
SYSTOLIC = machine("systolic")


def design(**changes):
    return load_arch("tpu_128x128", {"rows": 4, "cols": 3} | changes)


def walk(a, b, config, height):
    """Stalls of a stationary a[out, k] and streamed b[vector, k], booked at every PE in every cycle."""
    (outputs, k), vectors, cols = a.shape, len(b), config.cols
    tile_rows, tile_cols = height(k, config.rows), height(outputs, cols)
    tiles = [(o, r) for o in range(0, outputs, tile_cols) for r in range(0, k, tile_rows)]
    period = max(vectors, tile_rows, cols) if config.double_buffer else tile_rows + vectors + cols
    cycles = tile_rows + vectors + cols + (len(tiles) - 1) * period
    what = np.full((cycles, config.rows, cols), "unused", dtype="<U12")
    for r, c in np.ndindex(tile_rows, cols):
        what[:, r, c] = "load"  # until something else is booked
        for i, (low_o, low_k) in enumerate(tiles):
            start = i * period + 1 + r + c
            if i == 0 or not config.double_buffer:
                what[start - c:start, r, c] = "fill"
            real = low_k + r < k and c < tile_cols and low_o + c < outputs
            for v in range(vectors):
                effectual = real and a[low_o + c, low_k + r] and b[v, low_k + r]
                what[start + v, r, c] = "busy" if effectual else "ineffectual" if real else "unused"
            if i == len(tiles) - 1 or not config.double_buffer:
                what[start + vectors:(i + 1) * period if not config.double_buffer else cycles, r, c] = "drain"
    return cycles, {name: int((what == name).sum()) for name in SYSTOLIC.stall_names}


def walk_outputs(w, x, config, height):
    """The same for outputs that stay: w[m, k], x[n, k]."""
    (m, k), n = w.shape, len(x)
    tile_rows, tile_cols = height(m, config.rows), height(n, config.cols)
    tiles = [(i, j) for i in range(0, m, tile_rows) for j in range(0, n, tile_cols)]
    whole = k + 2 * tile_rows + tile_cols - 2
    period = max(k, tile_rows) if config.double_buffer else whole
    cycles = whole + (len(tiles) - 1) * period
    what = np.full((cycles, config.rows, config.cols), "unused", dtype="<U12")
    for r, c in np.ndindex(tile_rows, tile_cols):
        what[:, r, c] = "load"
        for i, (low_m, low_n) in enumerate(tiles):
            start = i * period + r + c
            if i == 0 or not config.double_buffer:
                what[start - r - c:start, r, c] = "fill"
            real = low_m + r < m and low_n + c < n
            for step in range(k):
                effectual = real and w[low_m + r, step] and x[low_n + c, step]
                what[start + step, r, c] = "busy" if effectual else "ineffectual" if real else "unused"
            if i == len(tiles) - 1 or not config.double_buffer:
                what[start + k:i * period + whole, r, c] = "drain"
    return cycles, {name: int((what == name).sum()) for name in SYSTOLIC.stall_names}


@settings(max_examples=2000 if FULL else 80, deadline=None)
@given(st.tuples(*[st.integers(1, 11)] * 3), st.tuples(*[st.integers(1, 6)] * 2), st.booleans(),
       st.sampled_from(list(POLICIES)), st.integers(0, 2**32 - 1))
def test_every_pe_cycle_is_where_the_rules_put_it(shape, array, double_buffer, policy, seed):
    (m, n, k), rng = shape, np.random.default_rng(seed)
    weight, vectors = rng.random((m, k)) < .6, rng.random((n, k)) < .6
    layer, cycles = linear("x", weight, vectors), {}
    walks = {"ws": (walk, weight, vectors), "is": (walk, vectors, weight), "os": (walk_outputs, weight, vectors)}
    for dataflow, (check, left, right) in walks.items():
        config = design(rows=array[0], cols=array[1], dataflow=dataflow, double_buffer=double_buffer)
        run = SYSTOLIC.run(layer, config, POLICIES[policy])
        assert (run.cycles, run.stalls) == check(left, right, config, POLICIES[policy])
        assert run.counts["dense_macs"] == layer.macs_dense
        cycles[dataflow] = run.cycles
    best = SYSTOLIC.run(layer, design(rows=array[0], cols=array[1], double_buffer=double_buffer), POLICIES[policy])
    assert best.cycles == min(cycles["ws"], cycles["is"])


def test_counts_by_hand():
    """5 x 6 weights stationary on 4 x 3 PEs, 7 vectors: K tiles of 4 and 2, column tiles of 3 and 2."""
    layer = linear("x", np.ones((5, 6), bool), np.ones((7, 6), bool))
    run = SYSTOLIC.run(layer, design(dataflow="ws"), POLICIES["full"])
    assert run.cycles == 4 * (4 + 7 + 3)
    assert run.counts == {
        "macs": 210, "dense_macs": 210, "stationary_reads": 30, "streaming_reads": 2 * 6 * 7, "operand_moves": 210,
        "psum_moves": 210, "accumulator_writes": 2 * 5 * 7, "accumulator_reads": 5 * 7, "outputs_written": 35}


def test_output_stationary_counts_by_hand():
    """5 x 4 outputs on 4 x 3 PEs: tiles of 4 and 1 rows, 3 and 1 columns; row r shifts out through 4 - r registers."""
    layer = linear("x", np.ones((5, 6), bool), np.ones((4, 6), bool))
    run = SYSTOLIC.run(layer, design(dataflow="os"), POLICIES["full"])
    assert run.cycles == 4 * (6 + 2 * 4 + 3 - 2)
    assert run.counts["streaming_reads"] == 6 * ((4 + 3) + (4 + 1) + (1 + 3) + (1 + 1))
    assert run.counts["psum_moves"] == 5 * 4 * 6 + 4 * ((4 + 3 + 2 + 1) + 4)


def test_even_tiles_load_faster():
    layer = linear("x", np.ones((3, 5), bool), np.ones((2, 5), bool))
    full, even = (SYSTOLIC.run(layer, design(dataflow="ws"), POLICIES[name]) for name in ("full", "even"))
    assert (full.cycles, even.cycles) == (2 * (4 + 2 + 3), 2 * (3 + 2 + 3))


def test_a_convolution_runs_as_im2col():
    rng = np.random.default_rng(0)
    layer = conv2d("c", rng.random((4, 2, 3, 3)) < .5, rng.random((1, 4, 5, 5)) < .5, padding=1, groups=2)
    run = SYSTOLIC.run(layer, design(), POLICIES["full"])
    assert run.counts["macs"] == layer.macs_effectual
    assert run.counts["dense_macs"] == layer.macs_dense
    assert sum(run.stalls.values()) == run.slots * run.cycles


def test_a_tile_larger_than_the_array_is_refused():
    with pytest.raises(ModelError, match=r"wanted 1 \.\. 4"):
        SYSTOLIC.run(linear("x", np.ones((3, 5), bool), np.ones((2, 5), bool)), design(), lambda extent, size: extent)
