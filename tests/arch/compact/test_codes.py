"""What the three codes make of a stream, by hand and as stored bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.arch.registry import policies
from accelsim.workload import formats

CODES = policies("compact")
STREAM = np.array([5, 6, 5, 0, 0, 0, 0, 7, 8, 1])


@pytest.mark.parametrize(("name", "starts", "counted"), [
    ("rlc", [0, 1, 2, 3, 7, 8, 9], 7), ("sparse_rlc", [0, 1, 2, 3, 7, 8, 9], 1), ("lossy_rlc", [0, 3, 7, 9], 4)])
def test_worked_example(name, starts, counted):
    """(5,3) (0,4) (7,2) (1,1) with threshold 1: zeros join nothing."""
    runs = CODES[name](STREAM, 1)
    assert runs.starts.tolist() == starts
    assert runs.counted.sum() == counted


def run(stream, policy, **changes):
    layer = accelsim.linear("l", np.ones((3, 1), np.int8), stream.astype(np.int8)[:, None])
    return accelsim.simulate(layer, "compact", policy=policy, set=changes).layers[0].counts


def test_long_runs_are_split_and_banks_snooze():
    stream = np.array([4] * 9 + [0] * 4)
    counts = run(stream, "rlc", run_bits=2, wake_cycles=1)  # codes of 3, 3, 3 and 3, 1
    assert (counts["codes_written"], counts["code_bits_written"]) == (5, 5 * 10)
    assert counts["snooze_bank_cycles"] == 4
    counts = run(stream, "sparse_rlc", run_bits=4, wake_cycles=0)
    assert (counts["codes_written"], counts["code_bits_written"]) == (10, 10 * 8 + 4)
    assert counts["snooze_bank_cycles"] == 3


def test_each_column_tile_reads_the_codes_anew():
    once, twice = (run(STREAM, "rlc", cols=cols) for cols in (3, 2))
    assert (once["code_reads"], twice["code_reads"], twice["codes_written"]) == (7, 14, 7)
    assert twice["snooze_bank_cycles"] == 2 * once["snooze_bank_cycles"] == 2 * 2


@given(rows=st.integers(1, 5), cols=st.integers(1, 40), run_bits=st.integers(1, 6), seed=st.integers(0, 999))
def test_stored_bits_are_those_of_the_catalogues_formats(rows, cols, run_bits, seed):
    """A row of the format's matrix is a stream."""
    rng = np.random.default_rng(seed)
    matrix = (rng.integers(-2, 3, (rows, cols)) * (rng.random((rows, cols)) < .7)).astype(np.int8)
    layer = accelsim.linear("l", np.ones((1, rows), np.int8), np.ascontiguousarray(matrix.T))
    for policy, form in (("rlc", formats.EqualRuns(run_bits=run_bits)),
                         ("sparse_rlc", formats.ZeroRuns(run_bits=run_bits))):
        counts = accelsim.simulate(layer, "compact", policy=policy, set={"run_bits": run_bits}).layers[0].counts
        assert counts["code_bits_written"] == form.size_bits(matrix) == len(form.encode(matrix))
        np.testing.assert_array_equal(form.decode(form.encode(matrix), matrix.shape, matrix.dtype), matrix)


def test_cycles_are_those_of_the_dense_array():
    trace = accelsim.load_trace("digits_cnn")
    compact = accelsim.simulate(trace, "compact")
    array = accelsim.simulate(trace, "tpu_128x128", set={"rows": 64, "cols": 64, "dataflow": "ws",
                                                         "double_buffer": True})
    assert [layer.cycles for layer in compact.layers] == [layer.cycles for layer in array.layers]
