"""TFLite models: each layer computes what the runtime computes; what is stored stays; what is damaged is said."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from workload.record.tflite_models import Builder, compressed, conv_options

import accelsim
from accelsim.workload.importers.tflite_sparse import densified

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs: pip install accelsim[tflite]")
runtime = pytest.importorskip("ai_edge_litert.interpreter", reason="needs: pip install accelsim[tflite]")
flatbuffers = pytest.importorskip("flatbuffers", reason="needs: pip install accelsim[tflite]")
RNG = np.random.default_rng(10)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture
def build():
    return Builder(schema, flatbuffers)


def model_output(path, *inputs):
    interpreter = runtime.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=(
        runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def real_output(trace, layer):
    note = trace.made_by["layers"][layer.name]
    scale = np.array(note["weight_scale"], np.float64).reshape(-1) * note["activation_scale"]
    return layer.output() * (scale[:, None, None] if scale.size > 1 and layer.op == "conv2d" else scale)


def close(actual, wanted):
    assert actual.shape == wanted.shape
    assert np.abs(actual - wanted).max() < np.abs(wanted).max() / 127 / 16


@pytest.mark.parametrize(("padding", "stride", "dilation", "groups"), [
    (1, 1, 1, 1), (0, 1, 1, 1), (0, 2, 1, 1), (0, 1, 2, 1), (1, 2, 1, 2)])
def test_conv(build, tmp_path, padding, stride, dilation, groups):
    x, w, b = floats(1, 9, 8, 4), floats(6, 3, 3, 4 // groups), floats(6)
    i, c, d = build.tensor("x", x.shape), build.constant("net/conv/Conv2D", w), build.constant("b", b)
    rows, cols = ((n - (0 if padding == 0 else dilation * 2) + stride - 1) // stride for n in x.shape[1:3])
    y = build.tensor("y", (1, rows, cols, 6))
    build.op("CONV_2D", [i, c, d], [y], "Conv2DOptions", **conv_options(padding, stride, dilation))
    path = build.save(tmp_path / "m.tflite", [i], [y])
    trace = accelsim.record(path, x, bits=16)
    assert trace["net/conv"].groups == groups
    close(real_output(trace, trace["net/conv"]).transpose(0, 2, 3, 1), model_output(path, x))


def test_depthwise_behind_a_pad(build, tmp_path):
    x, w = floats(1, 7, 7, 3), floats(1, 3, 3, 6)
    i, p = build.tensor("x", x.shape), build.constant("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    padded, c, d = build.tensor("p", (1, 9, 9, 3)), build.constant("w", w), build.constant("b", floats(6))
    y = build.tensor("y", (1, 7, 7, 6))
    build.op("PAD", [i, p], [padded], "PadOptions")
    build.op("DEPTHWISE_CONV_2D", [padded, c, d], [y], "DepthwiseConv2DOptions", **conv_options(depthMultiplier=2))
    path = build.save(tmp_path / "m.tflite", [i], [y])
    trace = accelsim.record(path, x, bits=16)
    assert trace["w"].padding == (1, 1) and trace["w"].activation.shape == (1, 3, 7, 7) and trace["w"].groups == 3
    close(real_output(trace, trace["w"]).transpose(0, 2, 3, 1), model_output(path, x))


def test_products(build, tmp_path):
    x, w, v = floats(2, 3, 4), floats(5, 4), floats(6, 5)
    i, c = build.tensor("x", x.shape), build.constant("w", w)
    a, b = build.tensor("a", (2, 3, 5)), build.constant("v", v)
    m, y = build.tensor("m", (2, 3, 6)), build.tensor("y", (2, 3, 3))
    build.op("FULLY_CONNECTED", [i, c, -1], [a], "FullyConnectedOptions", keepNumDims=True)
    build.op("BATCH_MATMUL", [a, b], [m], "BatchMatMulOptions", adjY=True)
    build.op("BATCH_MATMUL", [m, m], [y], "BatchMatMulOptions", adjY=True)
    path = build.save(tmp_path / "m.tflite", [i], [y])
    trace = accelsim.record(path, x, bits=16)
    assert [n.name for n in trace] == ["w", "v", "y"] and trace.edges == (("w", "v"), ("v", "y"))
    close(real_output(trace, trace["y"]), model_output(path, x))
    assert accelsim.record(path, x, prune="magnitude:0.5")["w"].weight.astype(bool).mean() == pytest.approx(0.5)


def test_transposed_convolution(build, tmp_path):
    x, w = floats(1, 3, 4, 2), floats(5, 2, 2, 2)
    s, i, c = (build.constant("s", np.array([1, 6, 8, 5], np.int32)), build.tensor("x", x.shape),
               build.constant("up/conv2d_transpose", w))
    y = build.tensor("y", (1, 6, 8, 5))
    build.op("TRANSPOSE_CONV", [s, c, i], [y], "TransposeConvOptions", padding=1, strideH=2, strideW=2)
    path = build.save(tmp_path / "m.tflite", [i], [y])
    trace = accelsim.record(path, x, bits=16)
    taps = real_output(trace, trace["up"])[0].reshape(3, 4, 5, 2, 2).transpose(0, 3, 1, 4, 2).reshape(1, 6, 8, 5)
    close(taps, model_output(path, x))


def test_float16_and_sparse_weights_are_unpacked(build, tmp_path):
    dense = np.where(RNG.random((5, 8)) < 0.3, floats(5, 8), 0).astype(np.float16)
    dense[0, 0] = 1
    x, sparsity = floats(2, 8), compressed(schema, dense)
    i = build.tensor("x", x.shape)
    packed = build.tensor("packed", dense.shape, "float16", sparsity[1], sparsity=sparsity[0])
    half, wide = build.tensor("half", dense.shape, "float16"), build.tensor("w_dequantize", dense.shape)
    y = build.tensor("y", (2, 5))
    build.op("DENSIFY", [packed], [half], "DensifyOptions")
    build.op("DEQUANTIZE", [half], [wide])
    build.op("FULLY_CONNECTED", [i, wide, -1], [y], "FullyConnectedOptions")
    trace = accelsim.record(build.save(tmp_path / "m.tflite", [i], [y]), x, bits=16)
    np.testing.assert_array_equal(trace["w"].weight[0] != 0, dense != 0)
    close(real_output(trace, trace["w"])[0], x @ dense.astype(np.float32).T)


def test_quantized_tensors_keep_their_integers(build, tmp_path):
    x = RNG.integers(-128, 128, (1, 6, 6, 3), np.int8)
    w, b = RNG.integers(-127, 128, (4, 3, 3, 3), np.int8), np.array([300, -5, 0, 77], np.int32)
    scales = np.array([.01, .02, .005, .04], np.float32)
    i, c = build.tensor("x", x.shape, "int8", scale=.05, zero=-3), build.constant("w", w, scale=scales)
    d = build.constant("b", b, scale=scales * np.float32(.05))
    y = build.tensor("y", (1, 4, 4, 4), "int8", scale=.2, zero=10)
    build.op("CONV_2D", [i, c, d], [y], "Conv2DOptions", **conv_options())
    path = build.save(tmp_path / "m.tflite", [i], [y])
    trace = accelsim.record(path, x)
    layer, note = trace["w"], trace.made_by["layers"]["w"]
    np.testing.assert_array_equal(layer.weight, w.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(layer.activation, x.transpose(0, 3, 1, 2).astype(int) + 3)
    np.testing.assert_array_equal(layer.bias, b)
    assert note["weight_scale"] == pytest.approx(scales.tolist()) and "zero" in note["weight_integers"]
    steps = np.clip(np.rint(real_output(trace, layer) / np.float32(.2)) + 10, -128, 127).transpose(0, 2, 3, 1)
    assert np.abs(steps - model_output(path, x)).max() <= 1


def test_one_network_one_digest(build, tmp_path, save):
    """As ONNX: names, integers and edges are equal where both runtimes add in one order."""
    onnx = pytest.importorskip("onnx", reason="needs: pip install accelsim[onnx]")
    x = RNG.integers(-8, 8, (1, 6, 6, 2)).astype(np.float32)
    w, v = (RNG.integers(-7, 8, shape).astype(np.float32) for shape in ((4, 3, 3, 2), (3, 1, 1, 4)))
    w[0, 0, 0, 0], v[0, 0, 0, 0], x[0, 0, 0, 0] = 127, 127, 127
    i, a, b = build.tensor("x", x.shape), build.constant("a", w), build.constant("b", v)
    zeros = [build.constant(f"zero{n}", np.zeros(n, np.float32)) for n in (4, 3)]
    h, y = build.tensor("h", (1, 4, 4, 4)), build.tensor("y", (1, 4, 4, 3))
    build.op("CONV_2D", [i, a, zeros[0]], [h], "Conv2DOptions", **conv_options(fusedActivationFunction=1))
    build.op("CONV_2D", [h, b, zeros[1]], [y], "Conv2DOptions", **conv_options())
    trace = accelsim.record(build.save(tmp_path / "m.tflite", [i], [y]), x)
    node = onnx.helper.make_node
    path = save([node("Conv", ["x", "a.weight", "zero4"], ["h"]), node("Relu", ["h"], ["r"]),
                 node("Conv", ["r", "b.weight", "zero3"], ["y"])], {"x": (1, 2, 6, 6)},
                {"a.weight": w.transpose(0, 3, 1, 2), "b.weight": v.transpose(0, 3, 1, 2),
                 "zero4": np.zeros(4, np.float32), "zero3": np.zeros(3, np.float32)}, ["y"])
    assert trace.digest == accelsim.record(path, x.transpose(0, 3, 1, 2)).digest


def linear(build, tmp_path, change=lambda build: None):
    i, c, y = build.tensor("x", (2, 8)), build.constant("w", floats(5, 8)), build.tensor("y", (2, 5))
    build.op("FULLY_CONNECTED", [i, c, -1], [y], "FullyConnectedOptions")
    change(build)
    return build.save(tmp_path / "m.tflite", [i], [y])


def test_operators_without_a_rule_are_named(build, tmp_path):
    def change(build):
        build.op("CUSTOM", [2], [build.tensor("z", (2, 5))])
        build.op("SVDF", [2], [build.tensor("s", (2, 5))])
    path = linear(build, tmp_path, change)
    with pytest.raises(accelsim.RecordError, match=r"m\.tflite: CUSTOM:mine 'z', SVDF 's'.*--skip"):
        accelsim.record(path, floats(2, 8))
    trace = accelsim.record(path, floats(2, 8), skip=["CUSTOM:mine", "s"])
    assert trace.made_by["left_out"] == ["CUSTOM:mine 'z'", "SVDF 's'"]
    with pytest.raises(accelsim.RecordError, match=r"skip names \['nothing'\]"):
        accelsim.record(path, floats(2, 8), skip=["CUSTOM:mine", "s", "nothing"])


@pytest.mark.parametrize(("change", "words"), [
    (lambda b: setattr(b.tensors[1], "buffer", 99), "buffer 99"),
    (lambda b: setattr(b.tensors[1], "shape", [5, 7]), "holds 40 values"),
    (lambda b: setattr(b.tensors[1], "shape", [1 << 20, 1 << 12]), "would have shape"),
    (lambda b: setattr(b.operators[0], "inputs", [0, 77, -1]), "not there"),
    (lambda b: setattr(b.operators[0], "opcodeIndex", 9), "not there"),
    (lambda b: setattr(b.operators[0], "inputs", [0]), "not a readable TFLite model"),
    (lambda b: setattr(b.tensors[0], "shape", [-2, 8]), "shape"),
])
def test_models_that_do_not_fit_together(build, tmp_path, change, words):
    with pytest.raises(accelsim.RecordError, match=rf"m\.tflite.*{words}"):
        accelsim.record(linear(build, tmp_path, change), floats(2, 8))


def test_no_tflite_file(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"hello, this is no model")
    with pytest.raises(accelsim.RecordError, match=r"m\.tflite: not a readable TFLite model"):
        accelsim.record(tmp_path / "m.tflite", floats(2, 8))


def test_blocks_of_a_sparse_tensor():
    """4 x 4 in blocks of 2 x 2: rows of blocks dense, columns of blocks compressed, blocks dense."""
    dense = np.zeros((4, 4), np.float32)
    dense[:2, 2:], dense[2:, :2] = [[1, 2], [3, 4]], [[5, 6], [7, 8]]
    vector = SimpleNamespace
    levels = [vector(format=0, denseSize=2), vector(format=1, denseSize=0, arraySegments=vector(values=[0, 1, 2]),
                                                    arrayIndices=vector(values=[1, 0])),
              vector(format=0, denseSize=2), vector(format=0, denseSize=2)]
    sparsity = vector(traversalOrder=[0, 1, 2, 3], blockMap=[0, 1], dimMetadata=levels)
    np.testing.assert_array_equal(densified(sparsity, np.arange(1, 9, dtype=np.float32), (4, 4)), dense)
    for values, segments, indices in ((7, [0, 1, 2], [1, 0]), (8, [0, 2, 1], [1, 0]), (8, [0, 1, 2], [1, 9]),
                                      (8, [0, 2], [1, 0])):
        levels[1].arraySegments.values, levels[1].arrayIndices.values = segments, indices
        with pytest.raises(ValueError, match=r"values|level"):
            densified(sparsity, np.ones(values, np.float32), (4, 4))


@pytest.mark.slow
def test_the_sparse_face_detector():
    """The production network: 91 layers, two of three point-wise weights zero, its score kept."""
    folder = Path(os.environ.get("ACCELSIM_FACE_DETECTOR", "face_detector"))
    if not (folder / "face_detection_full_range_sparse.tflite").is_file():
        pytest.skip("set ACCELSIM_FACE_DETECTOR to the folder that examples/face_detector.py fetches")
    data = pytest.importorskip("skimage.data", reason="the photograph comes with scikit-image")
    transform = pytest.importorskip("skimage.transform")
    image = (transform.resize(data.astronaut(), (192, 192), anti_aliasing=True) * 2 - 1).astype(np.float32)[None]
    path = folder / "face_detection_full_range_sparse.tflite"
    for options, drift in (({"bits": 16}, 0.002), ({}, 0.3)):
        trace = accelsim.record(path, image, **options)
        assert len(trace) == 91 and trace.made_by["rounding_drift"]["relative_l2"] < drift
        heads = [x for x in trace if x.op == "conv2d" and x.weight.shape == (4, 1, 3, 3)]
        note = trace.made_by["layers"][heads[-1].name]
        score = 1 / (1 + np.exp(-(heads[-1].output() * note["weight_scale"] * note["activation_scale"]).max()))
        assert score == pytest.approx(0.9065, abs=0.001 if options else 0.05)
