"""Mutated files of every format: a trace, or one error of one line that names the file. No traceback, no hang."""

import json
import warnings
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import accelsim
from accelsim.workload.importers.limits import Limits

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
node = onnx.helper.make_node
RNG = np.random.default_rng(11)
X = RNG.standard_normal((2, 4)).astype(np.float32)
WEIGHT = RNG.standard_normal((4, 6)).astype(np.float32)
NETWORK = "name: n\ninputs: {x: [2, 4]}\noutputs: [y]\nnodes:\n  - {op: MatMul, in: [x, a], out: [y]}\n"


def quantized(folder, save):
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]),
             node("DequantizeLinear", ["w", "ws"], ["wd"], axis=1), node("MatMul", ["d", "wd"], ["y"], name="m")]
    return save(nodes, {"x": X.shape}, {"w": RNG.integers(-9, 9, (4, 6), np.int8), "ws": np.ones(6, np.float32),
                                        "s": np.float32(.1), "z": np.uint8(3)}, ["y"])


def sparse(folder, save):
    tensor = onnx.helper.make_sparse_tensor(onnx.numpy_helper.from_array(np.ones(3, np.float32), "w"),
                                            onnx.numpy_helper.from_array(np.array([1, 5, 9]), "i"), [4, 6])
    path = save([node("MatMul", ["x", "w"], ["m"]), node("Einsum", ["m", "v"], ["y"], equation="ij,jk->ik")],
                {"x": X.shape}, {"v": WEIGHT.T.copy()}, ["y"])
    model = onnx.load(path)
    model.graph.sparse_initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    return path


def tensors(name):
    def write(folder, save):
        if name == "w.safetensors":
            from ml_dtypes import bfloat16

            save_file({"a": WEIGHT.astype(bfloat16), "b": WEIGHT}, folder / name)
        elif name == "w.npz":
            np.savez_compressed(folder / name, a=WEIGHT)
        elif name == "a.smtx":
            (folder / name).write_text("4, 6, 4\n0 1 2 3 4\n0 3 1 5\n")
        elif name == "a.mtx":
            pytest.importorskip("scipy", reason="Matrix Market files need scipy")
            (folder / name).write_text("%%MatrixMarket matrix coordinate real general\n4 6 3\n1 1 2.5\n2 4 -1\n3 2 7\n")
        elif name == "w.index.json":
            save_file({"a": WEIGHT}, folder / "one.safetensors")
            (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": {"a": "one.safetensors"}}))
        else:
            torch = pytest.importorskip("torch", reason="saved state dicts need: pip install accelsim[torch]")
            torch.save({"a": torch.from_numpy(WEIGHT)}, folder / name)
        return folder / name
    return write


def program(name):
    def write(folder, save):
        torch = pytest.importorskip("torch", reason="recording PyTorch models needs: pip install accelsim[torch]")
        model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)).eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name == "m.pt2":
                torch.export.save(torch.export.export(model, (torch.from_numpy(X),)), folder / name)
            else:
                torch.jit.save(torch.jit.script(model), folder / name)
        return folder / name
    return write


def tflite(folder, save):
    from workload.record.tflite_models import Builder, compressed

    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs: pip install accelsim[tflite]")
    build = Builder(schema, pytest.importorskip("flatbuffers"))
    dense = np.where(RNG.random((6, 4)) < 0.5, 1, 0).astype(np.float16)
    dense[:, 0] = 1
    sparsity, values = compressed(schema, dense)
    i, packed = build.tensor("x", X.shape), build.tensor("p", dense.shape, "float16", values, sparsity=sparsity)
    half, wide, y = build.tensor("h", dense.shape, "float16"), build.tensor("w", dense.shape), build.tensor("y", (2, 6))
    build.op("DENSIFY", [packed], [half], "DensifyOptions")
    build.op("DEQUANTIZE", [half], [wide])
    build.op("FULLY_CONNECTED", [i, wide, -1], [y], "FullyConnectedOptions")
    return build.save(folder / "m.tflite", [i], [y])


def listed(name, text):
    def write(folder, save):
        (folder / name).write_text(text)
        return folder / name
    return write


FORMATS = {
    "quantized": quantized, "sparse": sparse, "tflite": tflite, "pt2": program("m.pt2"), "script": program("m.pt"),
    **{name: tensors(name) for name in ("w.safetensors", "w.npz", "w.index.json", "w.pt", "a.mtx", "a.smtx")},
    "topology": listed("t.csv", "Layer, M, N, K, Sparsity,\nG0, 12, 6, 8, 2:4,\n"),
    "stonne": listed("t.txt", "-CONV -R=3 -S=3 -C=6 -G=1 -K=6 -N=1 -X=9 -Y=9\n-FC -M=4 -N=1 -K=8 -MK_sparsity=20\n")}


def mutated(content, rng):
    """Some bytes changed, cut out, doubled or cut off."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at, kind = int(rng.integers(len(data))), rng.random()
        if kind < 0.6:
            data[at] = int(rng.choice([rng.integers(256), data[at] ^ (1 << int(rng.integers(8))), 0, 255]))
        elif kind < 0.75:
            del data[at:at + int(rng.integers(1, 9))]
        elif kind < 0.9:
            data[at:at] = data[at:at + int(rng.integers(1, 9))]
        elif kind < 0.95:
            del data[at:]
        if not data:
            return b""
    return bytes(data)


def rewritten(path, content, rng):
    """`content` mutated; of an archive as a rule one of its members, so that it is more than a bad checksum."""
    if not zipfile.is_zipfile(path) or rng.random() < 0.3:
        return mutated(content, rng)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = list(members)[int(rng.integers(len(members)))]
    target = path.with_suffix(".tmp")
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, mutated(data, rng) if name == chosen and data else data)
    return target.read_bytes()


def search(folder, save, kind, count):
    path = FORMATS[kind](folder, save)
    (folder / "net.yaml").write_text(NETWORK)
    content, rng, refused = path.read_bytes(), np.random.default_rng(sum(kind.encode())), 0
    network = {"network": folder / "net.yaml"} if path.name.startswith(("w.", "a.")) else {}
    for _ in range(count):
        path.write_bytes(content)
        path.write_bytes(rewritten(path, content, rng))
        try:
            if kind in ("topology", "stonne"):
                accelsim.load_workload(path, 0.5, 0.5)
            else:
                accelsim.record(path, X, limits=Limits(seconds=2), **network)
        except accelsim.AccelsimError as error:
            text, refused = str(error), refused + 1
            assert path.name in text or "net.yaml" in text, text
            assert len(text) < 2000 and "\n" not in text, text
    return refused


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_mutated_files(tmp_path, save, kind):
    assert search(tmp_path, save, kind, 25)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_three_thousand_mutated_files(tmp_path, save, kind):
    assert search(tmp_path, save, kind, 3000)
