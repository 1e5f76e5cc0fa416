"""bfloat16 models as float32 ones: the runtime has no bfloat16 kernels, and every bfloat16 is a float32 exactly.

What such a model computes is then more exact than bfloat16 hardware: sums are not rounded back after every operator.
"""

from pathlib import Path
from typing import Any

import numpy as np

from accelsim.workload.importers.onnx_file import array_of

NOTE = "bfloat16 computed in float32: weights exactly, results of operators not rounded back to bfloat16"


def to_float32(onnx: Any, graph: Any, path: Path) -> bool:
    """Turn every bfloat16 of `graph` and the graphs inside it into float32; whether there was one."""
    kinds = onnx.TensorProto
    found = False
    for tensor in graph.initializer:
        found |= _convert(onnx, tensor, path)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        kind = value.type.tensor_type
        if kind.elem_type == kinds.BFLOAT16:
            kind.elem_type, found = kinds.FLOAT, True
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found |= to_float32(onnx, attribute.g, path)
            elif attribute.HasField("t"):
                found |= _convert(onnx, attribute.t, path)
            elif attribute.name in ("to", "dtype", "output_dtype") and attribute.i == kinds.BFLOAT16:
                attribute.i, found = kinds.FLOAT, True
    return found


def _convert(onnx: Any, tensor: Any, path: Path) -> bool:
    if tensor.data_type != onnx.TensorProto.BFLOAT16:
        return False
    array = array_of(path, tensor, onnx).astype(np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return True
