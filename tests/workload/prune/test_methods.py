"""Each pruning method keeps what its page says, on any shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.workload.prune.apply import weights_of
from accelsim.workload.prune.erk import densities
from accelsim.workload.prune.spec import parse

SPARSITIES = st.floats(0, 0.99).map(lambda s: round(s, 2))


def layer_of(weight, name="layer", groups=1):
    """A layer around a weight [out, in] or [K, C/groups, R, S]."""
    if weight.ndim == 4:
        plane = np.ones((1, weight.shape[1] * groups, *weight.shape[2:]), np.int8)
        return accelsim.conv2d(name, weight, plane, groups=groups)
    return accelsim.linear(name, weight, np.ones(weight.shape[1], np.int8))


@st.composite
def layers(draw):
    """A linear layer or a convolution without zero weights, values distinct in magnitude or tied."""
    rng = np.random.default_rng(draw(st.integers(0, 2 ** 32)))
    top = draw(st.sampled_from([1, 7, 32767]))
    if draw(st.booleans()):
        shape, groups = (draw(st.integers(1, 40)), draw(st.integers(1, 40))), 1
    else:
        groups = draw(st.sampled_from([1, 2, 3]))
        filters, channels, rows, cols = (draw(st.integers(1, top)) for top in (6, 9, 3, 3))
        shape = (groups * filters, channels, rows, cols)
    values = rng.integers(1, top + 1, shape) * rng.choice([-1, 1], shape)
    return layer_of(values.astype(np.int16), groups=groups)


def kept(layer, spec):
    """Mask of what `spec` keeps; what is kept has kept its value."""
    pruned = accelsim.prune(layer, spec).weight
    assert ((pruned == layer.weight) | (pruned == 0)).all()
    return pruned != 0


def count(total, sparsity):
    return max(1, round(total * (1 - sparsity)))


@given(layers(), SPARSITIES)
@pytest.mark.parametrize("method", ["magnitude", "global", "erk"])
def test_unstructured(method, layer, sparsity):
    mask, magnitude = kept(layer, f"{method}:{sparsity}"), np.abs(layer.weight.astype(int))
    assert mask.sum() == count(mask.size, sparsity)
    assert magnitude[mask].min() >= magnitude[~mask].max(initial=0)


@given(st.lists(layers(), min_size=2, max_size=4), SPARSITIES)
def test_global_and_erk_reach_the_sparsity_of_the_network(found, sparsity):
    total = sum(layer.weight.size for layer in found)
    specs = {name: parse(f"{name}:{sparsity}") for name in ("global", "erk")}
    weights = [weights_of(layer) for layer in found]
    assert sum(m.sum() for m in specs["global"].masks(weights)) == count(total, sparsity)
    assert abs(sum(m.sum() for m in specs["erk"].masks(weights)) - total * (1 - sparsity)) <= len(found)


def test_erk_by_hand():
    """Two layers: 1/2 (8 + 8) / 64 = 1/4 and (32 + 32) / 1024 = 1/16; scaled to 10 % of 1,088 weights."""
    weights = [weights_of(layer_of(np.ones((n, n), np.int8))) for n in (8, 32)]
    scale = 0.1 * 1088 / (16 / 64 * 64 + 64 / 1024 * 1024)
    np.testing.assert_allclose(densities(weights, 0.9), [scale / 4, scale / 16])
    np.testing.assert_allclose(densities(weights, 0.2), [1, (0.8 * 1088 - 64) / 1024])  # the small one would pass 1


@given(layers(), st.integers(1, 4), st.integers(1, 8), st.booleans())
def test_nm(layer, n, m, im2col):
    n = min(n, m)
    mask = kept(layer, f"nm:{n}:{m}" + (":im2col" if im2col else ""))
    if layer.op == "conv2d" and not im2col:
        lines = mask.transpose(0, 2, 3, 1).reshape(-1, mask.shape[1])
    else:
        lines = mask.reshape(mask.shape[-2] if layer.op == "matmul" else mask.shape[0], -1)
    for first in range(0, lines.shape[1], m):
        part = lines[:, first:first + m]
        assert (part.sum(1) == min(n, part.shape[1])).all()


def test_nm_keeps_the_largest():
    layer = layer_of(np.array([[1, -4, 3, 2, -9, 8, 7, 6]], np.int8))
    np.testing.assert_array_equal(accelsim.prune(layer, "nm:2:4").weight[0], [[0, -4, 3, 0, -9, 8, 0, 0]])


@given(layers(), st.integers(1, 5), st.integers(1, 5), SPARSITIES)
def test_block(layer, rows, cols, sparsity):
    mask = kept(layer, f"block:{rows}x{cols}:{sparsity}").reshape(weights_of(layer).stack)
    blocks = [mask[g, i:i + rows, j:j + cols] for g in range(mask.shape[0]) for i in range(0, mask.shape[1], rows)
              for j in range(0, mask.shape[2], cols)]
    assert all(b.all() or not b.any() for b in blocks)
    assert sum(b.all() for b in blocks) == count(len(blocks), sparsity)


@given(layers(), st.integers(1, 12), SPARSITIES)
def test_bank(layer, bank, sparsity):
    lines = kept(layer, f"bank:{bank}:{sparsity}").reshape(-1, weights_of(layer).stack[2])
    for first in range(0, lines.shape[1], bank):
        part = lines[:, first:first + bank]
        assert (part.sum(1) == count(part.shape[1], sparsity)).all()


@given(layers(), st.integers(1, 8), SPARSITIES)
def test_balanced(layer, pes, sparsity):
    rows = weights_of(layer).stack[0] * weights_of(layer).stack[1]
    pes = min(pes, rows)
    lines = kept(layer, f"balanced:{pes}:{sparsity}").reshape(rows, -1)
    counts = {int(lines[pe::pes].sum()) for pe in range(pes)}
    assert len(counts) == 1
    assert counts == {min(rows // pes * lines.shape[1], count(lines.size, sparsity) // pes or 1)}


@given(layers(), st.integers(1, 6), st.integers(1, 16), SPARSITIES)
def test_load(layer, pes, window, sparsity):
    rows = weights_of(layer).stack[0] * weights_of(layer).stack[1]
    pes = min(pes, rows)
    lines = kept(layer, f"load:{pes}:{window}:{sparsity}").reshape(rows, -1)
    for first in range(0, lines.shape[1], window):
        assert len({int(lines[pe::pes, first:first + window].sum()) for pe in range(pes)}) == 1
    assert lines.any(), "at least one weight of a layer stays"


@given(layers(), SPARSITIES)
def test_filter(layer, sparsity):
    mask = kept(layer, f"filter:{sparsity}")
    lines = mask.reshape(-1, weights_of(layer).stack[2])
    assert (lines.all(1) | ~lines.any(1)).all() and lines.any(1).sum() == count(len(lines), sparsity)


@given(layers(), SPARSITIES)
def test_channel(layer, sparsity):
    groups, out, _ = weights_of(layer).stack
    mask = kept(layer, f"channel:{sparsity}")
    cube = mask.reshape(groups, out, mask.shape[-1] if layer.op == "matmul" else mask.shape[1], -1)
    whole = cube.all(axis=(1, 3))
    assert (whole | ~cube.any(axis=(1, 3))).all() and whole.sum() == count(whole.size, sparsity)


def test_ties_do_not_lean_to_one_side():
    """Where all magnitudes are equal, survivors are spread over the layer, the same ones each time."""
    layer = layer_of(np.ones((64, 64), np.int8))
    mask = kept(layer, "magnitude:0.5")[0]
    assert 0.4 < mask[:32].mean() < 0.6 and 0.4 < mask[:, :32].mean() < 0.6
    np.testing.assert_array_equal(mask, kept(layer, "magnitude:0.5")[0])


def test_global_compares_shares_of_each_layers_scale():
    """Integer layers have scales of their own: a layer of small integers is not a layer of small weights."""
    small, large = (layer_of(np.array([[1, 2, 3, 4]], np.int16) * k, n) for k, n in ((1, "small"), (1000, "large")))
    masks = list(parse("global:0.5").masks([weights_of(small), weights_of(large)]))
    assert [int(m.sum()) for m in masks] == [2, 2]
