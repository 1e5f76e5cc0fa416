"""Recurrent nodes: the recorded steps are the real ones, and together they compute the cell's own next states."""

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
onnxruntime = pytest.importorskip("onnxruntime", reason="recording ONNX models needs: pip install accelsim[onnx]")
STEPS, BATCH, INPUTS, HIDDEN = 5, 2, 6, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recorded(save, op, attributes, with_state=True):
    rng = np.random.default_rng(3)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[op] * HIDDEN
    constants = {"w": rng.standard_normal((directions, rows, INPUTS)),
                 "r": rng.standard_normal((directions, rows, HIDDEN)),
                 "b": rng.standard_normal((directions, 2 * rows))}
    x, h0 = rng.standard_normal((STEPS, BATCH, INPUTS)), rng.standard_normal((directions, BATCH, HIDDEN))
    inputs = {"x": x.shape} | ({"h0": h0.shape} if with_state else {})
    cell = onnx.helper.make_node(op, ["x", "w", "r", "b", "", *(["h0"] if with_state else [])], ["", "last"],
                                 hidden_size=HIDDEN, **attributes)
    path = save([cell], inputs, {k: v.astype(np.float32) for k, v in constants.items()}, ["last"])
    feeds = {"x": x.astype(np.float32)} | ({"h0": h0.astype(np.float32)} if with_state else {})
    trace = accelsim.record(path, feeds, bits=16, unrolled=True)
    return trace, feeds, onnxruntime.InferenceSession(str(path)).run(None, feeds)[0]


def steps_of(trace, real_output, name):
    return real_output(trace[name], trace)[0].reshape(STEPS, BATCH, -1)


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_lstm(save, real_output, direction, with_state):
    trace, _feeds, last = recorded(save, "LSTM", {"direction": direction}, with_state)
    names = [layer.name for layer in trace]
    inputs, states = (steps_of(trace, real_output, n) for n in names)
    inputs = inputs[::-1] if direction == "reverse" else inputs
    cell = np.zeros((BATCH, HIDDEN))
    for t in range(STEPS):
        i, f, g, o = np.split(inputs[t] + states[t], 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        if t + 1 < STEPS:  # the state that the next step was recorded with
            rows = trace[names[1]].activation[0].reshape(STEPS, BATCH, -1)[t + 1]
            np.testing.assert_allclose(rows * trace.made_by["layers"][names[1]]["activation_scale"], hidden, atol=1e-3)
    np.testing.assert_allclose(hidden, last[0], atol=1e-3)
    assert trace.edges == ((names[0], names[1]),)
    assert (trace[names[1]].activation[0, :BATCH] != 0).any() == with_state


@pytest.mark.parametrize("reset_after", [0, 1])
def test_gru(save, real_output, reset_after):
    trace, feeds, last = recorded(save, "GRU", {"linear_before_reset": reset_after})
    names = [layer.name for layer in trace]
    assert [n.rpartition(".")[2] for n in names] == (["ih", "hh"] if reset_after else ["ih", "hh", "hh_candidate"])
    inputs, states = (steps_of(trace, real_output, n) for n in names[:2])
    hidden = feeds["h0"][0]
    for t in range(STEPS):
        gates = np.split(inputs[t], 3, 1)[:2], np.split(states[t], 3 if reset_after else 2, 1)[:2]
        r, z = (sigmoid(a + b) for a, b in zip(*gates, strict=True))
        candidate = (r * np.split(states[t], 3, 1)[2] if reset_after else steps_of(trace, real_output, names[2])[t])
        hidden = (1 - z) * np.tanh(np.split(inputs[t], 3, 1)[2] + candidate) + z * hidden
    np.testing.assert_allclose(hidden, last[0], atol=1e-3)


def test_rnn_in_both_directions(save, real_output):
    trace, _feeds, last = recorded(save, "RNN", {"direction": "bidirectional"})
    names = [layer.name for layer in trace]
    assert [n.rpartition(".")[2] for n in names] == ["ih", "hh", "ih_reverse", "hh_reverse"]
    assert trace.edges == ((names[0], names[1]), (names[2], names[3]))
    forward = np.tanh(steps_of(trace, real_output, names[0])[-1] + steps_of(trace, real_output, names[1])[-1])
    backward = np.tanh(steps_of(trace, real_output, names[2])[0] + steps_of(trace, real_output, names[3])[-1])
    np.testing.assert_allclose(forward, last[0], atol=1e-3)
    np.testing.assert_allclose(backward, last[1], atol=1e-3)


def test_pruning_reaches_each_gate_of_the_right_direction(save):
    rng = np.random.default_rng(3)
    cell = onnx.helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=HIDDEN, direction="bidirectional")
    weights = {"w": rng.standard_normal((2, 16, INPUTS)).astype(np.float32),
               "r": rng.standard_normal((2, 16, HIDDEN)).astype(np.float32)}
    path = save([cell], {"x": (STEPS, 1, INPUTS)}, weights, ["y"])
    x = rng.standard_normal((STEPS, 1, INPUTS)).astype(np.float32)
    trace = accelsim.record(path, x, prune="balanced:4:0.5", bits=16, unrolled=True)
    for layer in trace:
        assert [np.count_nonzero(layer.weight[0, pe::4]) for pe in range(4)] == [layer.weight.size // 8] * 4
    by_hand = {}
    for key, role in (("w", "ih"), ("r", "hh")):
        pruned = np.empty_like(weights[key])
        for d, tail in enumerate(("", "_reverse")):
            mask = trace[f"y.{role}{tail}"].weight[0].reshape(4, HIDDEN, -1) != 0
            pruned[d] = weights[key][d] * mask[[0, 3, 1, 2]].reshape(16, -1)  # i f g o -> i o f c
        by_hand[key] = pruned
    again = accelsim.record(save([cell], {"x": x.shape}, by_hand, ["y"]), x, bits=16, unrolled=True)
    assert again.digest == trace.digest
