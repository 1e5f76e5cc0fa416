"""ONNX as today's tools write it: each layer computes what the model computes."""

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
node = onnx.helper.make_node
RNG = np.random.default_rng(6)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def model_output(path, feeds):
    return onnxruntime.InferenceSession(str(path)).run(None, feeds)[0]


def edited(path, edit):
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


def close(actual, wanted):
    assert actual.shape == wanted.shape
    assert np.abs(actual - wanted).max() < np.abs(wanted).max() / 127 / 16


@pytest.mark.parametrize("threshold", [0, 100])
def test_external_data_of_any_size(save, threshold):
    inside = save([node("Conv", ["x", "w"], ["y"])], {"x": (1, 2, 8, 8)}, {"w": floats(4, 2, 3, 3)}, ["y"])
    outside = inside.parent / "apart.onnx"
    onnx.save(onnx.load(inside), outside, save_as_external_data=True, location="w.bin", size_threshold=threshold)
    before = (inside.parent / "w.bin").read_bytes()
    x = floats(1, 2, 8, 8)
    assert accelsim.record(outside, x, prune="magnitude:0.5").digest == accelsim.record(
        inside, x, prune="magnitude:0.5").digest
    assert (inside.parent / "w.bin").read_bytes() == before


@pytest.mark.parametrize("where", ["initializer", "constant", "rows"])
def test_sparse_tensors_are_dense_ones(save, where):
    dense = np.zeros((4, 6), np.float32)
    dense[[0, 1, 3, 3], [2, 5, 0, 4]] = [1, -2, 3, 4]
    x = floats(2, 4)
    plain = accelsim.record(save([node("MatMul", ["x", "w"], ["y"], name="m")], {"x": x.shape}, {"w": dense}, ["y"]), x)
    positions = np.flatnonzero(dense) if where != "rows" else np.argwhere(dense)
    sparse = onnx.helper.make_sparse_tensor(onnx.numpy_helper.from_array(dense[dense != 0], "w"),
                                            onnx.numpy_helper.from_array(positions, "w_at"), [4, 6])
    nodes = [node("MatMul", ["x", "w"], ["y"], name="m")]
    if where == "constant":
        nodes.insert(0, node("Constant", [], ["w"], sparse_value=sparse))
    path = save(nodes, {"x": x.shape}, {}, ["y"])
    if where != "constant":
        edited(path, lambda model: model.graph.sparse_initializer.append(sparse))
    assert accelsim.record(path, x).digest == plain.digest


@pytest.mark.parametrize(("positions", "shape", "words"), [
    ([99], [4, 6], "outside of its shape"), ([1], [1 << 20, 1 << 20], "bytes dense"), ([1, 2], [4, 6], "positions")])
def test_sparse_tensors_that_do_not_fit(save, positions, shape, words):
    sparse = onnx.SparseTensorProto(values=onnx.numpy_helper.from_array(np.ones(1, np.float32), "w"), dims=shape,
                                    indices=onnx.numpy_helper.from_array(np.array(positions), "i"))
    path = save([node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)}, {}, ["y"])
    edited(path, lambda model: model.graph.sparse_initializer.append(sparse))
    with pytest.raises(accelsim.RecordError, match=f"sparse tensor 'w'.*{words}"):
        accelsim.record(path, floats(2, 4))


def test_bfloat16_is_float32(save):
    weight = (floats(4, 3, 3, 3).view(np.uint32) & 0xFFFF0000).view(np.float32)
    x = floats(1, 3, 6, 6)
    plain = accelsim.record(save([node("Conv", ["x", "w"], ["y"], name="c")], {"x": x.shape}, {"w": weight}, ["y"]), x)
    kind = onnx.TensorProto.BFLOAT16
    path = save([node("Cast", ["x"], ["h"], to=kind), node("Conv", ["h", "w"], ["c"], name="c"),
                 node("Cast", ["c"], ["y"], to=onnx.TensorProto.FLOAT)], {"x": x.shape}, {}, ["y"])
    raw = (weight.reshape(-1).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    tensor = onnx.TensorProto(name="w", dims=weight.shape, data_type=kind, raw_data=raw)
    edited(path, lambda model: model.graph.initializer.append(tensor))
    trace = accelsim.record(path, x)
    assert trace.digest == plain.digest and "float32" in trace.made_by["bfloat16"]


EINSUMS = {"bij,jk->bik": ((2, 3, 4), (4, 5)), "ij,kj": ((3, 4), (5, 4)), "ncij,ck->nkij": ((1, 2, 5, 5), (2, 3)),
           "ijk,jkl->il": ((3, 4, 5), (4, 5, 6)), "i,j->ij": ((3,), (4,)), "i,i->": ((4,), (4,)),
           "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)), "bhid,bhjd->bhij": ((1, 2, 3, 4), (1, 2, 5, 4))}


@pytest.mark.parametrize("constant", [0, 1, None])
@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum_is_a_matrix_product(save, real_output, equation, constant):
    operands = {name: floats(*shape) for name, shape in zip("ab", EINSUMS[equation], strict=True)}
    given = {n: v for i, (n, v) in enumerate(operands.items()) if i != constant}
    fixed = {n: v for n, v in operands.items() if n not in given}
    path = save([node("Einsum", ["a", "b"], ["y"], name="e", equation=equation)],
                {n: v.shape for n, v in given.items()}, fixed, ["y"])
    trace = accelsim.record(path, given, bits=16)
    (layer,) = trace.layers
    wanted = np.einsum(equation, *operands.values())
    assert layer.macs_dense == np.prod([dict(zip("".join(equation.partition("->")[0].split(",")), [
        n for v in operands.values() for n in v.shape], strict=True))[label] for label in set(
            equation.partition("->")[0]) - {","}])
    got = np.sort(real_output(layer, trace).reshape(-1))
    close(got, np.sort(wanted.reshape(-1).astype(np.float64)))


@pytest.mark.parametrize(("equation", "words"), [
    ("ij,jk,kl->il", "3 operands"), ("...ij,jk->...ik", "ellipsis"), ("ii,ij->ij", "repeated"), ("ij,jk->k", "sums")])
def test_einsums_without_a_rule(save, equation, words):
    terms = equation.partition("->")[0].split(",")
    names = "abc"[:len(terms)]
    path = save([node("Einsum", list(names), ["y"], name="e", equation=equation)], dict.fromkeys(names, (3, 3)), {},
                ["y"])
    with pytest.raises(accelsim.RecordError, match=rf"Einsum 'e'.*{words}.*skip"):
        accelsim.record(path, {n: floats(3, 3) for n in names})


def test_an_elementwise_einsum_carries_no_macs(save):
    nodes = [node("Einsum", ["x", "x"], ["s"], equation="ij,ij->ij"), node("MatMul", ["s", "w"], ["y"], name="m")]
    trace = accelsim.record(save(nodes, {"x": (2, 4)}, {"w": floats(4, 3)}, ["y"]), floats(2, 4))
    assert [x.name for x in trace] == ["m"]


@pytest.mark.parametrize("attributes", [
    {}, {"strides": [2, 1, 2], "pads": [1, 1, 0, 1, 1, 0]}, {"dilations": [2, 1, 1], "pads": [2, 0, 0, 1, 0, 0]},
    {"group": 2}])
def test_three_dimensional_convolutions(save, real_output, attributes):
    x, w = floats(2, 4, 5, 6, 7), floats(6, 4 // attributes.get("group", 1), 3, 2, 2)
    path = save([node("Conv", ["x", "w"], ["y"], name="c", **attributes)], {"x": x.shape}, {"w": w}, ["y"])
    trace = accelsim.record(path, x, bits=16)
    wanted = model_output(path, {"x": x})  # [N, K, D, P, Q]
    got = real_output(trace["c"], trace)  # an image per output depth
    close(got.reshape(2, wanted.shape[2], *got.shape[1:]).swapaxes(1, 2), wanted)
    assert "3-D" in trace.made_by["layers"]["c"]["note"]
    assert trace["c"].macs_dense == wanted.size * w[0].size


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_of_a_dilated_convolution(save, real_output, mode, stride):
    x, w = floats(1, 2, 9, 8), floats(3, 2, 3, 2)
    given = {"auto_pad": mode, "dilations": [2, 3], "strides": [stride, stride], "kernel_shape": [3, 2]}
    trace = accelsim.record(save([node("Conv", ["x", "w"], ["y"], name="c", **given)], {"x": x.shape}, {"w": w}, ["y"]),
                            x, bits=16)
    got = real_output(trace["c"], trace)
    assert got.shape[2:] == (-(-9 // stride), -(-8 // stride))
    extents = [max(0, (-(-n // stride) - 1) * stride + d * (k - 1) + 1 - n) for n, d, k in ((9, 2, 3), (8, 3, 2))]
    first = [(e // 2 if mode == "SAME_UPPER" else e - e // 2) for e in extents]
    pads = [*first, *(e - a for e, a in zip(extents, first, strict=True))]
    path = save([node("Conv", ["x", "w"], ["y"], dilations=[2, 3], strides=[stride] * 2, pads=pads)], {"x": x.shape},
                {"w": w}, ["y"])
    close(got, model_output(path, {"x": x}))
