"""Layers as products of two sparse matrices, A [M, K] and B [K, N], whatever the layer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import assemble, matrix_products
from accelsim.workload.sparse_matmul import SparseMatmul

OPS = ("conv2d", "matmul", "sparse_matmul")


@dataclass(frozen=True)
class Fibers:
    """The rows of a sparse matrix: row r has starts[r] .. starts[r + 1] - 1 of columns int32 and values."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    width: int

    @property
    def lengths(self) -> np.ndarray:
        """Elements of each row, int64."""
        return np.diff(self.starts)

    @property
    def count(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True)
class StreamProduct:
    """One product. A's rows are outputs of a dense layer, B's columns its vectors; bias [M] or None."""

    a: Fibers
    b: Fibers
    bias: np.ndarray | None


def stream_products(layer: Layer) -> list[StreamProduct]:
    """The products of a layer, in order; kept for the next design point."""
    return derived(layer, "stream products", lambda: _products(layer))


def _products(layer: Layer) -> list[StreamProduct]:
    if isinstance(layer, SparseMatmul):
        a, b = (Fibers(rows.starts.astype(np.int64), rows.columns, rows.values, rows.shape[1])
                for rows in (layer.a_rows, layer.b_rows))
        return [StreamProduct(a, b, None)]
    return [StreamProduct(_fibers(product.matrix), _fibers(product.vectors.T), product.bias)
            for product in matrix_products(layer)]


def _fibers(matrix: np.ndarray) -> Fibers:
    rows, columns = np.nonzero(matrix)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))]).astype(np.int64)
    return Fibers(starts, columns.astype(np.int32), matrix[rows, columns], matrix.shape[1])


def stream_output(layer: Layer, results: Sequence[Any]) -> Any:
    """The layer's output from its products, scipy matrices [M, N] without their biases."""
    if isinstance(layer, SparseMatmul):
        return results[0]
    biases = [product.bias for product in stream_products(layer)]
    dense = [result.toarray().T + (0 if bias is None else bias.astype(np.int64))
             for result, bias in zip(results, biases, strict=True)]
    return assemble(layer, dense)
