"""Convolutions as matrix products (im2col), for machines that know vectors and matrices alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul

MAX_PATCH_ELEMENTS = 1 << 31  # of one im2col matrix: 2 GB of int8


@dataclass(frozen=True)
class MatrixProduct:
    """One independent matrix product of a layer: every row of `vectors` meets `matrix`.

    matrix [out, in], vectors [n, in], bias [out] or None. For a convolution group, `in` runs over (c, r, s) with
    s fastest and `n` over (image, p, q); zeros that im2col puts in place of padding are zeros of `vectors`.
    """

    matrix: np.ndarray
    vectors: np.ndarray
    bias: np.ndarray | None


def matrix_products(layer: Layer) -> Iterator[MatrixProduct]:
    """The matrix products that make up `layer`, one per group, in order. One at a time is in memory."""
    if isinstance(layer, Matmul):
        for weight, activation in zip(layer.weight, layer.activation, strict=True):
            yield MatrixProduct(weight, activation, layer.bias)
    elif isinstance(layer, Conv2d):
        filters = layer.weight.shape[0] // layer.groups
        for group in range(layer.groups):
            own = slice(group * filters, (group + 1) * filters)
            bias = None if layer.bias is None else layer.bias[own]
            yield MatrixProduct(layer.weight[own].reshape(filters, -1), im2col(layer, group), bias)
    else:
        raise UnsupportedLayerError(f"layer {layer.name!r}: no rule turns a {layer.op} into matrix products")


def kept_products(layer: Layer) -> list[MatrixProduct]:
    """`matrix_products`, all of them, found again by the next design point on the same layer."""
    return derived(layer, "matrix_products", lambda: list(matrix_products(layer)))


def im2col(layer: Conv2d, group: int) -> np.ndarray:
    """Patches [N*P*Q, C/groups*R*S] of one group's channels, zero where a tap falls in the padding.

    Raises UnsupportedLayerError when they would fill the memory.
    """
    per_group, kernel = layer.weight.shape[1], layer.weight.shape[2:]
    images = layer.activation.shape[0]
    shape = (images, *layer.out_plane, per_group, *kernel)
    if math.prod(shape) > MAX_PATCH_ELEMENTS:
        raise UnsupportedLayerError(f"layer {layer.name!r}: its im2col matrix has {math.prod(shape):,} elements, over "
                                    f"{MAX_PATCH_ELEMENTS:,}; give fewer images, less padding or a smaller plane")
    patches = np.zeros(shape, layer.activation.dtype)
    channels = layer.activation[:, group * per_group:(group + 1) * per_group]
    for r, s in np.ndindex(*kernel):
        (rows, cols), (p, q) = layer.taps(r, s)
        patches[:, p, q, :, r, s] = channels[:, :, rows, cols].transpose(0, 2, 3, 1)
    return patches.reshape(images * layer.out_plane[0] * layer.out_plane[1], -1)


def output_shape(layer: Layer) -> tuple[int, ...]:
    """Shape of `layer.output()`."""
    if isinstance(layer, Conv2d):
        return (layer.activation.shape[0], layer.weight.shape[0], *layer.out_plane)
    return (*layer.activation.shape[:2], layer.weight.shape[1])


def assemble(layer: Layer, products: list[np.ndarray]) -> np.ndarray:
    """The layer's output from the results [n, out] of its matrix products, in the order of `matrix_products`."""
    if isinstance(layer, Conv2d):
        images, plane = layer.activation.shape[0], layer.out_plane
        groups = [r.reshape(images, *plane, -1).transpose(0, 3, 1, 2) for r in products]
        return np.concatenate(groups, axis=1)
    return np.stack(products)
