"""Recurrent layers: their sums and states against a plain loop and PyTorch's modules, their forms, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.errors import PruneError, TraceError
from accelsim.testing.recurrent_layers import recurrent_layers
from accelsim.workload.formats.survey import storage_of
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.recurrent_cell import CellScales, RecurrentCell


def loop(layer: Recurrent) -> tuple[np.ndarray, np.ndarray]:
    """Sums and states [directions, T, B, ...], one number after the other, as the cell's equations have them."""
    cell, s, h_cells = layer.cell, layer.cell.scales, layer.cells
    limit = np.iinfo(layer.activation.dtype).max
    sums, states = np.zeros_like(layer.output()), np.zeros_like(layer.states)

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    def rounded(v: np.ndarray, scale: float) -> np.ndarray:
        return np.clip(np.rint(v / scale), -limit, limit).astype(int)

    for d, direction in enumerate(cell.directions):
        w, u = layer.weight[d].astype(int), layer.recurrent_weight[d].astype(int)
        b = np.zeros(cell.sums * h_cells, int) if layer.bias is None else layer.bias[d].astype(int)
        for n in range(layer.batch):
            end = layer.steps if layer.lengths is None else layer.lengths[n]
            h, c = np.zeros(layer.outputs, int), np.zeros(h_cells)
            for t in (range(end) if direction == "forward" else reversed(range(end))):
                x = layer.activation[t, n].astype(int)
                states[d, t, n] = h
                wx = np.array([sum(int(p) * int(q) for p, q in zip(row, x, strict=True)) for row in w])
                uh = np.array([sum(int(p) * int(q) for p, q in zip(row, h, strict=True)) for row in u])
                if cell.kind == "lstm":
                    total = list(wx + uh + b)
                    i, f, g, o = np.split(s.product * np.array(total), 4)
                    pi, pf, po = (0, 0, 0) if layer.peepholes is None else s.peephole * layer.peepholes[d].astype(int)
                    i, f = sigmoid(i + pi * c), sigmoid(f + pf * c)
                    c = f * c + i * np.tanh(g)
                    out = sigmoid(o + po * c) * np.tanh(c)
                    if layer.projection is None:
                        h = rounded(out, s.state)
                    else:
                        projected = layer.projection[d].astype(int) @ rounded(out, s.inner)
                        total += list(projected)
                        h = rounded(s.projection * projected, s.state)
                elif cell.kind == "gru":
                    k = h_cells
                    total = list(wx[:2 * k] + uh[:2 * k] + b[:2 * k]) + list(wx[2 * k:] + b[2 * k:3 * k])
                    r, z = np.split(sigmoid(s.product * np.array(total[:2 * k])), 2)
                    if cell.linear_before_reset:
                        of_h = uh[2 * k:] + b[3 * k:]
                        n_gate = np.tanh(s.product * np.array(total[2 * k:]) + r * s.product * of_h)
                    else:
                        of_h = u[2 * k:] @ rounded(r * h * s.state, s.inner) + b[3 * k:]
                        n_gate = np.tanh(s.product * (np.array(total[2 * k:]) + of_h))
                    total += list(of_h)
                    h = rounded((1 - z) * n_gate + z * h * s.state, s.state)
                else:
                    total = list(wx + uh + b)
                    v = s.product * np.array(total)
                    h = rounded(np.tanh(v) if cell.nonlinearity == "tanh" else np.maximum(v, 0), s.state)
                sums[d, t, n] = total
    return sums, states


@given(layer=recurrent_layers())
def test_sums_and_states_are_those_of_a_plain_loop(layer: Recurrent) -> None:
    sums, states = loop(layer)
    assert np.array_equal(layer.output(), sums)
    assert np.array_equal(layer.states, states)


@given(layer=recurrent_layers(), pattern=st.booleans())
def test_what_does_not_know_the_layer_gets_the_same_sums_and_work(layer: Recurrent, pattern: bool) -> None:
    plain = layer.plainly()
    assert np.array_equal(plain.output([one.output() for one in plain.layers]), layer.output())
    assert sum(one.macs_effectual for one in plain.layers) == layer.macs_effectual == layer.pattern().macs_effectual
    assert sum(len(step.sequences) for step in layer.executed(0)) == layer.sequence_steps


@given(layer=recurrent_layers(), pattern=st.booleans())
def test_a_file_holds_the_layer(layer: Recurrent, pattern: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    trace = accelsim.Trace([layer.pattern() if pattern else layer])
    file = trace.save(tmp_path_factory.getbasetemp() / "recurrent.safetensors")
    read = accelsim.load_trace(file)
    assert read.digest == trace.digest
    assert read.layers[0].geometry == trace.layers[0].geometry


TORCH_CELLS = {"lstm": "LSTMCell", "gru": "GRUCell", "rnn": "RNNCell"}


@pytest.mark.parametrize("kind", TORCH_CELLS)
def test_states_are_those_of_pytorch_with_h_rounded_after_each_step(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'accelsim[torch]')")
    rng, gates = np.random.default_rng(5), {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    weights = {"weight": rng.integers(-127, 128, (gates * 6, 9)), "bias": rng.integers(-9000, 9000, gates * 6),
               "recurrent_weight": rng.integers(-127, 128, (gates * 6, 6)),
               "recurrent_bias": rng.integers(-9000, 9000, gates * 6)}
    layer = accelsim.recurrent("l", kind, rng.integers(-127, 128, (12, 3, 9)).astype(np.int8),
                               {k: v if "bias" in k else v.astype(np.int8) for k, v in weights.items()})
    module = getattr(torch.nn, TORCH_CELLS[kind])(9, 6).double()
    scale = layer.cell.scales
    with torch.no_grad():
        for role, name in (("weight", "weight_ih"), ("recurrent_weight", "weight_hh"), ("bias", "bias_ih"),
                           ("recurrent_bias", "bias_hh")):
            unit = scale.product if "bias" in role else scale.product / scale.state
            getattr(module, name).copy_(torch.from_numpy(weights[role] * unit))
        h = c = torch.zeros(3, 6, dtype=torch.float64)
        for t in range(12):
            whole = torch.clamp(torch.round(h / scale.state), -127, 127)
            assert np.array_equal(whole.numpy().astype(int), layer.states[0, t])
            x, h = torch.from_numpy(layer.activation[t] * scale.state), whole * scale.state
            if kind == "lstm":
                h, c = module(x, (h, c))
            else:
                h = module(x, h)


def lstm(steps: int = 4, lengths: list[int] | None = None, **more: np.ndarray) -> Recurrent:
    rng = np.random.default_rng(1)
    weights = {"weight": rng.integers(-99, 99, (64, 5)).astype(np.int8),
               "recurrent_weight": rng.integers(-99, 99, (64, 16)).astype(np.int8)} | more
    return accelsim.recurrent("l", "lstm", rng.integers(-99, 99, (steps, 2, 5)).astype(np.int8), weights,
                              lengths=lengths)


def test_one_step_needs_no_state_and_zeros_stay_zeros() -> None:
    assert not lstm(steps=1).states.any()
    empty = accelsim.recurrent("l", "gru", np.zeros((3, 1, 2), np.int8),
                               {"weight": np.ones((3, 2), np.int8), "recurrent_weight": np.ones((3, 1), np.int8)})
    assert not empty.states.any()
    assert empty.macs_effectual == 0
    assert not empty.output().any()


def test_a_sequence_that_is_over_costs_nothing_and_a_reverse_direction_begins_at_its_own_end() -> None:
    layer = lstm(lengths=[4, 2])
    assert not layer.states[:, 2:, 1].any()
    assert not layer.output()[:, 2:, 1].any()
    assert [list(step.sequences) for step in layer.executed(0)] == [[0, 1], [0, 1], [0], [0]]
    assert layer.macs_dense == 64 * 21 * 6
    both = replace(layer.cell, directions=("reverse",))
    back = accelsim.recurrent("l", both, layer.activation, layer.weights, lengths=[4, 2])
    assert not back.states[0, 1, 1].any()
    assert [step.step for step in back.executed(0)] == [3, 2, 1, 0]


def test_balanced_pruning_gives_each_pe_the_same_share_of_each_gate() -> None:
    pruned = accelsim.prune(lstm(), "balanced:4:0.75")
    for tensor in (pruned.weight, pruned.recurrent_weight):
        for gate in np.split(tensor[0], 4):
            assert {np.count_nonzero(gate[pe::4]) for pe in range(4)} == {gate.size // 16}
    assert np.array_equal(pruned.states, lstm().states)


def test_a_pruned_trace_says_what_moved_and_the_formats_know_every_tensor() -> None:
    pruned = accelsim.prune(accelsim.Trace([lstm()]), "magnitude:0.5")
    note = pruned.made_by["pruning"][-1]["layers"]["l"]
    assert note["sparsity"] == pytest.approx(0.5, abs=0.02)
    assert note["output_drift"] > 0
    assert [s.tensor for s in storage_of(pruned)] == ["weight", "recurrent_weight", "activation", "states"]
    with pytest.raises(PruneError, match="pattern-only"):
        accelsim.prune(lstm().pattern(), "magnitude:0.5")


@pytest.mark.parametrize("arch", ["eie", "scnn"])
def test_machines_without_the_layer_run_it_step_by_step_and_say_so(arch: str) -> None:
    layer = lstm()
    runs = {engine: accelsim.simulate(layer, arch, engine=engine).layers[0] for engine in ("kernel", "reference")}
    assert runs["kernel"].cycles == runs["reference"].cycles
    assert np.array_equal(runs["reference"].output, layer.output())
    assert "it ran 4 matrix products, step by step" in runs["kernel"].run_notes[0]


@pytest.mark.parametrize(("change", "says"), [
    ({"weight": np.ones((63, 5), np.int8)}, "63 rows, wanted a multiple of the 4 gates"),
    ({"weight": np.ones((64, 6), np.int8)}, "6 inputs, activation 5"),
    ({"recurrent_weight": np.ones((64, 5), np.int8)}, "wanted \\[1, 64, 16\\]"),
    ({"recurrent_weight": np.ones((2, 64, 16), np.int8)}, "the first for 1 direction"),
    ({"projection": np.ones((4, 15), np.int8)}, "recurrent_weight has shape"),
    ({"peepholes": np.ones((3, 15), np.int8)}, "peepholes has shape"),
    ({"bias": np.ones(63, int)}, "bias has shape"),
    ({"bias": [[1], [1, 2]]}, "bias is not an array"),
    ({"wieght": np.ones(63, int)}, "wanted a mapping with weight"),
    ({"weight": np.ones((64, 5), bool)}, "some tensors are integers and some bool"),
])
def test_bad_weights_are_one_clear_error(change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(TraceError, match=says):
        lstm(**change)


def test_bad_forms_are_one_clear_error() -> None:
    layer = lstm()
    for make, says in (
            (lambda: RecurrentCell("lstn"), "wanted lstm, gru, rnn"),
            (lambda: RecurrentCell("lstm", "forward"), "directions are"),
            (lambda: RecurrentCell("rnn", nonlinearity="gelu"), "wanted tanh or relu"),
            (lambda: CellScales(0, 1, 1, 1, 1), "product is 0"),
            (lambda: lstm(lengths=[3, 2]), "the largest 4"),
            (lambda: accelsim.recurrent("l", "gru", layer.activation, {**layer.weights, "projection": layer.weight}),
             "a gru has no projection"),
            (lambda: accelsim.recurrent("l", "lstm", layer.activation, layer.weights, states=layer.states[:, 1:]),
             "wanted integers \\[1, 4, 2, 16\\]"),
            (lambda: accelsim.recurrent("l", "lstm", layer.activation, layer.weights, states=layer.states,
                                        inner=layer.states), "inner belong to no product"),
            (lambda: accelsim.recurrent("l", "lstm", layer.activation != 0,
                                        {k: v != 0 for k, v in layer.weights.items()}), "give states")):
        with pytest.raises(TraceError, match=says):
            make()
