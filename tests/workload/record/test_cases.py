"""Small models that once failed (../shared/golden/cases), each with its right answer; skipped where they are not."""

from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.workload.importers.limits import Limits

pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
CASES = Path(__file__).resolve().parents[4] / "shared" / "golden" / "cases"
RNG = np.random.default_rng(0)
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def record(name, inputs, **options):
    return accelsim.record(CASES / name, inputs, **options)


def test_weights_below_a_page_outside_the_file():
    trace = record("models/exp0.onnx", CASES / "models" / "x.npy")
    assert [(x.op, x.weight.shape) for x in trace] == [("conv2d", (8, 3, 3, 3)), ("matmul", (1, 10, 128))]
    assert [round(np.count_nonzero(x.weight) / x.weight.size, 1) for x in trace] == [0.2, 0.1]
    assert record("attack/gemm.onnx", CASES / "attack" / "xg.npy").layers[0].weight.shape == (1, 20, 16)


def test_sparse_tensors():
    layer = record("models/spinit.onnx", floats(2, 4))["mm"]
    assert layer.weight.shape == (1, 6, 4)
    assert np.flatnonzero(layer.weight[0].T).tolist() == [0, 4, 6, 10, 12, 13, 15, 17, 20, 21]
    assert np.count_nonzero(record("models/spconst.onnx", floats(2, 4))["mm"].weight) == 7


def test_stored_integers():
    trace = record("models/qdq.onnx", 30 * floats(1, 3, 6, 6))
    note = trace.made_by["layers"]["qconv"]
    assert trace["qconv"].weight.reshape(-1)[:8].tolist() == [0, 2, -1, 0, 7, 5, 0, 2]
    assert note["weight_scale"] == pytest.approx([.1, .2, .05, .4]) and note["activation_scale"] == 1
    assert "zero" in note["activation_integers"]
    assert trace["qconv"].activation.min() >= -3 and trace["qconv"].activation.max() <= 252


@pytest.mark.parametrize(("name", "shape"), [("bf16", (1, 3, 6, 6)), ("ein", (1, 2, 4)), ("samedil", (1, 2, 9, 9))])
def test_what_the_runtime_refuses(name, shape):
    trace = record(f"models/{name}.onnx", floats(*shape))
    assert trace.layers[0].weight.shape == {"bf16": (4, 3, 3, 3), "ein": (1, 3, 4), "samedil": (3, 2, 3, 3)}[name]
    if name == "samedil":
        assert trace.layers[0].padding == (2, 2) and trace.layers[0].dilation == (2, 2)


def test_pytorch_files():
    pytest.importorskip("torch", reason="recording PyTorch models needs: pip install accelsim[torch]")
    trace = record("models/n.pt2", CASES / "models" / "x.npy")
    assert [x.name for x in trace] == ["c", "fc"]
    with pytest.raises(accelsim.RecordError, match=r"sd\.pt: .*never.*state dict.*--network"):
        record("models/sd.pt", floats(1, 3, 16, 16))
    trace = record("models/sd.pt", floats(1, 3, 16, 16), network=CASES / "models" / "net.yaml")
    assert np.count_nonzero(trace["c"].weight) / trace["c"].weight.size == pytest.approx(0.2, abs=0.01)


def test_masks_and_shards(tmp_path):
    trace = record("models/masked.safetensors", floats(1, 3, 16, 16), network=CASES / "models" / "net.yaml")
    assert np.count_nonzero(trace["c"].weight) / trace["c"].weight.size == pytest.approx(0.2, abs=0.01)
    assert trace.made_by["weights"]["masked"] == ["c.weight = c.weight_orig * c.weight_mask"]
    network = tmp_path / "net.yaml"
    network.write_text("name: n\ninputs: {x: [1, 3, 9, 9]}\noutputs: [y]\nnodes:\n"
                       "  - {op: Conv, in: [x, c.weight], out: [y]}\n")
    trace = record("models/model.safetensors.index.json", floats(1, 3, 9, 9), network=network)
    assert trace["c"].weight.shape[1:] == (3, 3, 3) and len(trace.made_by["weights"]["shards"]) == 2


@pytest.mark.parametrize(("name", "shape", "words"), [
    ("rec_bbde09cd_m", (1, 3, 5, 5), r"ConvTranspose 'd0': 'w' has shape \[0, 4, 2, 2\]"),
    ("rec_78714342_m", (1, 3, 5, 5), r"If 'd0' has 2 inputs"),
    ("rec_2009249d_m", (5, 1, 4), "LSTM 'l0' has an attribute"),
    ("rec_30833e19_m", (1, 4, 6), "attribute|UTF-8"),
    ("rec_66c053dc_m", (1, 4, 6), r"'bb' would have shape \[1000000000\]"),
    ("rec_7d478184_m", (1, 3, 8, 8), "more than 0.5 s of CPU time")])
def test_attacks(name, shape, words):
    with pytest.raises(accelsim.RecordError, match=rf"{name}\.onnx: .*{words}"):
        record(f"attack/{name}.onnx", floats(*shape), limits=Limits(seconds=0.5))


def test_a_byte_changed_in_a_deflated_member():
    with pytest.raises(accelsim.RecordError, match=r"rec_f73f9da7_i\.npz: not a readable \.npz file"):
        record("models/exp0.onnx", CASES / "attack" / "rec_f73f9da7_i.npz")
