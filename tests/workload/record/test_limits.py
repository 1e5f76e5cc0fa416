"""What running a model may take, and files that ask for more."""

import numpy as np
import pytest

import accelsim
from accelsim.workload.importers.limits import Limits

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
node = onnx.helper.make_node
X = np.ones((1, 2, 8, 8), np.float32)
CONV = node("Conv", ["m", "w"], ["y"])
WEIGHT = {"w": np.ones((1, 2, 3, 3), np.float32)}


def test_limits_are_numbers_above_zero():
    for bad in ({"seconds": 0}, {"gib": -1}, {"constant_mib": float("nan")}, {"seconds": "x"}, {"gib": True}):
        with pytest.raises(accelsim.RecordError, match=next(iter(bad))):
            Limits(**bad)


def loop(save, trips):
    body = onnx.helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Identity", ["v"], ["out"])], "body",
        [onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
         onnx.helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
         onnx.helper.make_tensor_value_info("v", onnx.TensorProto.FLOAT, None)],
        [onnx.ValueInfoProto(name="on"), onnx.ValueInfoProto(name="out")])
    return save([node("Loop", ["trips", "", "x"], ["m"], body=body), CONV], {"x": X.shape},
                WEIGHT | {"trips": np.int64(trips)}, ["y"])


def test_an_endless_loop(save):
    with pytest.raises(accelsim.RecordError, match=r"model\.onnx: .*more than 0.3 s of CPU.*--max-seconds"):
        accelsim.record(loop(save, 1 << 62), X, limits=Limits(seconds=0.3))
    assert len(accelsim.record(loop(save, 10), X)) == 1


@pytest.mark.parametrize("op", ["ConstantOfShape", "OneHot", "Range", "Expand"])
def test_a_constant_of_a_billion(save, op):
    nodes = {"ConstantOfShape": node("ConstantOfShape", ["n"], ["c"]),
             "OneHot": node("OneHot", ["zero", "depth", "values"], ["c"]),
             "Range": node("Range", ["from", "to", "step"], ["ci"]),
             "Expand": node("Expand", ["one", "n"], ["c"])}
    constants = WEIGHT | {"n": np.array([10 ** 9]), "zero": np.array([0]), "depth": np.int64(10 ** 9),
                          "values": np.array([0, 1], np.float32),
                          "one": np.ones(1, np.float32)}
    scalars = [node("Constant", [], [name], value_int=n) for name, n in (("from", 0), ("to", 10 ** 9), ("step", 1))]
    cast = [node("Cast", ["ci"], ["c"], to=1)] if op == "Range" else []
    path = save([*scalars, nodes[op], *cast, node("ReduceMax", ["c"], ["r"], keepdims=0),
                 node("Mul", ["x", "r"], ["m"]), CONV],
                {"x": X.shape}, constants, ["y"])
    with pytest.raises(accelsim.RecordError, match=r"would have shape|too much memory"):
        accelsim.record(path, X)


def test_a_value_that_shapes_do_not_tell(save):
    """The size comes from the input's values, so only the run itself meets it."""
    nodes = [node("ReduceSum", ["x"], ["s"], keepdims=0), node("Cast", ["s"], ["n0"], to=7),
             node("Mul", ["n0", "million"], ["n1"]), node("Reshape", ["n1", "flat"], ["n"]),
             node("ConstantOfShape", ["n"], ["c"]), node("ReduceMax", ["c"], ["r"], keepdims=0),
             node("Add", ["x", "r"], ["m"]), CONV]
    path = save(nodes, {"x": X.shape}, WEIGHT | {"million": np.int64(3 << 20), "flat": np.array([1])}, ["y"])
    with pytest.raises(accelsim.RecordError, match=r"too much memory.*--max-gib"):
        accelsim.record(path, X)
    assert len(accelsim.record(path, X / 100)) == 1


@pytest.mark.parametrize(("change", "words"), [
    (lambda n: n.ClearField("attribute"), "LSTM 'l'.*hidden_size is missing"),
    (lambda n: n.attribute.append(onnx.helper.make_attribute("colour", 3)), "attribute 'colour'"),
    (lambda n: n.attribute[0].CopyFrom(onnx.helper.make_attribute("hidden_size", "x")), "is string, wanted int"),
    (lambda n: n.attribute.append(onnx.helper.make_attribute("direction", "up")), "direction 'up'"),
    (lambda n: n.ClearField("input"), "has 0 inputs"),
])
def test_attributes_are_checked_before_use(save, change, words):
    constants = {"w": np.ones((1, 12, 4), np.float32), "r": np.ones((1, 12, 3), np.float32)}
    path = save([node("LSTM", ["x", "w", "r"], ["y"], name="l", hidden_size=3)], {"x": (5, 1, 4)}, constants, ["y"])
    model = onnx.load(path)
    change(model.graph.node[0])
    path.write_bytes(model.SerializeToString())
    with pytest.raises(accelsim.RecordError, match=rf"model\.onnx: .*{words}"):
        accelsim.record(path, np.ones((5, 1, 4), np.float32))


def test_a_branch_without_branches_and_a_name_that_is_no_text(save):
    path = save([node("If", ["b"], ["m"], name="choice"), CONV], {"x": X.shape}, WEIGHT | {"b": np.array(True)}, ["y"])
    with pytest.raises(accelsim.RecordError, match="If 'choice' lacks else_branch and then_branch"):
        accelsim.record(path, X)
    path = save([node("Conv", ["x", "w"], ["yyyy"], name="name")], {"x": X.shape}, WEIGHT, ["yyyy"])
    path.write_bytes(path.read_bytes().replace(b"yyyy", b"yy\xc3y"))
    with pytest.raises(accelsim.RecordError, match=r"model\.onnx: .*(UTF-8|not a readable)"):
        accelsim.record(path, X)


def test_an_empty_axis(save):
    path = save([node("Conv", ["x", "w"], ["y"], name="c")], {"x": X.shape}, {"w": np.ones((0, 2, 3, 3), np.float32)},
                ["y"])
    with pytest.raises(accelsim.RecordError, match=r"Conv 'c': 'w' has shape \[0, 2, 3, 3\]"):
        accelsim.record(path, X)


def test_nan_names_the_tensor(save):
    path = save([node("Conv", ["x", "conv1.weight"], ["y"], name="c")], {"x": X.shape},
                {"conv1.weight": np.full((1, 2, 3, 3), np.nan, np.float32)}, ["y"])
    with pytest.raises(accelsim.RecordError, match=r"Conv 'c': weight 'conv1\.weight': values hold NaN"):
        accelsim.record(path, X)
