"""Is EIE's reference right? Outputs against numpy, cycles against pencil and paper and the authors' simulator."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.broadcast.eie.reference import COUNTS, STALLS, run
from accelsim.arch.machine import LayerRun
from accelsim.errors import DeadlockError, ModelError, TraceError
from accelsim.parts.clock import Clock
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul


@dataclass(frozen=True)
class Config:
    """The parameters the reference reads, at their published values but for `pes`."""

    pes: int
    queue_entries: int = 7
    spmat_width_bits: int = 64
    index_bits: int = 4
    weight_bits: int = 4
    dram: None = None

    @property
    def entries_per_row(self) -> int:
        return self.spmat_width_bits // (self.weight_bits + self.index_bits)


def interleaved(matrix: np.ndarray, pes: int) -> np.ndarray:
    """The published policy: row i belongs to PE i mod N."""
    return np.arange(len(matrix)) % pes


def check(layer: Layer, config: Config, cycles: int, stalls: dict[str, int], **counts: int) -> None:
    """Output and laws hold, and cycles, all non-zero stalls and the given counts are as worked out by hand."""
    result = run(layer, config, interleaved)
    assert_laws(layer, config, result)
    assert result.cycles == cycles
    assert {name: n for name, n in result.stalls.items() if n} == stalls
    assert {name: result.counts[name] for name in counts} == counts


def assert_laws(layer: Layer, config: Config, result: LayerRun) -> None:
    """What holds for every layer and every config."""
    assert result.output is not None
    assert result.output.dtype == np.int64
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert tuple(result.stalls) == STALLS
    assert tuple(result.counts) == COUNTS
    assert result.slots == config.pes
    assert sum(result.stalls.values()) == result.counts["pe_cycles"] == config.pes * result.cycles
    bias_entries = 0 if layer.bias is None else np.count_nonzero(layer.bias) * layer.output().size // len(layer.bias)
    counts = result.counts
    assert counts["macs"] == counts["accumulator_writes"] == result.stalls["busy"]
    assert counts["macs"] == layer.macs_effectual + bias_entries
    assert counts["padding_entries"] == result.stalls["padding"]
    assert counts["pointer_reads"] == counts["queue_writes"] == config.pes * counts["broadcasts"]


# Worked by hand from docs/machines/eie.md. c0 is counter 0; at c0 the scanner holds the all-zero row and takes row 0.
# An entry presented at c is in SpmatRead at c+1, in the arithmetic at c+2, c+3, c+4, its write is registered at c+5:
# a run whose last entry is presented at c ends at c+6, and its last five cycles are drain.


def test_one_pe_one_column():
    # c1 row 0: lane 0 pushed; it is the last lane, so the row Empty follows at c2. c2 the PE sees and takes it.
    # c3 the entry is presented. End c3 + 6 = 9. Starved c0 c1 c2, busy c3, drain c4..c8.
    check(linear("one", [[3]], [2]), Config(pes=1), 9, {"busy": 1, "starved": 3, "drain": 5},
          macs=1, broadcasts=1, pointer_reads=1, spmat_row_reads=1, activation_row_reads=1)


def test_all_zero_vector_costs_one_cycle_per_row():
    # 5 inputs on 2 PEs are 3 rows: held at c1 c2 c3, each left at once. c4 Empty, nothing anywhere: end.
    check(linear("zeros", np.ones((4, 5), np.int8), np.zeros(5, np.int8)), Config(pes=2), 4, {"drain": 8},
          macs=0, broadcasts=0, pointer_reads=0, spmat_row_reads=0, activation_row_reads=3)


def test_all_zero_vector_with_bias():
    # c1 row 0: nothing. c2 bias row: lane 0 pushed. c3 bias row: nothing more. c4 Empty; both PEs hold the bias column
    # (taken at c3): PE 0 presents its one entry, PE 1 has none there. End c10. Each PE is starved c0..c3.
    layer = linear("bias", [[1, 1], [1, 1]], [0, 0], bias=[7, 0])
    check(layer, Config(pes=2), 10, {"busy": 1, "empty_column": 1, "starved": 8, "drain": 10},
          macs=1, broadcasts=1, pointer_reads=2, spmat_row_reads=1, activation_row_reads=2)


def test_column_without_entries_takes_one_cycle():
    # c1 column 0 pushed, c2 column 1 (last lane). PEs hold them at c3 and c4. PE 0 has no entry in either,
    # PE 1 one in each. End c4 + 6 = 10.
    check(linear("half", [[0, 0], [4, 5]], [1, 1]), Config(pes=2), 10,
          {"busy": 2, "empty_column": 2, "starved": 6, "drain": 10}, spmat_row_reads=1, pointer_reads=4)


def test_last_column_without_entries_anywhere_leaves_nothing_to_drain():
    # c1 pushed, c2 taken, c3 held without entries, c4 Empty and idle: end.
    check(linear("hollow", [[0]], [1]), Config(pes=1), 4, {"empty_column": 1, "starved": 3}, pointer_reads=1, macs=0)


def test_end_of_a_row_costs_a_cycle_unless_its_last_lane_is_nonzero():
    # Rows [1 0] [0 1] [0 0] [1 -]. c1 row 0 push; c2 row 0 nothing; c3 row 1 push, last lane; c4 row 2 nothing;
    # c5 row 3 push; c6 row 3 nothing; c7 Empty. Presented two cycles after each push: c3 c5 c7. End c13.
    # Each PE is starved at c0 c1 c2 c4 c6.
    check(linear("rows", np.ones((2, 7), np.int8), [1, 0, 0, 1, 0, 0, 1]), Config(pes=2), 13,
          {"busy": 6, "starved": 10, "drain": 10}, activation_row_reads=4, broadcasts=3, spmat_row_reads=2)


def test_papers_padding_example():
    # The column [0, 0, 1, 2, 18 zeros, 3] is v = [1, 2, 0, 3], z = [2, 0, 15, 2]: presented at c3 c4 c5 c6, the third
    # being padding. End c6 + 6 = 12.
    column = [0, 0, 1, 2, *[0] * 18, 3]
    check(linear("padded", np.array(column)[:, None], [1]), Config(pes=1), 12,
          {"busy": 3, "padding": 1, "starved": 3, "drain": 5}, padding_entries=1, macs=3, spmat_row_reads=1)


def test_same_accumulator_in_consecutive_cycles_is_bypassed():
    # One output, three inputs, one PE: every lane is the last one. Pushed c1 c2 c3, presented c3 c4 c5, so each entry
    # multiplies while the one before it, of the same row, adds. No stall. End c11.
    check(linear("same", [[2, 3, 5]], [1, 10, 100]), Config(pes=1), 11, {"busy": 3, "starved": 3, "drain": 5},
          spmat_row_reads=1)


@pytest.mark.parametrize(("vector", "row_reads"), [([1, 0], 2), ([0, 1], 1), ([1, 1], 2), ([0, 0], 0)])
def test_sram_row_register_survives_column_changes(vector, row_reads):
    # Two entries a row: column 0 has the addresses 0 1 2 (rows 0 0 1), column 1 the address 3 (row 1).
    config = Config(pes=1, spmat_width_bits=16)
    result = run(linear("sram", [[1, 2], [3, 0], [4, 0]], vector), config, interleaved)
    assert result.counts["spmat_row_reads"] == row_reads


def test_full_queue_of_a_slow_pe_holds_the_scanner():
    # Queue of 1, two PEs, four columns (two rows of two); PE 0 has 1 entry a column, PE 1 has 3.
    #  c1 push 0           c2 held (both queues 0); both take 0
    #  c3 push 1           PE 0 presents 0       PE 1 presents 0 (1 of 3)
    #  c4 held by both     PE 0 waits, takes 1   PE 1 2 of 3
    #  c5 held by PE 1     PE 0 presents 1       PE 1 3 of 3, takes 1
    #  c6 push 2           PE 0 waits            PE 1 presents 1 (1 of 3)
    #  c7 held by both     PE 0 waits, takes 2   PE 1 2 of 3
    #  c8 held by PE 1     PE 0 presents 2       PE 1 3 of 3, takes 2
    #  c9 push 3           PE 0 waits            PE 1 presents 2 (1 of 3)
    #  c10 Empty           PE 0 waits, takes 3   PE 1 2 of 3
    #  c11                 PE 0 presents 3       PE 1 3 of 3, takes 3
    #  c12 c13 c14         PE 0 has finished     PE 1 presents 3
    # End c14 + 6 = 20. PE 1: starved c0 c1 c2, busy c3..c14, drain 5. PE 0: busy c3 c5 c8 c11; waiting c0 c1 c2 c4 c7
    # c10 after cycles in which the scanner was not held (starved, 6), c6 c9 after held ones (back pressure, 2);
    # barrier c12 c13 c14; drain 5.
    weight = np.zeros((6, 4), np.int8)
    weight[[0, 1, 3, 5]] = [[1], [2], [3], [4]]
    check(linear("slow", weight, [1, 2, 3, 4]), Config(pes=2, queue_entries=1), 20,
          {"busy": 16, "starved": 9, "back_pressure": 2, "barrier": 3, "drain": 10},
          broadcasts=4, queue_writes=8, pointer_reads=8, activation_row_reads=2)


def test_scanner_held_for_long_is_no_deadlock():
    # A queue of 1 and columns of 300 entries: c1 pushed, presented c3..c302; the second column is pushed at c3, the
    # third waits until the second leaves the queue: it is taken at c302, so pushed at c303. Presented back to back
    # up to c902. End c908. 900 entries, 8 a row, are 113 SRAM rows.
    check(linear("long", np.ones((300, 3), np.int8), [1, 1, 1]), Config(pes=1, queue_entries=1), 908,
          {"busy": 900, "starved": 3, "drain": 5}, spmat_row_reads=113)


def test_runs_of_a_batch_follow_one_another():
    one, two = linear("a", [[3]], [2]), linear("b", [[3]], [0])
    both = linear("ab", [[3]], [[2], [0]])
    a, b, ab = (run(layer, Config(pes=1), interleaved) for layer in (one, two, both))
    assert ab.cycles == a.cycles + b.cycles
    assert ab.counts == {name: a.counts[name] + b.counts[name] for name in COUNTS}
    assert ab.stalls == {name: a.stalls[name] + b.stalls[name] for name in STALLS}


# Drawn layers


@st.composite
def sparse(draw: st.DrawFn, dtype: type, shape: tuple[int, ...], most: int = 9) -> np.ndarray:
    """Arrays of values up to `most` in magnitude, from all zeros to no zeros.

    A drawn seed, not drawn elements: hypothesis fills large arrays with one value, which keeps queues empty.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]))
    magnitude = rng.integers(1, most, shape, endpoint=True) * (rng.random(shape) < density)
    return (magnitude * rng.choice([-1, 1], shape)).astype(dtype)


def draw_config(data: st.DataObject) -> Config:
    drawn = [data.draw(st.integers(low, high)) for low, high in ((1, 6), (1, 8), (1, 4), (0, 4), (1, 4))]
    pes, queue_entries, per_row, index_bits, weight_bits = drawn
    return Config(pes, queue_entries, per_row * (index_bits + weight_bits), index_bits, weight_bits)


def draw_policy(data: st.DataObject) -> object:
    seed = data.draw(st.none() | st.integers(0, 9), "policy seed")
    if seed is None:
        return interleaved
    return lambda matrix, pes: np.random.default_rng(seed).integers(0, pes, len(matrix))


@settings(deadline=None)
@given(st.data())
def test_linear_layers(data):
    out, n_in, batch = (data.draw(st.integers(1, high)) for high in (24, 12, 3))
    layer = linear("drawn", data.draw(sparse(np.int8, (out, n_in))), data.draw(sparse(np.int16, (batch, n_in))),
                   data.draw(st.none() | sparse(np.int32, (out,), most=100_000)))
    config = draw_config(data)
    assert_laws(layer, config, run(layer, config, draw_policy(data)))


@settings(deadline=None)
@given(st.data())
def test_grouped_matmuls(data):
    groups, out, n_in, batch = (data.draw(st.integers(1, high)) for high in (3, 8, 6, 2))
    layer = matmul("drawn", data.draw(sparse(np.int8, (groups, out, n_in))),
                   data.draw(sparse(np.int8, (groups, batch, n_in))))
    config = draw_config(data)
    assert_laws(layer, config, run(layer, config, draw_policy(data)))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_convolutions(data):
    groups, per_group, filters, images = (data.draw(st.integers(1, 2)) for _ in range(4))
    kernel, stride, padding = (data.draw(st.tuples(*[st.integers(low, high)] * 2))
                               for low, high in ((1, 3), (1, 2), (0, 1)))
    plane = data.draw(st.tuples(st.integers(kernel[0], 5), st.integers(kernel[1], 5)))
    layer = conv2d("drawn", data.draw(sparse(np.int8, (groups * filters, per_group, *kernel))),
                   data.draw(sparse(np.int8, (images, groups * per_group, *plane))), stride, padding,
                   groups=groups, bias=data.draw(st.none() | sparse(np.int32, (groups * filters,))))
    config = draw_config(data)
    assert_laws(layer, config, run(layer, config, draw_policy(data)))


def random_layer(seed: int) -> Layer:
    """40 inputs, 60 outputs, a quarter of the weights and half of the activations non-zero."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-9, 10, (60, 40)) * (rng.random((60, 40)) < 0.25)
    return linear("random", weight, rng.integers(-99, 100, 40) * (rng.random(40) < 0.5), rng.integers(-9, 10, 60))


@pytest.mark.parametrize("seed", range(3))
def test_order_of_blocks_within_a_cycle_never_matters(monkeypatch, seed):
    config = Config(pes=8, queue_entries=2)
    expected = run(random_layer(seed), config, interleaved)
    in_order = Clock.run

    def shuffled(self, blocks, *rest):
        order = np.random.default_rng(seed).permutation(len(blocks))
        return in_order(self, [blocks[i] for i in order], *rest)

    monkeypatch.setattr(Clock, "run", shuffled)
    result = run(random_layer(seed), config, interleaved)
    assert (result.cycles, result.stalls, result.counts) == (expected.cycles, expected.stalls, expected.counts)
    np.testing.assert_array_equal(result.output, expected.output)


# What goes wrong


def test_pattern_only_layer():
    with pytest.raises(TraceError, match="'pattern' is pattern-only"):
        run(linear("pattern", np.ones((2, 2), bool), np.ones(2, bool)), Config(pes=1), interleaved)


@pytest.mark.parametrize("pe_of_row", [[0, 2], [0, -1], [0]])
def test_policy_that_does_not_place_every_row(pe_of_row):
    with pytest.raises(ModelError, match="wanted 2 whole numbers"):
        run(linear("two", [[3], [4]], [2]), Config(pes=2), lambda matrix, pes: np.array(pe_of_row))


def test_policy_sees_the_matrix_without_the_bias():
    seen = []

    def spy(matrix, pes):
        seen.append((matrix.tolist(), pes))
        return interleaved(matrix, pes)

    run(linear("spied", [[3, 0, 1], [0, 0, 0]], [0, 1, 1], bias=[1, 1]), Config(pes=2), spy)
    assert seen == [([[3, 0, 1], [0, 0, 0]], 2)]


def test_deadlock_is_reported_with_every_queue():
    with pytest.raises(DeadlockError, match=r"(?s)'one': nothing moved.*PE 0: queue .*PE 1: queue"):
        run(linear("one", [[3]], [2]), Config(pes=2, queue_entries=0), interleaved)


# The authors' own data


@pytest.mark.slow
@pytest.mark.parametrize(("queue_entries", "cycles"), [(7, 7926), (1, 10194)])
def test_alex8_takes_the_cycles_of_the_authors_simulator(alex8, queue_entries, cycles):
    config = Config(pes=64, queue_entries=queue_entries)
    result = run(alex8, config, interleaved)
    assert_laws(alex8, config, result)
    assert result.cycles == cycles
    known = {"spmat_row_reads": 100_900, "pointer_reads": 112_640, "macs": 453_748, "padding_entries": 0}
    assert {name: result.counts[name] for name in known} == known
