"""Convolutions as matrix products: im2col and its way back against the layer's own output."""

import numpy as np
import pytest
from hypothesis import given
from workload.test_layer import convolutions

from accelsim import UnsupportedLayerError, conv2d, linear, matmul
from accelsim.workload import lowering
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import DenseLayer, Layer
from accelsim.workload.lowering import assemble, im2col, matrix_products, output_shape

pytestmark = pytest.mark.small


def computed(layer: Layer) -> np.ndarray:
    """The output by way of the matrix products."""
    products = []
    for product in matrix_products(layer):
        result = product.vectors.astype(np.int64) @ product.matrix.T.astype(np.int64)
        products.append(result + (0 if product.bias is None else product.bias))
    return assemble(layer, products)


@given(convolutions())
def test_products_of_a_convolution_make_its_output(layer: Conv2d) -> None:
    assert np.array_equal(computed(layer), layer.output())
    assert output_shape(layer) == layer.output().shape


@given(convolutions())
def test_patches_hold_the_padded_plane(layer: Conv2d) -> None:
    rows, cols = layer.padding
    padded = np.pad(layer.activation, ((0, 0), (0, 0), (rows, rows), (cols, cols)))
    per_group, kernel = layer.weight.shape[1], layer.weight.shape[2:]
    for group in range(layer.groups):
        patches = im2col(layer, group).reshape(-1, *layer.out_plane, per_group, *kernel)
        assert patches.dtype == layer.activation.dtype
        for n, p, q, c, r, s in np.ndindex(*patches.shape):
            row, col = p * layer.stride[0] + r * layer.dilation[0], q * layer.stride[1] + s * layer.dilation[1]
            assert patches[n, p, q, c, r, s] == padded[n, group * per_group + c, row, col]


def test_products_of_matrix_layers() -> None:
    rng = np.random.default_rng(3)
    for layer in (linear("fc", rng.integers(-9, 9, (4, 5)), rng.integers(-9, 9, (3, 5)), rng.integers(-9, 9, 4)),
                  matmul("attention", rng.integers(-9, 9, (2, 4, 5)), rng.integers(-9, 9, (2, 3, 5)))):
        assert np.array_equal(computed(layer), layer.output())
        assert output_shape(layer) == layer.output().shape


def test_patches_beyond_memory_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = conv2d("conv", np.ones((1, 1, 3, 3), np.int8), np.ones((1, 1, 4, 4), np.int8), padding=1)
    assert im2col(layer, 0).size == 144
    monkeypatch.setattr(lowering, "MAX_PATCH_ELEMENTS", 143)
    with pytest.raises(UnsupportedLayerError,
                       match="layer 'conv': its im2col matrix has 144 elements, over 143; give fewer"):
        im2col(layer, 0)


def test_a_layer_of_another_operator_is_unsupported() -> None:
    class Gate(DenseLayer):
        op = "gate"  # type: ignore[misc]

    one = np.ones((1, 1), np.int8)
    with pytest.raises(UnsupportedLayerError, match="layer 'g': no rule turns a gate into matrix products"):
        list(matrix_products(Gate("g", one, one, None)))
