"""Weight scales per output, activations of other bits than weights, and the warning where rounding costs too much."""

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
node = onnx.helper.make_node
RNG = np.random.default_rng(9)


def uneven(save):
    """Filters and rows of very different sizes: one scale per tensor turns the small ones into zeros."""
    size = 10.0 ** np.linspace(0, -4, 6)
    constants = {"c.weight": RNG.standard_normal((6, 3, 3, 3)) * size[:, None, None, None],
                 "c.bias": RNG.standard_normal(6) * size, "f.weight": RNG.standard_normal((6, 6)) * size[:, None],
                 "scale": (1 / size).reshape(1, 6, 1, 1)}
    nodes = [node("Conv", ["x", "c.weight", "c.bias"], ["c"]), node("Mul", ["c", "scale"], ["m"]),
             node("GlobalAveragePool", ["m"], ["p"]), node("Flatten", ["p"], ["f"]),
             node("Gemm", ["f", "f.weight"], ["g"], transB=1), node("Reshape", ["scale", "flat"], ["s"]),
             node("Mul", ["g", "s"], ["y"])]
    constants = {k: v.astype(np.float32) for k, v in constants.items()} | {"flat": np.array([1, 6])}
    return save(nodes, {"x": (1, 3, 8, 8)}, constants, ["y"])


X = RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)


def test_a_scale_per_output_keeps_the_network(save):
    path = uneven(save)
    whole, each = accelsim.record(path, X), accelsim.record(path, X, per_channel=True)
    assert whole.made_by["rounding_drift"]["relative_l2"] > 0.1 > 5 * each.made_by["rounding_drift"]["relative_l2"]
    assert "--per-channel" in whole.made_by["warning"] and "warning" not in each.made_by
    scales = np.array(each.made_by["layers"]["c"]["weight_scale"])
    assert scales.shape == (6,) and (np.diff(scales) < 0).all()
    for layer in each:
        peaks = np.abs(layer.weight.reshape(-1, layer.weight[0, 0].size if layer.op == "matmul" else
                                            layer.weight[0].size)).max(1)
        assert (peaks == 127).all()


def test_a_bias_in_units_of_each_scale(save):
    trace = accelsim.record(uneven(save), X, per_channel=True)
    note, layer = trace.made_by["layers"]["c"], trace["c"]
    model = onnx.load(uneven(save))
    assert layer.bias.shape == (6,) and model is not None
    units = np.array(note["weight_scale"]) * note["activation_scale"]
    assert np.abs(layer.bias * units).max() < 5


def test_replay_with_a_scale_per_output(save):
    """The second layer's input is what the first one's integers give."""
    nodes = [node("Conv", ["x", "a.weight"], ["a"], name="a"), node("Relu", ["a"], ["r"]),
             node("Conv", ["r", "b.weight"], ["y"], name="b")]
    sizes = (10.0 ** -np.arange(4))[:, None, None, None]
    constants = {f"{n}.weight": (RNG.standard_normal((4, c, 3, 3)) * sizes).astype(np.float32)
                 for n, c in (("a", 3), ("b", 4))}
    trace = accelsim.record(save(nodes, {"x": X.shape}, constants, ["y"]), X, per_channel=True)
    first, second = (trace.made_by["layers"][n] for n in "ab")
    scale = np.array(first["weight_scale"])[:, None, None] * first["activation_scale"]
    value = np.maximum(trace["a"].output() * scale, 0)
    recorded = trace["b"].activation * second["activation_scale"]
    assert np.abs(value - recorded).max() <= 0.55 * second["activation_scale"]


def test_activations_of_more_bits(save):
    trace = accelsim.record(uneven(save), X, activation_bits=16)
    assert {x.weight.dtype.name for x in trace} == {"int8"} and {x.activation.dtype.name for x in trace} == {"int16"}
    assert trace.made_by["bits"] == 8 and trace.made_by["activation_bits"] == 16
    with pytest.raises(accelsim.RecordError, match="activation_bits is 99"):
        accelsim.record(uneven(save), X, activation_bits=99)
