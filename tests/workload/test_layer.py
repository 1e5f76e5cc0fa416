"""Layers: shapes, effectual multiply-accumulates and outputs against plain loops."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import TraceError, conv2d, linear, matmul
from accelsim.workload.conv2d import Conv2d

pytestmark = pytest.mark.small

NAMES_THAT_ACT = ("\x1b[31mred", "line\nbreak", "bell\a", "\u202eturned", "\ud800", "tab\t", "")


def sparse(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.int8) -> np.ndarray:
    top = 9 if dtype == np.int8 else 900
    return (rng.integers(-top, top + 1, shape) * (rng.random(shape) < rng.choice((0.1, 0.5, 1)))).astype(dtype)


@st.composite
def convolutions(draw: st.DrawFn) -> Conv2d:
    """Small convolutions of every stride, padding, dilation and grouping."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = draw(pair), draw(pair), draw(pair)
    groups, per_group, filters = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = draw(st.tuples(*(st.integers(0, e) for e in extent)))
    plane = [max(1, e - 2 * p) + draw(st.integers(0, 5)) for e, p in zip(extent, padding, strict=True)]
    weight = sparse(rng, (groups * filters, per_group, *kernel))
    activation = sparse(rng, (draw(st.integers(1, 2)), groups * per_group, *plane), np.int16)
    bias = sparse(rng, (groups * filters,)) if draw(st.booleans()) else None
    return conv2d("conv", weight, activation, stride, padding, dilation, groups, bias)


def loops(layer: Conv2d) -> tuple[np.ndarray, int, int]:
    """(output, effectual MACs, dense MACs) of a convolution, one multiply-accumulate after the other."""
    (filters, per_group, *kernel), (images, _, *plane) = layer.weight.shape, layer.activation.shape
    sizes = [(plane[a] + 2 * layer.padding[a] - layer.dilation[a] * (kernel[a] - 1) - 1) // layer.stride[a] + 1
             for a in (0, 1)]
    output, effectual, dense = np.zeros((images, filters, *sizes), np.int64), 0, 0
    for n, k, p, q in np.ndindex(*output.shape):
        if layer.bias is not None:
            output[n, k, p, q] = layer.bias[k]
        first = k // (filters // layer.groups) * per_group
        for c, r, s in product(range(per_group), range(kernel[0]), range(kernel[1])):
            row = p * layer.stride[0] + r * layer.dilation[0] - layer.padding[0]
            col = q * layer.stride[1] + s * layer.dilation[1] - layer.padding[1]
            dense += 1
            if 0 <= row < plane[0] and 0 <= col < plane[1]:
                weight, value = int(layer.weight[k, c, r, s]), int(layer.activation[n, first + c, row, col])
                effectual += weight != 0 and value != 0
                output[n, k, p, q] += weight * value
    return output, effectual, dense


@given(convolutions())
def test_convolution_equals_plain_loops(layer: Conv2d) -> None:
    output, effectual, dense = loops(layer)
    assert layer.out_plane == output.shape[2:]
    assert np.array_equal(layer.output(), output)
    assert layer.macs_effectual == effectual
    assert layer.macs_dense == dense


@given(convolutions())
def test_patterns_count_as_values_do(layer: Conv2d) -> None:
    pattern = conv2d("conv", layer.weight != 0, layer.activation != 0, layer.stride, layer.padding, layer.dilation,
                     layer.groups)
    assert pattern.macs_effectual == layer.macs_effectual
    assert not pattern.has_values


@given(st.integers(0, 2**32 - 1), *(st.integers(1, 7) for _ in range(4)))
def test_matrix_products_equal_plain_loops(seed: int, groups: int, out: int, n_in: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    weight, activation = sparse(rng, (groups, out, n_in)), sparse(rng, (groups, batch, n_in), np.int16)
    layer = matmul("attention", weight, activation)
    output, effectual = np.zeros((groups, batch, out), np.int64), 0
    for g, b, o, i in np.ndindex(groups, batch, out, n_in):
        output[g, b, o] += int(weight[g, o, i]) * int(activation[g, b, i])
        effectual += bool(weight[g, o, i] and activation[g, b, i])
    assert np.array_equal(layer.output(), output)
    assert (layer.macs_effectual, layer.macs_dense) == (effectual, groups * out * n_in * batch)
    one = linear("fc", weight[0], activation[0], np.arange(out))
    assert np.array_equal(one.output()[0], output[0] + np.arange(out))


def test_largest_values_do_not_wrap() -> None:
    top = np.full((1, 70_000), 32767, np.int16)
    assert linear("fc", top, -top, [2**31 - 1]).output().item() == -70_000 * 32767**2 + 2**31 - 1


def test_vector_is_a_batch_of_one_and_arrays_are_frozen() -> None:
    weight = np.ones((2, 3), np.int8)
    layer = linear("fc", weight, np.ones(3, np.int8))
    assert layer.activation.shape == (1, 1, 3)
    assert layer.weight.shape == (1, 2, 3)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0, 0] = 5


def test_what_a_caller_changes_later_changes_no_layer() -> None:
    weight, activation, bias = np.ones((2, 3), np.int8), np.ones((1, 3), np.int8), np.zeros(2, np.int32)
    pattern = np.ones((2, 3), bool)
    layers = [linear("fc", weight, activation, bias), linear("fc", pattern, pattern[:1], pattern[:, 0])]
    for own in (weight, activation, bias, pattern):
        own[...] = 0 if own.any() else 1
    assert layers[0].output().tolist() == [[[3, 3]]]
    assert [layer.macs_effectual for layer in layers] == [6, 6]
    assert layers[1].bias is not None
    assert layers[1].bias.all()


def test_wide_integers_are_narrowed_when_they_fit() -> None:
    assert linear("fc", [[1, -32768]], [1, 2]).weight.dtype == np.int16
    with pytest.raises(TraceError,
                       match=r"layer 'fc': weight holds values outside int16 \(0 \.\. 32768\); requantize it"):
        linear("fc", [[0, 32768]], [1, 2])
    with pytest.raises(TraceError, match="bias holds values outside int32"):
        linear("fc", [[1]], [1], [2**31])


@pytest.mark.parametrize(("make", "told"), [
    (lambda: linear("fc", [[1.5]], [1]), "weight has dtype float64"),
    (lambda: linear("fc", [[1]], [np.nan]), "activation has dtype float64"),
    (lambda: linear("fc", [["a"]], [1]), "weight has dtype <U1"),
    (lambda: linear("fc", [[1], [2, 3]], [1]), "weight is not an array .* give one of equal rows"),
    (lambda: linear("fc", [[1, 2]], [1]), "weight has 2 inputs, activation 1; the last axes must be equal"),
    (lambda: linear("fc", [1], [1]), r"weight has shape \[1\], wanted \[out, in\], no axis empty"),
    (lambda: linear("fc", np.zeros((0, 3), int), [1, 2, 3]), r"weight has shape \[0, 3\]"),
    (lambda: linear("fc", [[1]], [1], [1, 2]), r"bias has shape \[2\], wanted \[1\], one per output"),
    (lambda: linear("fc", [[1]], [1], [0.5]), "bias has dtype float64, wanted integers or bool"),
    (lambda: matmul("fc", np.ones((2, 1, 1), int), np.ones((3, 1, 1), int)), "weight has 2 groups, activation 3"),
    (lambda: linear(3, [[1]], [1]), "a layer's name must be text of printable characters, got 3"),
    (lambda: conv("stride", 0), "stride is 0, wanted a whole number from 1 to 65,536"),
    (lambda: conv("stride", True), "stride is True, wanted a whole number"),
    (lambda: conv("stride", (1, 2, 3)), r"stride is \(1, 2, 3\), wanted one number or a \(rows, columns\) pair"),
    (lambda: conv("padding", -1), "padding is -1, wanted a whole number from 0 to 65,536"),
    (lambda: conv("padding", 4), "padding 4 is larger than the filter's extent 3; outputs would see padding alone"),
    (lambda: conv("dilation", 1.0), "dilation is 1.0, wanted a whole number"),
    (lambda: conv("dilation", 10),
     "a filter of extent 21 does not fit the padded plane of 5; give a larger activation"),
    (lambda: conv("groups", 3), "groups is 3, wanted a whole number from 1 to 2"),
    (lambda: conv("groups", 2),
     r"weight \[3, 2, 3, 3\] with groups=2 wants 4 input channels and filters divisible by 2"),
])
def test_mistakes_name_the_layer_and_what_is_wanted(make: Any, told: str) -> None:
    with pytest.raises(TraceError, match=told) as raised:
        make()
    assert "layer" in str(raised.value)


def conv(key: str, value: Any) -> Conv2d:
    return conv2d("conv", np.ones((3, 2, 3, 3), np.int8), np.ones((1, 2, 5, 5), np.int8), **{key: value})


@pytest.mark.parametrize("name", NAMES_THAT_ACT)
def test_names_that_act_on_a_terminal_are_refused(name: str) -> None:
    with pytest.raises(TraceError, match="a layer's name must be text of printable characters, got "):
        linear(name, [[1]], [1])


def test_outputs_beyond_any_memory_are_refused() -> None:
    one = np.ones((1 << 18, 1), bool)
    with pytest.raises(TraceError,
                       match=r"layer 'fc' has 68,719,476,736 outputs, more than 17,179,869,184; check its shapes"):
        linear("fc", one, one)


def test_pattern_has_no_output() -> None:
    with pytest.raises(TraceError, match=r"layer 'fc' is pattern-only .* give integer tensors, or use engine='kernel'"):
        linear("fc", [[True]], [1]).output()


@given(convolutions(), st.data())
def test_digest_changes_with_any_element_and_any_number(layer: Conv2d, data: st.DataObject) -> None:
    def again(**changes: Any) -> Conv2d:
        own = {key: getattr(layer, key) for key in ("name", "weight", "activation", "stride", "padding", "dilation",
                                                   "groups", "bias")}
        return conv2d(**own | changes)

    assert again().digest == layer.digest
    role = data.draw(st.sampled_from(["weight", "activation"] + (["bias"] if layer.bias is not None else [])))
    tensor = getattr(layer, role).copy()
    place = data.draw(st.integers(0, tensor.size - 1))
    tensor.flat[place] ^= 1
    changed = [again(**{role: tensor}), again(name="other"), again(bias=None if layer.bias is not None else np.zeros(
        len(layer.weight), int)), again(weight=layer.weight.astype(np.int16))]
    assert len({layer.digest, *(other.digest for other in changed)}) == 5


def test_digest_tells_geometry_apart() -> None:
    weight, activation = np.ones((2, 2, 1, 1), np.int8), np.ones((1, 2, 3, 3), np.int8)
    layers = [conv2d("c", weight, activation, *numbers) for numbers in ((1, 0), (2, 0), (1, 1), (1, 0, 2), ((1, 2), 0))]
    assert len({layer.digest for layer in layers}) == 5
