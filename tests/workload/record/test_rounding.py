"""The model runs at the precision of its trace: one layer's integers give the next layer's, whatever multiplies."""

import numpy as np
import pytest

import accelsim
from accelsim.workload.quantize import largest, quantize

RNG = np.random.default_rng(3)


def follows(trace, name, expected):
    """The recorded activation of `name` is `expected`, within half a step and what biases are rounded by."""
    layer = next(x for x in trace if x.name == name)
    scale = trace.made_by["layers"][name]["activation_scale"]
    assert np.abs(layer.activation.astype(float).reshape(np.shape(expected)) * scale - expected).max() <= 0.6 * scale
    assert np.abs(layer.activation).max() <= largest(trace.made_by["bits"])
    assert "activations_saturated" not in trace.made_by["layers"][name]


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("samples", [1, 3])
def test_pytorch_layers_follow_from_one_another(real_output, bits, samples):
    torch = pytest.importorskip("torch", reason="recording PyTorch models needs: pip install accelsim[torch]")
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3),
                                torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 16), torch.nn.ReLU(),
                                torch.nn.Linear(16, 4))
    inputs = [RNG.standard_normal((1, 3, 8, 8)).astype(np.float32) * (i + 1) for i in range(samples)]
    trace = accelsim.record(model, inputs, bits=bits)
    for layer, following in zip(trace.layers[:-1], trace.layers[1:], strict=True):
        output = np.maximum(real_output(layer, trace), 0)
        follows(trace, following.name, output.reshape(following.activation.shape))


def test_onnx_products_of_scaled_and_of_varying_operands(save, real_output):
    onnx = pytest.importorskip("onnx", reason="recording ONNX models needs: pip install accelsim[onnx]")
    node = onnx.helper.make_node
    constants = {n: RNG.standard_normal(shape).astype(np.float32) for n, shape in (("w", (6, 5)), ("v", (7, 6)))}
    nodes = [node("Gemm", ["x", "w"], ["a"], name="scaled", alpha=0.3), node("Tanh", ["a"], ["b"]),
             node("MatMul", ["v", "x"], ["d"], name="left"), node("Relu", ["d"], ["e"]),
             node("MatMul", ["e", "b"], ["f"], name="both"), node("Sigmoid", ["f"], ["g"]),
             node("Gemm", ["g", "b"], ["y"], name="varying", alpha=0.5, transB=1)]
    # x [6, 6]: scaled gives b [6, 5], left gives e [7, 6], both gives g [7, 5]; varying multiplies g by b of both uses
    x = RNG.standard_normal((6, 6)).astype(np.float32)
    trace = accelsim.record(save(nodes, {"x": x.shape}, constants, ["y"], opset=11), {"x": x})
    by_name = {n.rpartition("/")[2]: n for n in (layer.name for layer in trace)}
    layers = {layer.name: layer for layer in trace}
    b = np.tanh(real_output(layers[by_name["scaled"]], trace).reshape(6, 5))
    e = np.maximum(real_output(layers[by_name["left"]], trace).reshape(6, 7).T, 0)
    follows(trace, by_name["both"], e)
    note = trace.made_by["layers"][by_name["both"]]
    both = layers[by_name["both"]]
    assert np.abs(both.weight[0].T * note["weight_scale"] - b).max() <= 0.51 * note["weight_scale"]
    g = 1 / (1 + np.exp(-real_output(both, trace).reshape(7, 5)))
    follows(trace, by_name["varying"], g)
    varying, note = layers[by_name["varying"]], trace.made_by["layers"][by_name["varying"]]
    assert np.abs(varying.weight * note["weight_scale"] - 0.5 * b).max() <= 0.51 * note["weight_scale"]


def test_a_given_scale_saturates():
    integers, scale = quantize(np.array([-3.0, -1.0, 0.4, 0.6, 1.2, 500.0]), 8, 1.0)
    assert scale == 1.0 and integers.tolist() == [-3, -1, 0, 1, 1, 127]


def test_halves_round_to_even_as_in_the_models():
    integers, scale = quantize(np.array([0.5, 1.5, 2.5, -0.5, 127.0], np.float32))
    assert scale == 1.0 and integers.tolist() == [0, 2, 2, 0, 127]
