"""Each operator, alone in a model: the recorded layer computes what the model computes."""

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
node = onnx.helper.make_node
RNG = np.random.default_rng(1)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def model_output(path, feeds):
    return onnxruntime.InferenceSession(str(path)).run(None, feeds)[0]


def close(actual, wanted):
    """16-bit operands: errors far below a 16th of an 8-bit step of the output."""
    assert actual.shape == wanted.shape
    assert np.abs(actual - wanted).max() < np.abs(wanted).max() / 127 / 16


CONVS = {
    "plain": ((1, 4, 9, 8), (6, 4, 3, 3), {}, (0, 0)),
    "padded_strided": ((2, 4, 9, 8), (6, 4, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}, (1, 1)),
    "grouped": ((1, 4, 9, 8), (6, 2, 3, 3), {"group": 2}, (0, 0)),
    "depthwise": ((1, 4, 9, 8), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}, (1, 1)),
    "dilated": ((1, 4, 9, 8), (6, 4, 3, 2), {"dilations": [2, 3], "pads": [2, 1, 2, 1]}, (2, 1)),
    "odd_row_at_the_end": ((1, 4, 8, 8), (6, 4, 3, 3), {"pads": [0, 0, 1, 1], "strides": [2, 2]}, (0, 0)),
    "odd_row_at_the_start": ((1, 4, 8, 8), (6, 4, 3, 3), {"pads": [1, 1, 0, 0], "strides": [2, 2]}, (1, 1)),
    "uneven": ((1, 4, 8, 8), (6, 4, 3, 3), {"pads": [0, 2, 2, 1]}, (0, 1)),
    "same_upper": ((1, 4, 8, 7), (6, 4, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (0, 1)),
    "same_lower": ((1, 4, 8, 7), (6, 4, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (1, 1)),
    "more_padding_than_filter": ((1, 2, 4, 4), (3, 2, 1, 1), {"pads": [2, 2, 2, 2]}, (1, 1)),
    "one_dimensional": ((2, 3, 16), (5, 3, 4), {"pads": [2, 2], "strides": [3]}, (0, 2)),
    "one_dimensional_uneven": ((1, 3, 16), (5, 3, 4), {"pads": [1, 2]}, (0, 1)),
}


@pytest.mark.parametrize("name", CONVS)
def test_conv(save, real_output, name):
    x_shape, w_shape, attributes, padding = CONVS[name]
    path = save([node("Conv", ["x", "w", "b"], ["y"], **attributes)], {"x": x_shape},
                {"w": floats(*w_shape), "b": floats(w_shape[0])}, ["y"])
    x = floats(*x_shape)
    trace = accelsim.record(path, x, bits=16)
    (layer,) = trace.layers
    wanted = model_output(path, {"x": x})
    close(real_output(layer, trace).reshape(wanted.shape), wanted)
    assert layer.padding == padding
    assert layer.macs_dense == wanted.size * np.prod(w_shape[1:])
    explicit = layer.activation.shape[2:] != (x_shape[2:] if len(x_shape) == 4 else (1, *x_shape[2:]))
    assert explicit == ("note" in trace.made_by["layers"]["y"])


def test_a_pad_node_becomes_the_padding(save, real_output):
    """Zeros that a Pad made, also in front of a Transpose, are no activation zeros."""
    path = save([node("Pad", ["x", "pads"], ["p"]), node("Transpose", ["p"], ["t"], perm=[0, 3, 1, 2]),
                 node("Conv", ["t", "w"], ["y"], pads=[0, 1, 0, 1])], {"x": (1, 6, 7, 3)},
                {"pads": np.array([0, 1, 1, 0, 0, 1, 1, 0]), "w": floats(4, 3, 3, 5)}, ["y"])
    x = floats(1, 6, 7, 3)
    trace = accelsim.record(path, x, bits=16)
    (layer,) = trace.layers
    assert layer.padding == (1, 2) and layer.activation.shape == (1, 3, 6, 7)
    assert np.count_nonzero(layer.activation) == np.count_nonzero(x)
    close(real_output(layer, trace), model_output(path, {"x": x}))


@pytest.mark.parametrize("attributes", [{"mode": "reflect"}, {"mode": "edge"}])
def test_a_pad_of_other_values_stays_in_the_activation(save, attributes):
    path = save([node("Pad", ["x", "pads"], ["p"], **attributes), node("Conv", ["p", "w"], ["y"])],
                {"x": (1, 2, 6, 6)}, {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "w": floats(4, 2, 3, 3)}, ["y"])
    (layer,) = accelsim.record(path, floats(1, 2, 6, 6)).layers
    assert layer.padding == (0, 0) and layer.activation.shape == (1, 2, 8, 8)


@pytest.mark.parametrize(("trans_a", "trans_b", "alpha", "beta"),
                         [(0, 0, 1.0, 1.0), (1, 1, 0.5, 2.0), (0, 1, 1.0, 0.0)])
def test_gemm(save, real_output, trans_a, trans_b, alpha, beta):
    a, w = floats(*((7, 3) if trans_a else (3, 7))), floats(*((5, 7) if trans_b else (7, 5)))
    path = save([node("Gemm", ["a", "w", "c"], ["y"], transA=trans_a, transB=trans_b, alpha=alpha, beta=beta)],
                {"a": a.shape}, {"w": w, "c": floats(5)}, ["y"])
    trace = accelsim.record(path, a, bits=16)
    close(real_output(trace.layers[0], trace)[0], model_output(path, {"a": a}))


@pytest.mark.parametrize(("left", "right", "constant"), [
    ((2, 3, 7), (7, 5), "right"), ((7,), (7, 5), "right"), ((3, 7), (7,), "right"), ((5, 7), (2, 7, 3), "left"),
    ((4, 3, 7), (4, 7, 5), "right"), ((2, 4, 3, 7), (2, 4, 7, 5), "none"), ((3, 7), (4, 7, 5), "none")])
def test_matmul(save, real_output, left, right, constant):
    a, b = floats(*left), floats(*right)
    inputs = {n: v.shape for n, v in (("a", a), ("b", b)) if constant != {"a": "left", "b": "right"}[n]}
    constants = {n: v for n, v in (("a", a), ("b", b)) if n not in inputs}
    path = save([node("MatMul", ["a", "b"], ["y"])], inputs, constants, ["y"])
    feeds = {n: v for n, v in (("a", a), ("b", b)) if n in inputs}
    trace = accelsim.record(path, feeds, bits=16)
    (layer,) = trace.layers
    wanted = a @ b
    actual = real_output(layer, trace)
    if constant == "left":  # rows of the layer are columns of the product
        actual = actual[0].reshape(2, 3, 5).transpose(0, 2, 1)
    close(actual.reshape(wanted.shape), wanted)
    assert layer.macs_dense == wanted.size * a.shape[-1]
    assert trace.made_by["layers"]["y"]["weight"] == ("activation" if constant == "none" else "constant")


def test_a_bias_added_after_matmul_belongs_to_the_layer(save, real_output):
    path = save([node("MatMul", ["a", "w"], ["m"]), node("Add", ["b", "m"], ["y"])], {"a": (2, 3, 7)},
                {"w": floats(7, 5), "b": floats(5)}, ["y"])
    a = floats(2, 3, 7)
    trace = accelsim.record(path, a, bits=16)
    assert trace.layers[0].bias is not None
    close(real_output(trace.layers[0], trace).reshape(2, 3, 5), model_output(path, {"a": a}))


def test_weights_behind_constant_operators(save, real_output):
    """A weight that is computed from constants (transposed, cast, scaled) is a constant weight."""
    path = save([node("Cast", ["w"], ["c"], to=onnx.TensorProto.FLOAT), node("Transpose", ["c"], ["t"], perm=[1, 0]),
                 node("MatMul", ["a", "t"], ["y"])], {"a": (3, 7)}, {"w": floats(5, 7).astype(np.float16)}, ["y"])
    a = floats(3, 7)
    trace = accelsim.record(path, a, bits=16)
    assert trace.made_by["layers"]["y"]["weight"] == "constant"
    close(real_output(trace.layers[0], trace)[0], model_output(path, {"a": a}))
    pruned = accelsim.record(path, a, bits=16, prune="magnitude:0.5")
    assert np.count_nonzero(pruned.layers[0].weight) in (17, 18)


def test_constant_nodes_and_initializers_are_the_same(save):
    w, x = floats(4, 2, 3, 3), floats(1, 2, 6, 6)
    conv = node("Conv", ["x", "w"], ["y"])
    first = accelsim.record(save([conv], {"x": x.shape}, {"w": w}, ["y"]), x)
    constant = node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(w))
    second = accelsim.record(save([constant, conv], {"x": x.shape}, {}, ["y"]), x)
    assert first.digest == second.digest


def test_branches_are_followed(save):
    """The operators of the branch that is taken are recorded, nested ones too."""
    def branch(name, weight, inner=()):
        nodes = [*inner, node("MatMul", [inner[-1].output[0] if inner else "x", weight], [f"{name}_y"])]
        return onnx.helper.make_graph(nodes, name, [], [onnx.ValueInfoProto(name=f"{name}_y")])

    def empty(name):
        return onnx.helper.make_graph([node("Identity", ["x"], [f"{name}_y"])], name, [],
                                      [onnx.ValueInfoProto(name=f"{name}_y")])

    nested = node("If", ["no"], ["inner"], then_branch=empty("inner_then"), else_branch=branch("inner_else", "w1"))
    path = save([node("If", ["c"], ["y"], then_branch=branch("then", "w2", [nested]), else_branch=empty("else"))],
                {"x": (2, 4), "c": []}, {"w1": floats(4, 4), "w2": floats(4, 3), "no": np.array(False)}, ["y"],
                dtypes={"c": onnx.TensorProto.BOOL})
    x = floats(2, 4)
    trace = accelsim.record(path, {"x": x, "c": np.array(True)})
    assert [layer.weight.shape for layer in trace] == [(1, 4, 4), (1, 3, 4)]
    assert len(trace.edges) == 1 and set(trace.made_by["branches"].values()) == {"then", "else"}
    with pytest.raises(accelsim.RecordError, match="no operator of this model carries MACs"):
        accelsim.record(path, {"x": x, "c": np.array(False)})
    with pytest.raises(accelsim.RecordError, match="sample 2 takes another branch"):
        accelsim.record(path, [{"x": x, "c": np.array(True)}, {"x": x, "c": np.array(False)}])


def test_operators_without_a_rule_are_named(save):
    path = save([node("Einsum", ["x", "w", "s"], ["t"], name="sum", equation="ncij,ck,k->nkij"),
                 node("Conv", ["t", "v"], ["y"])], {"x": (1, 2, 5, 5)},
                {"w": floats(2, 3), "s": floats(3), "v": floats(4, 3, 3, 3)}, ["y"])
    with pytest.raises(accelsim.RecordError, match=r"Einsum 'sum'.*has no rule.*skip"):
        accelsim.record(path, floats(1, 2, 5, 5))
    trace = accelsim.record(path, floats(1, 2, 5, 5), skip=["Einsum"])
    assert trace.made_by["left_out"] == ["Einsum 'sum'"] and len(trace) == 1
    with pytest.raises(accelsim.RecordError, match=r"skip names.*Convv"):
        accelsim.record(path, floats(1, 2, 5, 5), skip=["sum", "Convv"])


@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose(save, real_output, groups):
    """Kernel = stride: the taps do not overlap, so the product's results are the output, rearranged."""
    x, w = floats(2, 4, 5, 3), floats(4, 6 // groups, 2, 2)
    path = save([node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], group=groups)], {"x": x.shape}, {"w": w},
                ["y"])
    trace = accelsim.record(path, x, bits=16)
    (layer,) = trace.layers
    output = real_output(layer, trace).reshape(groups, 2, 5, 3, 6 // groups, 2, 2)
    output = output.transpose(1, 0, 4, 2, 5, 3, 6).reshape(2, 6, 10, 6)
    close(output, model_output(path, {"x": x}))
    assert layer.macs_dense == x.size * (6 // groups) * 4
    pruned = accelsim.record(path, x, prune="filter:0.5")
    assert (np.count_nonzero(pruned.layers[0].weight.any(axis=2))) == layer.weight[..., 0].size // 2


def test_macs_inside_a_loop_are_named(save):
    body = onnx.helper.make_graph(
        [node("MatMul", ["h", "w"], ["h2"], name="inner"), node("Identity", ["go"], ["go2"])], "body",
        [onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
         onnx.helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
         onnx.helper.make_tensor_value_info("h", onnx.TensorProto.FLOAT, [2, 4])],
        [onnx.helper.make_tensor_value_info("go2", onnx.TensorProto.BOOL, []),
         onnx.helper.make_tensor_value_info("h2", onnx.TensorProto.FLOAT, [2, 4])])
    path = save([node("Loop", ["n", "", "x"], ["y"], body=body)], {"x": (2, 4)},
                {"n": np.array(3), "w": floats(4, 4)}, ["y"])
    with pytest.raises(accelsim.RecordError, match="MatMul 'inner' carries MACs inside a loop"):
        accelsim.record(path, floats(2, 4))


def test_other_domains_are_named(save):
    path = save([node("FusedMatMul", ["x", "w"], ["y"], domain="com.microsoft")], {"x": (2, 4)}, {"w": floats(4, 3)},
                ["y"])
    with pytest.raises(accelsim.RecordError, match=r"FusedMatMul 'y' is not a standard operator \(domain 'com"):
        accelsim.record(path, floats(2, 4))


def test_a_matrix_used_step_after_step_is_one_layer(save):
    steps = [node("Gemm", ["x", "cell.weight"], ["a"]), node("Tanh", ["a"], ["b"]),
             node("Gemm", ["b", "cell.weight"], ["y"])]
    trace = accelsim.record(save(steps, {"x": (2, 4)}, {"cell.weight": floats(4, 4)}, ["y"]), floats(2, 4))
    (layer,) = trace.layers
    assert layer.name == "cell" and layer.activation.shape == (1, 4, 4)  # 2 steps of 2 vectors
    assert trace.edges == () and "2 calls" in trace.made_by["layers"]["cell"]["calls"]


def test_a_convolution_used_twice_is_two_layers(save):
    steps = [node("Conv", ["x", "head.weight"], ["a"]), node("Conv", ["a", "head.weight"], ["y"])]
    trace = accelsim.record(save(steps, {"x": (1, 2, 8, 8)}, {"head.weight": floats(2, 2, 3, 3)}, ["y"]),
                            floats(1, 2, 8, 8))
    assert [layer.name for layer in trace] == ["head", "head#2"] and trace.edges == (("head", "head#2"),)
