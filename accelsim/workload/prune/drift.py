"""How far one-shot pruning moves a layer's output."""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, matrix_products
from accelsim.workload.recurrent import Recurrent

_ROWS = 8192  # vectors at a time


def output_drift(dense: Layer, pruned: Layer) -> float:
    """Relative L2 distance |pruned output - dense output| / |dense output| on the recorded activation, bias included.

    float32 matrix products (exact for int8, about 1e-7 relative otherwise); 0.0 when both outputs are zero.
    """
    distance = norm = 0.0
    for before, after in zip(_products(dense), _products(pruned), strict=True):
        matrix = before.matrix.astype(np.float32)
        change = matrix - after.matrix.astype(np.float32)
        bias = 0 if before.bias is None else before.bias.astype(np.float32)
        for first in range(0, len(before.vectors), _ROWS):
            vectors = before.vectors[first:first + _ROWS].astype(np.float32)
            distance += _energy(vectors @ change.T)
            norm += _energy(vectors @ matrix.T + bias)
    return float(np.sqrt(distance / norm)) if norm else float(distance > 0)


def _products(layer: Layer) -> Iterator[MatrixProduct]:
    plain = layer.plainly().layers if isinstance(layer, Recurrent) else [layer]
    return chain.from_iterable(map(matrix_products, plain))


def _energy(values: np.ndarray) -> float:
    flat = values.ravel().astype(np.float64)
    return float(flat @ flat)
