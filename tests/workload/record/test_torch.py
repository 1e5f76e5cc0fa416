"""PyTorch: operators are met on whatever path they are called; what carries MACs is recorded or named."""

import numpy as np
import pytest

import accelsim

torch = pytest.importorskip("torch", reason="recording PyTorch models needs the extra: pip install accelsim[torch]")
nn, functional = torch.nn, torch.nn.functional
RNG = np.random.default_rng(4)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def module(function, **parameters):
    """A module around a function of (self, x)."""
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            for name, value in parameters.items():
                setattr(self, name, nn.Parameter(torch.from_numpy(value)) if isinstance(value, np.ndarray) else value)

        def forward(self, x):
            return function(self, x)

    return Wrapped()


@pytest.mark.parametrize("options", [
    {}, {"stride": 2, "padding": (1, 2)}, {"groups": 2}, {"groups": 4}, {"dilation": 2}, {"padding": "same"},
    {"padding": "same", "kernel_size": 4}, {"bias": False}, {"padding": 1, "padding_mode": "reflect"}])
def test_conv2d(real_output, options):
    torch.manual_seed(0)
    layer_options = {"kernel_size": 3} | options
    model, x = nn.Conv2d(4, 8, **layer_options), floats(2, 4, 9, 8)
    trace = accelsim.record(model, x, bits=16)
    wanted = model(torch.from_numpy(x)).detach().numpy()
    (layer,) = trace.layers
    assert np.abs(real_output(layer, trace) - wanted).max() < np.abs(wanted).max() / 2000
    assert layer.groups == options.get("groups", 1)


def test_conv1d_without_a_batch(real_output):
    torch.manual_seed(0)
    model, x = nn.Conv1d(3, 5, 4, stride=2, padding=1), floats(3, 16)
    trace = accelsim.record(model, x, bits=16)
    wanted = model(torch.from_numpy(x)).detach().numpy()
    actual = real_output(trace.layers[0], trace)[0, :, 0]
    assert np.abs(actual - wanted).max() < np.abs(wanted).max() / 2000


def test_zero_padding_in_front_is_padding():
    model = nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(2, 3, 3, stride=2))
    x = floats(1, 2, 8, 8)
    (layer,) = accelsim.record(model, x).layers
    assert layer.padding == (1, 1) and np.count_nonzero(layer.activation) <= x.size


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(real_output, groups):
    torch.manual_seed(0)
    model, x = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=groups, bias=False), floats(2, 4, 5, 7)
    trace = accelsim.record(model, x, bits=16)
    (layer,) = trace.layers
    columns = real_output(layer, trace).reshape(groups, 2, 35, -1).transpose(1, 0, 3, 2).reshape(2, 54, 35)
    folded = functional.fold(torch.from_numpy(columns), (9, 13), 3, stride=2, padding=1).numpy()
    wanted = model(torch.from_numpy(x)).detach().numpy()
    assert np.abs(folded - wanted).max() < np.abs(wanted).max() / 2000
    assert layer.macs_dense == 2 * 35 * 4 * (6 // groups) * 9


@pytest.mark.parametrize(("function", "parameters", "macs"), [
    (lambda self, x: x @ self.w, {"w": floats(6, 3)}, 4 * 5 * 6 * 3),
    (lambda self, x: self.w @ x.transpose(1, 2), {"w": floats(3, 6)}, 4 * 5 * 6 * 3),
    (lambda self, x: x @ x.transpose(1, 2), {}, 4 * 5 * 6 * 5),
    (lambda self, x: torch.einsum("bij,bkj->bik", x, x), {}, 4 * 5 * 6 * 5),
    (lambda self, x: torch.einsum("bij,kj->bik", x, self.w), {"w": floats(3, 6)}, 4 * 5 * 6 * 3),
    (lambda self, x: torch.addmm(self.b, x[0], self.w), {"w": floats(6, 3), "b": floats(3)}, 5 * 6 * 3),
    (lambda self, x: torch.baddbmm(x @ x.mT, x, x.mT), {}, 2 * 4 * 5 * 6 * 5),
    (lambda self, x: functional.scaled_dot_product_attention(x, x, x), {}, 2 * 4 * 5 * 6 * 5),
    (lambda self, x: functional.linear(x, self.w.reshape(3, 6)), {"w": floats(18)}, 4 * 5 * 6 * 3),
    (lambda self, x: x[0] @ self.w, {"w": floats(6)}, 5 * 6)])
def test_functions(function, parameters, macs):
    trace = accelsim.record(module(function, **parameters), floats(4, 5, 6))
    assert sum(layer.macs_dense for layer in trace) == macs


def test_a_transformer_layer_names_its_products():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    trace = accelsim.record(model, floats(2, 5, 8), prune="magnitude:0.5")
    assert [layer.name for layer in trace] == [
        "self_attn.in_proj", "self_attn.matmul", "self_attn.matmul#2", "self_attn.out_proj", "linear1", "linear2"]
    notes = trace.made_by["layers"]
    assert [notes[n]["weight"] for n in ("self_attn.in_proj", "self_attn.matmul")] == ["constant", "activation"]
    assert ("self_attn.matmul", "self_attn.matmul#2") in trace.edges
    assert trace.made_by["pruning"][0]["left_as_they_are"] == ["self_attn.matmul", "self_attn.matmul#2"]
    again = accelsim.prune(trace, "magnitude:0.75")
    assert again.made_by["pruning"][1]["left_as_they_are"] == ["self_attn.matmul", "self_attn.matmul#2"]


def test_cells_in_a_loop_are_unrolled(real_output):
    """An LSTMCell called step by step: rows are its real states."""
    torch.manual_seed(1)

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(3, 4)

        def forward(self, x):
            h, c = torch.zeros(2, 4), torch.zeros(2, 4)
            states = []
            for step in x:
                states.append(h)
                h, c = self.cell(step, (h, c))
            return torch.stack(states)

    model, x = Steps(), floats(6, 2, 3)
    trace = accelsim.record(model, x, bits=16, unrolled=True)
    wanted = model(torch.from_numpy(x)).detach().numpy().reshape(12, 4)
    hidden, note = trace["cell.hh"], trace.made_by["layers"]["cell.hh"]
    np.testing.assert_allclose(hidden.activation[0] * note["activation_scale"], wanted, atol=note["activation_scale"])
    assert trace["cell.ih"].activation.shape == (1, 12, 3) and "6 calls" in note["calls"]
    (cell,) = accelsim.record(model, x, bits=16)
    assert (cell.name, cell.op, cell.activation.shape) == ("cell", "recurrent", (6, 2, 3))
    scale = cell.cell.scales.state
    np.testing.assert_allclose(cell.states[0].reshape(12, 4) * scale, wanted, atol=scale)


@pytest.mark.parametrize(("module", "directions"), [
    (lambda: nn.LSTM(5, 6, proj_size=4, bidirectional=True), ("forward", "reverse")),
    (lambda: nn.GRU(5, 6), ("forward",)),
    (lambda: nn.RNN(5, 6, nonlinearity="relu", bidirectional=True), ("forward", "reverse"))])
def test_a_recorded_cell_computes_the_states_that_were_recorded(module, directions):
    """From the integers of the trace alone, the cell's own arithmetic gives the model's states within its rounding."""
    torch.manual_seed(3)
    model = module()
    trace = accelsim.record(model, floats(7, 2, 5), bits=16)
    (layer,) = trace
    assert layer.cell.directions == directions
    weights = dict(layer.weights)
    gates = layer.weight.shape[1]
    weights["bias"] = layer.bias[:, :gates]
    if layer.cell.kind == "gru":
        weights["recurrent_bias"] = np.concatenate([0 * layer.bias[:, :gates - 6], layer.bias[:, gates:]], axis=1)
    again = accelsim.recurrent("again", layer.cell, layer.activation, weights)
    assert np.array_equal(again.bias, layer.bias)
    error = (again.states.astype(int) - layer.states) * layer.cell.scales.state
    assert np.abs(error).max() < 2e-3 and np.abs(layer.states).max() > 0


def test_edges_follow_the_data_through_operators_in_place():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            left = self.a(x).relu_()
            right = self.b(x)
            right += left
            return self.c(right)

    assert accelsim.record(Net(), floats(2, 4)).edges == (("a", "c"), ("b", "c"))


@pytest.mark.parametrize(("function", "words"), [
    (lambda self, x: torch.fft.rfft(x).real, "_fft_r2c"),
    (lambda self, x: functional.conv3d(x[None, None], torch.ones(1, 1, 1, 1, 1)), "over 3 axes"),
    (lambda self, x: torch.linalg.solve(x @ x.mT + torch.eye(5), x), "linalg"),
    (lambda self, x: torch.cdist(x, x), "cdist")])
def test_operators_without_a_rule_are_named(function, words):
    with pytest.raises(accelsim.RecordError, match=words):
        accelsim.record(module(function), floats(4, 5, 6))


def test_what_is_left_out_is_said():
    trace = accelsim.record(module(lambda self, x: torch.fft.rfft(x @ x.mT).real), floats(4, 5, 6), skip=["_fft_r2c"])
    assert trace.made_by["left_out"] == ["_fft_r2c in the model"] and len(trace) == 1


def test_mistakes():
    with pytest.raises(accelsim.RecordError, match=r"running the model on inputs.*failed"):
        accelsim.record(nn.Linear(4, 3), floats(2, 5))
    with pytest.raises(accelsim.RecordError, match="no operator of this model carries MACs"):
        accelsim.record(nn.ReLU(), floats(2, 5))
    with pytest.raises(accelsim.RecordError, match="wanted a path"):
        accelsim.record(3, floats(2, 5))


def test_another_path_for_another_sample():
    model = module(lambda self, x: x @ x.mT if x.sum() > 0 else (x @ x.mT) @ x)
    with pytest.raises(accelsim.RecordError, match="sample 2 takes another path"):
        accelsim.record(model, [np.ones((3, 4), np.float32), -np.ones((3, 4), np.float32)])


def test_from_a_file(tmp_path):
    (tmp_path / "model.py").write_text("import torch\n\ndef make():\n    return torch.nn.Linear(4, 3)\n")
    trace = accelsim.record(f"{tmp_path / 'model.py'}:make", floats(2, 4))
    assert trace.name == "make" and trace.layers[0].weight.shape == (1, 3, 4)
    with pytest.raises(accelsim.RecordError, match="no model could be had"):
        accelsim.record(f"{tmp_path / 'model.py'}:nothing", floats(2, 4))
