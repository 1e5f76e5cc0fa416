"""N:M operands: is compression exact, are offenders named, do policies keep every weight?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.gpu.tensor_core.fast.compress import (
    compress,
    expand,
    pack_metadata,
    select_and_multiply,
    unpack_metadata,
)
from accelsim.arch.gpu.tensor_core.fast.pattern import first_violation, first_violation_in_place, padded_identity
from accelsim.arch.gpu.tensor_core.policies import POLICIES
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import ModelError, UnsupportedLayerError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear, matmul

TENSOR_CORE = machine("tensor_core")
A100 = load_arch("a100_40gb")
SHAPES = st.sampled_from([(1, 2), (2, 4), (1, 4), (4, 8), (2, 6), (2, 8), (3, 5), (4, 4)])


def operand(rng: np.random.Generator, rows: int, groups: int, keep: int, group: int) -> np.ndarray:
    """int8 values, at most `keep` non-zeros in each group."""
    values = rng.integers(-8, 8, (rows, groups, group))
    rank = rng.random(values.shape).argsort(axis=2)
    return np.where(rank < keep, values, 0).reshape(rows, -1).astype(np.int8)


@pytest.mark.small
@settings(max_examples=100, deadline=None)
@given(SHAPES, st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_selection_is_exact_and_metadata_round_trips(shape, rows, groups, vectors, seed):
    keep, group = shape
    rng = np.random.default_rng(seed)
    matrix = operand(rng, rows, groups, keep, group)
    packed = compress(matrix, keep, group)
    assert packed.values.shape == packed.indices.shape == (rows, groups * keep)
    np.testing.assert_array_equal(expand(packed, keep, group), matrix)
    bits = (group - 1).bit_length()
    metadata = pack_metadata(packed.indices, bits)
    assert len(metadata) == -(-rows * groups * keep * bits // 8)
    np.testing.assert_array_equal(unpack_metadata(metadata, bits, packed.indices.shape), packed.indices)
    other = rng.integers(-8, 8, (vectors, matrix.shape[1])).astype(np.int8)
    np.testing.assert_array_equal(select_and_multiply(packed, other, keep, group),
                                  other.astype(np.int64) @ matrix.astype(np.int64).T)


@pytest.mark.small
def test_indices_of_a_group_are_distinct_and_ascend():
    packed = compress(np.array([[0, 0, 0, 5], [0, 0, 0, 0]], np.int8), 2, 4)
    np.testing.assert_array_equal(packed.indices, [[0, 3], [0, 1]])
    with pytest.raises(ValueError, match="more than 2 non-zeros of 4"):
        compress(np.ones((1, 4), np.int8), 2, 4)
    with pytest.raises(ValueError, match="not whole groups"):
        compress(np.ones((1, 6), np.int8), 2, 4)


@pytest.mark.small
@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 20), SHAPES, st.sampled_from([bool, np.int8]), st.integers(0, 2**32 - 1))
def test_both_checks_find_the_same_offender(rows, channels, shape, dtype, seed):
    keep, group = shape
    lines = (np.random.default_rng(seed).random((rows, channels)) < .4).astype(dtype)
    padded = np.zeros((rows, -(-channels // group) * group), int)
    padded[:, :channels] = lines
    counts = padded.reshape(rows, -1, group).sum(axis=2)
    offenders = np.argwhere(counts > keep)
    wanted = (*offenders[0], counts[tuple(offenders[0])]) if len(offenders) else (-1, -1, 0)
    assert first_violation_in_place(lines, keep, group) == wanted
    assert first_violation(lines, padded_identity(channels, group), keep, group) == wanted


def test_the_first_offender_is_named(nm_pattern):
    weight = nm_pattern(8, 64)
    weight[3, 20:24] = True
    weight[5, :4] = True
    message = (r"'x': the weight is not 2:4 sparse: row 3, group 5 \(channels 20, 21, 22, 23\) has 4 non-zeros, "
               ".*accelsim prune.*2:4.*dense_fallback")
    with pytest.raises(UnsupportedLayerError, match=message):
        TENSOR_CORE.run(linear("x", weight, np.ones((1, 64), bool)), A100, POLICIES["strict"])
    batch = np.stack([nm_pattern(8, 64), weight])
    with pytest.raises(UnsupportedLayerError, match="row 11, group 5"):
        TENSOR_CORE.run(matmul("x", batch, np.ones((2, 1, 64), bool)), A100, POLICIES["strict"])
    filters = np.zeros((4, 8, 3, 3), bool)
    filters[2, 4:7, 1, 2] = True
    with pytest.raises(UnsupportedLayerError, match=r"row 2, tap 5, group 1 \(channels 4, 5, 6, 7\) has 3"):
        TENSOR_CORE.run(conv2d("x", filters, np.ones((1, 8, 3, 3), bool)), A100, POLICIES["strict"])


def test_fallback_runs_the_layer_dense_and_says_so(nm_pattern):
    weight = nm_pattern(256, 512)
    good = TENSOR_CORE.run(linear("x", weight, np.ones((256, 512), bool)), A100, POLICIES["dense_fallback"])
    weight[0, :4] = True
    bad_layer = linear("x", weight, np.ones((256, 512), bool))
    bad = TENSOR_CORE.run(bad_layer, A100, POLICIES["dense_fallback"])
    dense = TENSOR_CORE.run(bad_layer, load_arch("a100_dense"), POLICIES["strict"])
    notes = [tuple(TENSOR_CORE.notes(bad_layer, A100, run.mapping)) for run in (good, bad)]
    assert (good.mapping["runs"], notes[0]) == ("n_m", ())
    assert (bad.mapping["runs"], notes[1]) == ("dense", ("not 2:4 sparse: ran dense",))
    assert bad.cycles == dense.cycles > good.cycles


@pytest.mark.parametrize("shape", [(2, 4), (1, 4), (4, 8)])
def test_permutation_finds_an_order_that_exists(shape):
    """A shuffled N:M weight with some room breaks the groups; the search finds an order and moves every weight.

    Where every group is full an order exists too, and the search misses it: it is no solver.
    """
    keep, group = shape
    rng = np.random.default_rng(4)
    weight = operand(rng, 12, 8, keep, group)[:, rng.permutation(8 * group)]
    weight[rng.random(weight.shape) < .4] = 0
    assert first_violation_in_place(weight, keep, group)[0] >= 0
    order = POLICIES["permute_channels"](weight, keep, group)
    assert order is not None
    assert sorted(order) == list(range(8 * group))
    assert first_violation_in_place(np.ascontiguousarray(weight[:, order]), keep, group)[0] < 0
    config = load_arch("a100_40gb", {"nm_keep": keep, "nm_group": group})
    layer = linear("x", weight, np.ones((16, 8 * group), np.int8))
    outcome = TENSOR_CORE.run(layer, config, POLICIES["permute_channels"])
    assert outcome.mapping["runs"] == "n_m"
    assert outcome.counts["macs"] == layer.macs_effectual


def test_permutation_gives_up_where_no_order_can_help():
    weight = np.zeros((4, 16), bool)
    weight[2, :9] = True  # nine non-zeros, four groups of two
    outcome = TENSOR_CORE.run(linear("x", weight, np.ones((2, 16), bool)), A100, POLICIES["permute_channels"])
    assert outcome.mapping["runs"] == "dense"


def test_a_policy_cannot_lose_a_channel():
    with pytest.raises(ModelError, match="does not hold every channel once"):
        TENSOR_CORE.run(linear("x", np.zeros((4, 8), bool), np.ones((2, 8), bool)), A100,
                        lambda lines, keep, group: np.zeros(8, np.int64))
