"""One network from PyTorch, TorchScript, ONNX and safetensors with YAML gives one trace.

PyTorch and onnxruntime add in different orders, so a sum may differ in its last bit; where it lies between two steps,
the recorded integer then differs by one. Within one of them all forms of a model give the same bytes.
"""

import warnings

import numpy as np
import pytest

import accelsim

torch = pytest.importorskip("torch", reason="recording PyTorch models needs the extra: pip install accelsim[torch]")
onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
safetensors = pytest.importorskip("safetensors.numpy")
nn = torch.nn

YAML = """
name: net
inputs: {x: [1, 2, 12, 12]}
nodes:
  - {op: Conv, in: [x, conv1.weight, conv1.bias], out: [a], with: {pads: [1, 1, 1, 1]}}
  - {op: Relu, in: [a], out: [b]}
  - {op: Conv, in: [b, conv2.weight], out: [c], with: {strides: [2, 2], group: 2}}
  - {op: Relu, in: [c], out: [d]}
  - {op: Conv, in: [d, conv3.weight], out: [e]}
  - {op: Add, in: [d, e], out: [f]}
  - {op: Flatten, in: [f], out: [g]}
  - {op: Gemm, in: [g, fc.weight, fc.bias], out: [y], with: {transB: 1}}
outputs: [y]
"""


class Net(nn.Module):
    """Convolutions (one grouped), a shortcut and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 2, stride=2, groups=2, bias=False)
        self.conv3 = nn.Conv2d(6, 6, 1, bias=False)
        self.fc = nn.Linear(6 * 36, 5)
        rng = np.random.default_rng(5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.from_numpy(rng.standard_normal(parameter.shape, dtype=np.float32)))

    def forward(self, x):
        d = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return self.fc((d + self.conv3(d)).flatten(1))


@pytest.fixture
def x():
    return np.random.default_rng(6).standard_normal((1, 2, 12, 12), dtype=np.float32)


@pytest.fixture
def from_weights(tmp_path, x):
    """from_weights(model) -> its trace through safetensors and YAML."""
    def record(model, **options):
        tensors = {k: v.detach().numpy() for k, v in model.named_parameters()}
        safetensors.save_file(tensors, tmp_path / "net.safetensors")
        (tmp_path / "net.yaml").write_text(YAML)
        return accelsim.record(tmp_path / "net.safetensors", x, network=tmp_path / "net.yaml", **options)

    return record


def assert_same_but_for_ties(first, second):
    assert [layer.name for layer in first] == [layer.name for layer in second]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)
        steps = np.abs(a.activation.astype(int) - b.activation)
        assert steps.max() <= 1 and steps.mean() < 0.01
    np.testing.assert_array_equal(first.layers[0].activation, second.layers[0].activation)  # nothing was added up yet


@pytest.mark.parametrize("prune", [None, "magnitude:0.5", "nm:1:2", "filter:0.5"])
def test_pytorch_and_onnxruntime(from_weights, x, prune):
    net = Net()
    first = accelsim.record(net, x, prune=prune)
    assert_same_but_for_ties(first, from_weights(net, prune=prune))
    assert first.edges == (("conv1", "conv2"), ("conv2", "conv3"), ("conv2", "fc"), ("conv3", "fc"))


def test_npz_weights_are_the_same(from_weights, x, tmp_path):
    first = from_weights(Net())
    np.savez(tmp_path / "net.npz", **{k: v.detach().numpy() for k, v in Net().named_parameters()})
    assert accelsim.record(tmp_path / "net.npz", x, network=tmp_path / "net.yaml").digest == first.digest


def test_onnx_file_is_the_same(save, from_weights, x):
    node = onnx.helper.make_node
    nodes = [node("Conv", ["x", "conv1.weight", "conv1.bias"], ["a"], pads=[1, 1, 1, 1]), node("Relu", ["a"], ["b"]),
             node("Conv", ["b", "conv2.weight"], ["c"], strides=[2, 2], group=2), node("Relu", ["c"], ["d"]),
             node("Conv", ["d", "conv3.weight"], ["e"]), node("Add", ["d", "e"], ["f"]), node("Flatten", ["f"], ["g"]),
             node("Gemm", ["g", "fc.weight", "fc.bias"], ["y"], transB=1)]
    net = Net()
    path = save(nodes, {"x": x.shape}, {k: v.detach().numpy() for k, v in net.named_parameters()}, ["y"])
    assert accelsim.record(path, x).digest == from_weights(net).digest


def test_torchscript_is_the_same(tmp_path, x):
    net = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(net), tmp_path / "net.pt")
        scripted = accelsim.record(tmp_path / "net.pt", x)
    assert scripted.digest == accelsim.record(net, x).digest


def test_the_module_is_left_as_it_was(x):
    net = Net().train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    accelsim.record(net, x, prune="magnitude:0.9")
    assert net.training and all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_recurrent_layers_are_the_same(save, cell):
    """PyTorch's recurrent layer and an ONNX node of the same weights, gates reordered."""
    torch.manual_seed(2)
    module = getattr(nn, cell)(6, 4, bidirectional=True)
    gates = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}[cell]  # i f g o -> i o f c; r z n -> z r h

    def onnx_order(name):
        array = getattr(module, name).detach().numpy()
        return array.reshape(len(gates), 4, -1)[gates].reshape(array.shape)

    stacks = {k: np.stack([onnx_order(f"weight_{role}_l0{d}") for d in ("", "_reverse")])
              for k, role in (("w", "ih"), ("r", "hh"))}
    stacks["b"] = np.stack([np.concatenate([onnx_order(f"bias_ih_l0{d}"), onnx_order(f"bias_hh_l0{d}")])
                            for d in ("", "_reverse")])
    extra = {"linear_before_reset": 1} if cell == "GRU" else {}
    node = onnx.helper.make_node(cell, ["x", "w", "r", "b"], ["y"], name=f"/{cell}", hidden_size=4,
                                 direction="bidirectional", **extra)
    x = np.random.default_rng(1).standard_normal((5, 2, 6)).astype(np.float32)
    first, second = accelsim.record(module, x), accelsim.record(save([node], {"x": x.shape}, stacks, ["y"]), x)
    assert [n.name for n in first] == ["l0"]
    for a, b in zip(first, second, strict=True):
        assert a.cell.directions == b.cell.directions == ("forward", "reverse") and a.cell.kind == b.cell.kind
        for role in ("weight", "recurrent_weight", "bias", "activation", "states"):
            x, y = a.tensors[role].astype(int), b.tensors[role]
            assert np.abs(x - y).max() <= (role == "states")  # exp and tanh differ in their last bits


def test_real_silero_vad_in_three_formats(site_packages):
    """Same weights and steps from TorchScript and two ONNX exports; names differ, and activations in their last bit."""
    folder = site_packages("silero_vad", "data")
    rng = np.random.default_rng(0)
    audio, state = (rng.standard_normal((1, 576)) / 10).astype(np.float32), np.zeros((2, 1, 128), np.float32)
    feeds = {"input": audio, "state": state, "sr": np.int64(16000)}
    traces = [accelsim.record(folder / "silero_vad_16k_op15.onnx", feeds),
              accelsim.record(folder / "silero_vad_openvino_16k.onnx", {"input": audio, "state": state})]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = accelsim.record(folder / "silero_vad.jit", {"x": audio[:, 64:], "sr": np.int64(16000)})
    assert [layer.op for layer in scripted] == [*["conv2d"] * 5, "recurrent", "conv2d"]
    for first, second, third in zip(traces[0], traces[1], scripted, strict=True):
        for other in (second, third):
            assert first.weight.shape == other.weight.shape and first.activation.shape[-1] == other.activation.shape[-1]
            np.testing.assert_array_equal(first.weight, other.weight)
        assert np.abs(first.activation.astype(int) - second.activation).max() <= 1
