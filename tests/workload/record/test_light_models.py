"""MAC counts of nine published topologies equal an independent count: ONNX shape inference and the formula."""

from pathlib import Path

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
# published counts (convolutions and fully connected layers), in millions, where these very variants are published
MODELS = {"bvlc_alexnet": None, "vgg19": 19_632, "inception_v1": None, "inception_v2": None, "resnet50": 4_089,
          "densenet121": 2_834, "squeezenet": 349, "shufflenet": None, "zfnet512": None}

BIG = ("vgg19", "zfnet512", "bvlc_alexnet", "densenet121")  # hundreds of megabytes of weights, or many layers


def counted(path):
    """MACs by (output elements) x (weights per output), with nothing of accelsim."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph
    shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
             for v in [*graph.value_info, *graph.input, *graph.output]}
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shape[node.output[0]])) * int(np.prod(shape[node.input[1]][1:]))
        elif node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            out, inputs = shape[node.input[1]] if transposed else shape[node.input[1]][::-1]
            total += shape[node.output[0]][0] * out * inputs
        else:
            assert node.op_type not in ("MatMul", "LSTM", "GRU", "ConvTranspose")
    return total


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in BIG else n for n in MODELS])
def test_macs(name):
    path = LIGHT / f"light_{name}.onnx"
    trace = accelsim.record(path, np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32))
    total = sum(layer.macs_dense for layer in trace)
    assert total == counted(path)
    if MODELS[name] is not None:
        assert total // 10 ** 6 == MODELS[name]
    graph = onnx.load(path).graph
    assert len(trace) == sum(n.op_type in ("Conv", "Gemm") for n in graph.node)
