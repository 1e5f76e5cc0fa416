"""Weight files as tools leave them: shards, masks, half precision, matrices; all one network."""

import json
from contextlib import suppress

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

import accelsim
from accelsim.workload.importers.arrays import read_arrays
from accelsim.workload.importers.matrix_files import read_matrix
from accelsim.workload.importers.weight_files import read_weights

pytest.importorskip("onnx", reason="networks of weights need the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="networks of weights need the extra: pip install accelsim[onnx]")
RNG = np.random.default_rng(8)
WEIGHT = RNG.standard_normal((4, 6)).astype(np.float32)
X = RNG.standard_normal((2, 4)).astype(np.float32)


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("name: n\ninputs: {x: [2, 4]}\noutputs: [y]\nnodes:\n"
                    "  - {op: MatMul, in: [x, a.weight], out: [y]}\n")
    return path


def recorded(path, network):
    return accelsim.record(path, X, network=network)


@pytest.mark.parametrize("kind", [np.float16, np.float64, ml_dtypes.bfloat16])
def test_precisions(tmp_path, network, kind):
    save_file({"a.weight": WEIGHT.astype(kind), "unused": np.zeros(3, np.int64)}, tmp_path / "w.safetensors")
    trace = recorded(tmp_path / "w.safetensors", network)
    save_file({"a.weight": WEIGHT.astype(kind).astype(np.float32)}, tmp_path / "wide.safetensors")
    assert trace.digest == recorded(tmp_path / "wide.safetensors", network).digest


def test_masks(tmp_path, network):
    mask = RNG.random(WEIGHT.shape) < 0.5
    save_file({"a.weight_orig": WEIGHT, "a.weight_mask": mask.astype(np.float32)}, tmp_path / "w.safetensors")
    trace = recorded(tmp_path / "w.safetensors", network)
    np.testing.assert_array_equal(trace.layers[0].weight[0].T != 0, mask)
    assert trace.made_by["weights"]["masked"] == ["a.weight = a.weight_orig * a.weight_mask"]
    save_file({"a.weight_orig": WEIGHT, "a.weight_mask": mask[:2].astype(np.float32)}, tmp_path / "w.safetensors")
    with pytest.raises(accelsim.RecordError, match="its mask"):
        recorded(tmp_path / "w.safetensors", network)


def shards(tmp_path, places):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return tmp_path / "model.safetensors.index.json"


def test_shards(tmp_path, network):
    save_file({"a.weight": WEIGHT}, tmp_path / "one.safetensors")
    save_file({"b.weight": WEIGHT}, tmp_path / "two.safetensors")
    whole = recorded(tmp_path / "one.safetensors", network)
    path = shards(tmp_path, {"a.weight": "one.safetensors", "b.weight": "two.safetensors"})
    trace = recorded(path, network)
    assert trace.digest == whole.digest and sorted(trace.made_by["weights"]["shards"]) == [
        "one.safetensors", "two.safetensors"]


@pytest.mark.parametrize(("content", "words"), [
    ({"weight_map": {"a.weight": "../one.safetensors"}}, "outside its folder"),
    ({"weight_map": {"a.weight": "/etc/passwd"}}, "outside its folder"),
    ({"weight_map": {"a.weight": "absent.safetensors"}}, "is missing"),
    ({"weight_map": {"a.weight": "two.safetensors"}}, "does not hold it"),
    ({"weight_map": {}}, "no index"), ([], "no index"), ({"weight_map": {"a.weight": 3}}, "no index")])
def test_indices_that_do_not_fit(tmp_path, network, content, words):
    save_file({"b.weight": WEIGHT}, tmp_path / "two.safetensors")
    (tmp_path / "i.json").write_text(json.dumps(content))
    with pytest.raises(accelsim.RecordError, match=rf"i\.json: .*{words}"):
        recorded(tmp_path / "i.json", network)
    (tmp_path / "i.json").write_text("{")
    with pytest.raises(accelsim.RecordError, match=r"i\.json: not readable JSON"):
        recorded(tmp_path / "i.json", network)


def test_state_dicts(tmp_path, network):
    torch = pytest.importorskip("torch", reason="saved state dicts need: pip install accelsim[torch]")
    tensor = torch.from_numpy(WEIGHT)
    save_file({"a.weight": WEIGHT}, tmp_path / "w.safetensors")
    wanted = recorded(tmp_path / "w.safetensors", network).digest
    for content in ({"a.weight": tensor}, {"a.weight": tensor.to_sparse()}, {"a.weight": tensor.double()},
                    {"state_dict": {"a.weight": tensor}, "epoch": 3}):
        torch.save(content, tmp_path / "w.pt")
        assert recorded(tmp_path / "w.pt", network).digest == wanted
    torch.save({"a.weight": tensor.bfloat16()}, tmp_path / "w.bin")
    assert recorded(tmp_path / "w.bin", network).layers[0].weight.shape == (1, 6, 4)
    for content in ([tensor], {"epoch": 3}, tensor):
        torch.save(content, tmp_path / "w.pt")
        with pytest.raises(accelsim.RecordError, match=r"w\.pt: .*state_dict"):
            recorded(tmp_path / "w.pt", network)


def test_matrices(tmp_path):
    pytest.importorskip("scipy", reason="Matrix Market files need scipy")
    wanted = np.array([[2.5, 0, 0, 0], [0, 0, 0, -1], [0, 7, 0, 0]])
    file = tmp_path / "a.mtx"
    file.write_text("%%MatrixMarket matrix coordinate real general\n% by hand\n3 4 3\n1 1 2.5\n2 4 -1\n3 2 7\n")
    np.testing.assert_array_equal(read_matrix(file), wanted)
    file.write_text("%%MatrixMarket matrix coordinate pattern general\n3 4 3\n1 1\n2 4\n3 2\n")
    np.testing.assert_array_equal(read_matrix(file), wanted != 0)
    file.write_text("%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n1 1 4\n2 1 5\n")
    np.testing.assert_array_equal(read_matrix(file), [[4, 5], [5, 0]])
    file.write_text("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n")
    np.testing.assert_array_equal(read_matrix(file), [[1, 3], [2, 4]])
    file.write_text("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 5\n")
    np.testing.assert_array_equal(read_matrix(file), [[0, -5], [5, 0]])
    file.write_text("%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n")
    np.testing.assert_array_equal(read_matrix(file), [[1, 2], [2, 3]])
    (tmp_path / "a.smtx").write_text("3, 4, 3\n0 1 2 3\n0 3 1\n")
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.smtx"), wanted != 0)
    assert list(read_weights(tmp_path / "a.smtx")) == ["a"]


@pytest.mark.parametrize("text", [
    "", "3, 4\n0 1 2 3\n0 3 1\n", "3, 4, 3\n0 1 2\n0 3 1\n", "3, 4, 3\n0 1 2 3\n0 3 4\n", "3, 4, 3\n0 2 1 3\n0 3 1\n",
    "3, 4, 3\n0 2 2 3\n1 1 1\n", "3, 4, 3\n0 1 2 3\n0 3 x\n", "1000000, 1000000, 0\n0\n\n",
    "3, 4, 3\n0 1 2 3\n0 3 1\n9\n",
    "99999999999999999999, 4, 3\n0 1\n1\n"])
def test_patterns_that_do_not_fit(tmp_path, text):
    (tmp_path / "a.smtx").write_text(text)
    with pytest.raises(accelsim.RecordError, match=r"a\.smtx: "):
        read_matrix(tmp_path / "a.smtx")


@pytest.mark.parametrize("text", [
    "", "3 4 3\n", "%%MatrixMarket matrix coordinate real general\n3 4 3\n1 1 2.5\n",
    "%%MatrixMarket matrix coordinate real general\n3 4 1\n9 1 2.5\n",
    "%%MatrixMarket matrix coordinate real general\n1000000 1000000 0\n",
    "%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 2 3\n",
    "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 nan\n",
    "%%MatrixMarket matrix coordinate real general\n2 2 99999999999\n1 1 1\n",
    "%%MatrixMarket matrix coordinate real general\n4 6 3\n1 1 2.5\n2 4 -1\n3 2 7J",
    "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2.5.5\n",
    "%%MatrixMarket matrix coordinate real general\n2 2 1\n1.5 1 2\n",
    "%%MatrixMarket matrix coordinate real symmetric\n2 3 1\n1 1 2\n",
    "%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n",
    "%%MatrixMarket matrix array real general\n2 2\n1 2\n3 4\n"])
def test_matrix_markets_that_do_not_fit(tmp_path, text):
    pytest.importorskip("scipy", reason="Matrix Market files need scipy")
    (tmp_path / "a.mtx").write_text(text)
    with pytest.raises(accelsim.RecordError, match=r"a\.mtx: "):
        read_matrix(tmp_path / "a.mtx")


def test_what_a_decoder_says_is_one_line(tmp_path):
    file = tmp_path / "w.index.json"
    file.write_text('{"weight_map": ' + "x\n" * 2000)
    with pytest.raises(accelsim.RecordError) as told:
        read_weights(file)
    assert "\n" not in str(told.value) and len(str(told.value)) < 1000


def test_every_decoder_of_an_archive(tmp_path):
    """One changed byte anywhere in a deflated archive: the arrays, or one error that names the file."""
    file = tmp_path / "a.npz"
    np.savez_compressed(file, x=np.arange(60.0))
    content = file.read_bytes()
    for at in range(len(content)):
        file.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1:])
        with suppress(accelsim.RecordError):
            read_arrays(file)
