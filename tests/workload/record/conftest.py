"""Small ONNX models made on the spot, and a layer's real-valued output from its integers."""

import importlib.util
import sysconfig
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def save(tmp_path):
    """save(nodes, inputs, constants, outputs) -> path of an ONNX file; inputs: name -> shape, constants: -> array."""
    onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
    pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")

    def write(nodes, inputs, constants, outputs, name="model.onnx", opset=17, dtypes=None):
        helper = onnx.helper
        kinds = dtypes or {}
        infos = [helper.make_tensor_value_info(n, kinds.get(n, onnx.TensorProto.FLOAT), s) for n, s in inputs.items()]
        tensors = [onnx.numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in constants.items()]
        graph = helper.make_graph(nodes, "graph", infos, [onnx.ValueInfoProto(name=o) for o in outputs], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def real_output():
    """(layer, trace) -> the layer's output in the model's units."""

    def compute(layer, trace):
        note = trace.made_by["layers"][layer.name]
        return layer.output() * (note["weight_scale"] * note["activation_scale"])

    return compute


@pytest.fixture
def site_packages():
    """site_packages(package, *parts) -> a file of an installed package that tests use only if it is there."""

    def find(package, *parts):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed (optional real model; see docs/record.md)")
        path = Path(sysconfig.get_paths()["purelib"]).joinpath(package, *parts)
        if not path.exists():
            pytest.skip(f"{package} is installed without {'/'.join(parts)}")
        return path

    return find
