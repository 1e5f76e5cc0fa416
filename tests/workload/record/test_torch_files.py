"""PyTorch's files: one network, one trace; programs that may not run; weights that are sparse, masked or narrow."""

import copy
import json
import os
import shutil
import warnings
import zipfile

import numpy as np
import pytest

import accelsim
from accelsim.workload.importers.limits import Limits

torch = pytest.importorskip("torch", reason="recording PyTorch models needs: pip install accelsim[torch]")
RNG = np.random.default_rng(7)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


class Net(torch.nn.Module):
    """A convolution, a cell and a classifier."""

    def __init__(self):
        super().__init__()
        self.c = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.lstm = torch.nn.LSTM(16, 8, batch_first=True)
        self.fc = torch.nn.Linear(128, 10)

    def forward(self, x):
        h = torch.relu(self.c(x)).amax(3)
        return self.fc(h.flatten(1)), self.lstm(h)[0]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Net().eval()


X = floats(2, 3, 16, 16)


@pytest.fixture(scope="module")
def digest(net):
    return accelsim.record(net, X).digest


def saved(model, path, x=X):
    """The model at `path`, in the format that its ending says."""
    tensor = torch.from_numpy(x).to(next(model.parameters()).dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == ".pt2":
            torch.export.save(torch.export.export(model, (tensor,)), path)
        elif path.suffix == ".onnx":
            torch.onnx.export(model, (tensor,), str(path), dynamo="dynamo" in path.name, verbose=False)
        else:
            torch.jit.save(torch.jit.script(model), path)
    return path


@pytest.mark.parametrize("name", ["net.pt2", "net.pt", "net.onnx"])
def test_one_network_one_digest(net, digest, tmp_path, name):
    if name.endswith("onnx"):
        pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
    assert accelsim.record(saved(net, tmp_path / name), X).digest == digest


def test_an_exported_program_object(net, digest):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(net, (torch.from_numpy(X),))
    assert accelsim.record(program, X).digest == digest


def test_the_dynamo_exporter(net, digest, tmp_path):
    """It renames the cell, so digests differ; the integers do not."""
    pytest.importorskip("onnxscript", reason="torch.onnx.export(dynamo=True) needs onnxscript")
    pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
    trace, other = accelsim.record(saved(net, tmp_path / "dynamo.onnx"), X), accelsim.record(net, X)
    assert [x.name for x in trace][:2] == [x.name for x in other][:2] == ["c", "fc"]
    for a, b in zip(trace, other, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)
        np.testing.assert_array_equal(a.activation, b.activation)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_precisions_are_computed_in_float32(net, tmp_path, kind):
    model = copy.deepcopy(net).to(getattr(torch, kind))
    wide = copy.deepcopy(model).float()
    wanted = accelsim.record(wide, X).digest
    for source in (model, saved(model, tmp_path / "net.pt2"), saved(model, tmp_path / "net.pt")):
        trace = accelsim.record(source, X)
        assert trace.digest == wanted and trace.made_by["computed"] == [f"{kind} computed in float32"]
    assert next(model.parameters()).dtype == getattr(torch, kind)


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr", "to_sparse_csc"])
def test_sparse_weights(net, digest, layout):
    model = copy.deepcopy(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fc.weight = torch.nn.Parameter(getattr(model.fc.weight.data, layout)())
    before = model.fc.weight
    trace = accelsim.record(model, X)
    assert trace.digest == digest and trace.made_by["computed"] == ["sparse weights computed dense"]
    assert model.fc.weight is before


def semi_structured(weight):
    conversions = pytest.importorskip("torch.sparse._semi_structured_conversions")
    packed, meta = conversions.sparse_semi_structured_from_dense_cutlass(weight)
    return torch.sparse.SparseSemiStructuredTensorCUTLASS(weight.shape, packed=packed, meta=meta, packed_t=None,
                                                          meta_t=None, compressed_swizzled_bitmask=None)


@pytest.mark.filterwarnings("ignore")
def test_2_4_weights(tmp_path):
    linear = torch.nn.Linear(64, 32).half()
    weight = linear.weight.data.clone()
    weight[:, 1::2] = 0
    linear.weight = torch.nn.Parameter(weight)
    dense = accelsim.record(torch.nn.Sequential(linear), floats(2, 64)).layers[0].weight
    linear.weight = torch.nn.Parameter(semi_structured(weight), requires_grad=False)
    np.testing.assert_array_equal(accelsim.record(torch.nn.Sequential(linear), floats(2, 64)).layers[0].weight, dense)
    pytest.importorskip("onnxruntime", reason="networks of weights need: pip install accelsim[onnx]")
    torch.save(linear.state_dict(), tmp_path / "w.pt")
    (tmp_path / "net.yaml").write_text("name: n\ninputs: {x: [2, 64]}\noutputs: [y]\nnodes:\n"
                                       "  - {op: Gemm, in: [x, weight, bias], out: [y], with: {transB: 1}}\n")
    trace = accelsim.record(tmp_path / "w.pt", floats(2, 64), network=tmp_path / "net.yaml")
    np.testing.assert_array_equal(trace.layers[0].weight, dense)


class Writes(torch.nn.Module):
    def forward(self, x):
        torch.save(x, "/tmp/accelsim-was-here")
        return x @ x.T


class Reads(torch.nn.Module):
    def forward(self, x):
        return x @ x.T + torch.from_file("/etc/passwd", False, 4, dtype=torch.uint8).sum()


class Prints(torch.nn.Module):
    def forward(self, x):
        print(x)
        return x @ x.T


class RunsOnLoading(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.training = False

    @torch.jit.export
    def __getstate__(self):
        return (self.training,)

    @torch.jit.export
    def __setstate__(self, state: tuple[bool]):
        self.training = state[0]
        torch.save(torch.zeros(1), "/tmp/accelsim-was-here")

    def forward(self, x):
        return x @ x.T


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("module", "word"), [
    (Writes, "aten::save"), (Reads, "aten::from_file"), (Prints, "prim::Print"), (RunsOnLoading, "__setstate__")])
def test_programs_that_may_not_run(tmp_path, module, word):
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.script(module()), path)
    shutil.rmtree("/tmp/accelsim-was-here", ignore_errors=True)
    with pytest.raises(accelsim.RecordError, match=rf"model\.pt.*{word}"):
        accelsim.record(path, floats(2, 3))
    assert not os.path.exists("/tmp/accelsim-was-here")


def rewritten(path, change):
    """A .pt2 file with its program changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in members if n.endswith("models/model.json"))
    program = json.loads(members[name])
    change(program)
    members[name] = json.dumps(program).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize("target", ["torch.ops.aten.from_file.default", "torch.load", "os.system", "builtins.eval",
                                    "torch.ops.aten.relu.nowhere", "_operator.attrgetter", "torch.ops.mine.op.default"])
def test_exported_programs_call_known_operators_alone(net, tmp_path, target):
    path = rewritten(saved(net, tmp_path / "net.pt2"),
                     lambda program: program["graph_module"]["graph"]["nodes"][1].update(target=target))
    with pytest.raises(accelsim.RecordError, match=rf"net\.pt2: calls {target}, outside"):
        accelsim.record(path, X)


def test_guards_and_expressions_of_a_program_are_never_evaluated(net, tmp_path):
    def change(program):
        program["guards_code"] = ["__import__('os').abort()"]
        program["graph_module"]["graph"]["sym_int_values"] = {
            "s": {"as_expr": {"expr_str": "__import__('os').abort()", "hint": None}}}
    path = rewritten(saved(net, tmp_path / "net.pt2"), change)
    assert len(accelsim.record(path, X)) == 3


@pytest.mark.parametrize(("change", "words"), [
    (lambda p: p.pop("graph_module"), "not a readable torch.export file"),
    (lambda p: p["graph_module"]["graph"]["nodes"][0]["inputs"][0].update(arg={"as_custom_obj": {}}), "no rule"),
    (lambda p: p["graph_module"]["signature"]["input_specs"][0].update(parameter={}), "net.pt2"),
])
def test_programs_that_do_not_fit_together(net, tmp_path, change, words):
    with pytest.raises(accelsim.RecordError, match=words):
        accelsim.record(rewritten(saved(net, tmp_path / "net.pt2"), change), X)


def test_a_pickled_module_is_never_loaded(net, tmp_path):
    torch.save(net, tmp_path / "net.pt")
    with pytest.raises(accelsim.RecordError, match=r"net\.pt: .*never loaded as such"):
        accelsim.record(tmp_path / "net.pt", X)
    (tmp_path / "net.yaml").write_text("name: n\ninputs: {x: [2, 8]}\noutputs: [y]\nnodes:\n"
                                       "  - {op: MatMul, in: [x, w], out: [y]}\n")
    pytest.importorskip("onnx", reason="networks of weights need: pip install accelsim[onnx]")
    with pytest.raises(accelsim.RecordError, match=r"net\.pt: holds more than tensors.*never unpickled"):
        accelsim.record(tmp_path / "net.pt", floats(2, 8), network=tmp_path / "net.yaml")


class Endless(torch.nn.Module):
    def forward(self, x):
        y = x
        while bool(y.sum() < 1e30):
            y = y * 1.0
        return y @ x.T


class Huge(torch.nn.Module):
    def forward(self, x):
        return x @ x.T + torch.ones([1 << 40]).sum()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("module", "words"), [
    (Endless, "more than 0.5 s of CPU"), (Huge, "1,099,511,627,776 elements")])
def test_programs_that_ask_for_too_much(tmp_path, module, words):
    torch.jit.save(torch.jit.script(module()), tmp_path / "model.pt")
    for source in (module(), tmp_path / "model.pt"):
        with pytest.raises(accelsim.RecordError, match=words):
            accelsim.record(source, floats(2, 3), limits=Limits(seconds=0.5))
