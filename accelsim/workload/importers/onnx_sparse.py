"""Sparse tensors of ONNX files (`sparse_initializer`, `sparse_value`) as the dense ones that they stand for.

The runtime computes with dense tensors, and a trace tells zeros by itself.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError, reason

MAX_DENSE_BYTES = 1 << 30  # of one tensor: a small file must not fill the memory


def make_dense(onnx: Any, graph: Any, path: Path) -> None:
    """Replace every sparse tensor of `graph` and the graphs inside it."""
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        graph.initializer.append(onnx.numpy_helper.from_array(_dense(onnx, sparse, name, path), name))
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                make_dense(onnx, attribute.g, path)
            if node.op_type == "Constant" and attribute.name == "sparse_value":
                array = _dense(onnx, attribute.sparse_tensor, node.output[0], path)
                tensor = onnx.numpy_helper.from_array(array, node.output[0])
                attribute.CopyFrom(onnx.helper.make_attribute("value", tensor))


def _dense(onnx: Any, sparse: Any, name: str, path: Path) -> np.ndarray:
    """Positions are flat [values], or one row per value [values, axes]."""
    where = f"{path}: sparse tensor {name[:80]!r}"
    shape = list(sparse.dims)
    size = math.prod(shape)
    try:
        values = onnx.numpy_helper.to_array(sparse.values)
        indices = onnx.numpy_helper.to_array(sparse.indices)
    except Exception as error:  # protobuf and numpy raise what they like
        raise RecordError(f"{where} does not hold its values ({reason(error)}); export the model again") from None
    if min(shape, default=0) < 0 or size * values.itemsize > MAX_DENSE_BYTES:
        raise RecordError(f"{where} has shape {shape[:8]}, negative or more than {MAX_DENSE_BYTES:,} bytes dense; "
                          "give smaller tensors")
    if values.ndim != 1 or indices.dtype != np.int64 or indices.shape not in (values.shape, (values.size, len(shape))):
        raise RecordError(f"{where} has {list(values.shape)} values at {list(indices.shape)} positions of "
                          f"{len(shape)} axes; export the model again")
    limits = np.array(shape) if indices.ndim == 2 else np.array(size)
    if indices.size and ((indices < 0) | (indices >= limits)).any():
        raise RecordError(f"{where} has a value outside of its shape {shape}; export the model again")
    flat = np.zeros(size, values.dtype)
    flat[np.ravel_multi_index(tuple(indices.T), shape) if indices.ndim == 2 else indices] = values
    return flat.reshape(shape)
