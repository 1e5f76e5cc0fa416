"""Weights alone (safetensors, npz, state dicts...) with a YAML file that says how the network joins them.

The YAML lists ONNX operators, so that every operator, attribute and shape rule is ONNX's own:

    name: tiny
    inputs: {image: [1, 3, 8, 8]}            # ? for an open axis
    nodes:
      - {op: Conv, in: [image, conv1.weight, conv1.bias], out: [c1], with: {pads: [1, 1, 1, 1]}}
      - {op: Relu, in: [c1], out: [r1]}
    outputs: [r1]

Names that neither the inputs nor an earlier node give are tensors of the weight file. An activation that was stored by
another framework is just one more input.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from accelsim.errors import RecordError
from accelsim.workload.importers.onnx_checks import check_graph, opsets_of
from accelsim.workload.importers.onnx_file import checked, first_line, modules
from accelsim.workload.importers.weight_files import read_weights
from accelsim.yaml import StrictModel, did_you_mean, read_yaml, validate

_OPSET, _IR_VERSION = 17, 8
_DTYPES = {"float32": np.float32, "int64": np.int64, "int32": np.int32, "uint8": np.uint8, "bool": np.bool_}


class NodeSpec(StrictModel):
    """One operator. `in` and `out` name tensors ('' for an input left out), `with` has the attributes."""

    op: str = Field(min_length=1, description="ONNX operator, such as Conv")
    in_: list[str] = Field(alias="in", description="names of what it reads")
    out: list[str] = Field(min_length=1, description="names of what it makes")
    with_: dict[str, Any] = Field(default={}, alias="with", description="ONNX attributes")


class NetworkSpec(StrictModel):
    """A network over the tensors of a weight file."""

    name: str = Field(min_length=1, description="the workload's name")
    opset: int = Field(default=_OPSET, ge=7, le=25, description="version of ONNX's operators")
    inputs: dict[str, list[int | str]] = Field(min_length=1, description="shape of each input; '?' for an open axis")
    dtypes: dict[str, str] = Field(default={}, description="dtype of inputs that are not float32")
    nodes: list[NodeSpec] = Field(min_length=1, description="operators in order of execution")
    outputs: list[str] = Field(min_length=1, description="what the network returns")


def model_from_weights(weights: Path, network: Path) -> tuple[Any, dict[str, Any]]:
    """The ModelProto that `network` (YAML) makes of the tensors in `weights`, and notes on what they were.

    Raises RecordError or ConfigError for a name that nothing gives, an unknown operator or a wrong key.
    """
    onnx, _ = modules()
    spec = validate(NetworkSpec, read_yaml(network), str(network))
    arrays = read_weights(weights)
    known, needed = set(spec.inputs), []
    for index, node in enumerate(spec.nodes):
        for name in node.in_:
            if name and name not in known:
                if name not in arrays:
                    raise RecordError(f"{network}: nodes.{index} ({node.op}) reads {name!r}, which is no input, no "
                                      f"earlier node's output and no tensor of {weights}"
                                      f"{did_you_mean(name, list(arrays))}")
                needed.append(name)
                known.add(name)
        known.update(node.out)
    missing = [name for name in spec.outputs if name not in known]
    if missing:
        raise RecordError(f"{network}: outputs names {', '.join(missing)}, which no node makes")
    try:
        model = _build(onnx, spec, {n: arrays[n] for n in needed})
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise RecordError(f"{network}: no ONNX graph can be made of it ({first_line(error)}); "
                          "see docs/record.md") from None
    check_graph(onnx, model.graph, opsets_of(model), network)
    return checked(model, network), {"weights": arrays.notes} if arrays.notes else {}


def _build(onnx: Any, spec: NetworkSpec, arrays: Mapping[str, np.ndarray]) -> Any:
    helper = onnx.helper
    nodes = [helper.make_node(n.op, n.in_, n.out, name=n.out[0], **n.with_) for n in spec.nodes]
    inputs = []
    for name, shape in spec.inputs.items():
        dtype = np.dtype(_DTYPES[spec.dtypes.get(name, "float32")])
        dims = [None if n == "?" else n for n in shape]
        inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), dims))
    outputs = [onnx.ValueInfoProto(name=name) for name in spec.outputs]
    tensors = [onnx.numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()]
    graph = helper.make_graph(nodes, spec.name, inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", spec.opset)], ir_version=_IR_VERSION)
