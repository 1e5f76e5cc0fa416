"""LSTM, GRU and RNN nodes as the matrix-vector products of their steps, with the hidden states that really occurred.

One node and direction has two sites, which `recorded_cells` makes a recurrent layer of: `ih` multiplies every input
x_t, `hh` every hidden state h_(t-1) that was there before the step. Rows of the activation are steps (of all sequences
of a batch): those of `ih` in the order of time, those of `hh` in the order of execution, which a reverse direction has
the other way. Gates are in PyTorch's order (i, f, g, o; r, z, n). A GRU that resets before multiplying has a third site
for its candidate.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.onnx_graph import Graph
from accelsim.workload.importers.onnx_rules import OnnxSite, Values, attributes, title
from accelsim.workload.importers.site import CellPart, SiteOperands

_GATES = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}  # ONNX has i o f c and z r h
_DIRECTIONS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}  # is it run backwards?
_NUMBER = re.compile(r"(?:LSTM|GRU|RNN)(?:_(\d+))?")


@dataclass(frozen=True)
class _Cell:
    """One direction of a recurrent node; fields name the node's values ('' where it has none)."""

    node: Any
    direction: int
    reverse: bool
    hidden: int
    batch_first: bool
    split: bool  # a GRU that applies the reset gate before the product
    x: str
    y: str
    w: str
    r: str
    b: str
    lengths: str
    h0: str
    functions: tuple[str, ...]
    is_special: bool  # it clips, or couples gates
    peepholes: np.ndarray | None

    def needs(self, *names: str) -> tuple[str, ...]:
        return tuple(n for n in (*names, self.lengths) if n)

    def inputs(self, values: Values) -> np.ndarray:
        """x [time, sequence, input]."""
        x = values[self.x].swapaxes(0, 1) if self.batch_first else values[self.x]
        if self.lengths and (values[self.lengths] != len(x)).any():
            raise RecordError(f"{title(self.node)}: sequences of different lengths are not unrolled; record one at a "
                              "time, or sequences of one length")
        return x

    def states(self, values: Values) -> np.ndarray:
        """h_(t-1) [step, sequence, hidden] in the order of execution."""
        y = values[self.y]  # [T, directions, B, H], batch first: [B, T, directions, H]
        y = y.transpose(1, 2, 0, 3) if self.batch_first else y
        own = y[::-1, self.direction] if self.reverse else y[:, self.direction]
        first = np.zeros_like(own[:1])
        if self.h0:
            h0 = values[self.h0].swapaxes(0, 1) if self.batch_first else values[self.h0]
            first = h0[self.direction:self.direction + 1]
        return np.concatenate([first, own[:-1]])

    def bias(self, values: Values, half: int, gates: list[int]) -> np.ndarray | None:
        if not self.b:
            return None
        halves = values[self.b][self.direction].reshape(2, -1, self.hidden)
        return halves[half, gates].reshape(-1)

    def rows(self, gates: list[int]) -> Callable[[np.ndarray], np.ndarray]:
        """Layout of the weight: this direction's gates, in order, as rows."""
        return lambda a: a[self.direction].reshape(-1, self.hidden, a.shape[2])[gates].reshape(-1, a.shape[2])


def recurrent(graph: Graph, node: Any) -> list[OnnxSite]:
    """The sites of an LSTM, GRU or RNN node."""
    given = attributes(graph, node)
    inputs = [*node.input, *[""] * 8]
    if not node.output or not node.output[0]:  # the states are needed, whether or not the model reads them
        name = f"{node.output[1] if len(node.output) > 1 else node.name}/states"
        if node.output:
            node.output[0] = name
        else:
            node.output.append(name)
    kind = given.get("direction", "forward")
    split = node.op_type == "GRU" and not given.get("linear_before_reset", 0)
    if split and any(a.lower() not in ("sigmoid", "tanh") for a in given.get("activations", [])):
        raise RecordError(f"{title(node)}: a GRU with other activations than Sigmoid and Tanh is not unrolled; leave "
                          "it out (skip)")
    hidden = given.get("hidden_size", 0)
    if hidden < 1 or kind not in _DIRECTIONS:
        raise RecordError(f"{title(node)}: hidden_size is {given.get('hidden_size', 'missing')}, direction {kind!r}; "
                          f"wanted at least 1 and {', '.join(_DIRECTIONS)}; export the model again")
    sites: list[OnnxSite] = []
    for direction, reverse in enumerate(_DIRECTIONS[kind]):
        cell = _Cell(node, direction, reverse, hidden, bool(given.get("layout", 0)), split,
                     inputs[0], node.output[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5],
                     tuple(given.get("activations", ())),
                     bool(given.get("clip") or given.get("input_forget")
                          or (inputs[7] and inputs[7] not in graph.constants)),
                     _peepholes(graph, inputs[7], direction, hidden))
        sites += _layers(cell, _suffix(node, reverse))
    return sites


def _layers(cell: _Cell, suffix: str) -> list[OnnxSite]:
    layer = suffix.removesuffix("_reverse").replace("_", ".")
    gates = _GATES[cell.node.op_type]
    recurrent_gates = gates[:2] if cell.split else gates

    def inputs(values: Values) -> SiteOperands:
        x = cell.inputs(values)
        return SiteOperands(cell.rows(gates)(values[cell.w]), x.reshape(-1, x.shape[2]), cell.bias(values, 0, gates))

    def states(values: Values) -> SiteOperands:
        cell.inputs(values)  # checks the lengths
        h = cell.states(values)
        return SiteOperands(cell.rows(recurrent_gates)(values[cell.r]), h.reshape(-1, cell.hidden),
                        cell.bias(values, 1, recurrent_gates), {"batch": h.shape[1]})

    def candidate(values: Values) -> SiteOperands:
        reset = cell.states(values) * _reset_gate(cell, values)
        return SiteOperands(cell.rows([2])(values[cell.r]), reset.reshape(-1, cell.hidden), cell.bias(values, 1, [2]))

    x, r = cell.needs(cell.x, cell.w, cell.b), cell.needs(cell.x, cell.y, cell.r, cell.b, cell.h0)
    sites = [OnnxSite("linear", x, inputs, cell.w, cell.rows(gates), suffix=f"ih{suffix}", rounds={},
                      cell=_part(cell, "weight", layer)),
             OnnxSite("linear", r, states, cell.r, cell.rows(recurrent_gates), suffix=f"hh{suffix}", rounds={},
                      cell=_part(cell, "recurrent_weight", layer))]
    if cell.split:
        needs = cell.needs(cell.x, cell.y, cell.w, cell.r, cell.b, cell.h0)
        sites.append(OnnxSite("linear", needs, candidate, cell.r, cell.rows([2]), suffix=f"hh_candidate{suffix}",
                              rounds={}, cell=_part(cell, "candidate", layer)))
    return sites


def _peepholes(graph: Graph, name: str, direction: int, hidden: int) -> np.ndarray | None:
    if not name or name not in graph.constants:
        return None
    return np.asarray(graph.constants[name], np.float32)[direction].reshape(3, hidden)[[0, 2, 1]]  # ONNX has i o f


def _part(cell: _Cell, role: str, layer: str) -> CellPart | None:
    """What the site is to the recurrent layer; None for a cell that `accelsim.RecurrentCell` does not know."""
    kind = cell.node.op_type.lower()
    given = [name.lower() for name in cell.functions]
    known = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": (given or ["tanh"])[:1]}[kind]
    fits = all(name == known[i % len(known)] for i, name in enumerate(given))
    if not fits or (kind == "rnn" and known[0] not in ("tanh", "relu")) or cell.is_special:
        return None
    return CellPart(layer, role, "reverse" if cell.reverse else "forward", kind, not cell.split,
                    known[0] if kind == "rnn" else "tanh", cell.peepholes)


def _reset_gate(cell: _Cell, values: Values) -> np.ndarray:
    """sigmoid(W_r x_t + R_r h_(t-1) + b) [step, sequence, hidden]."""
    x = cell.inputs(values)[::-1] if cell.reverse else cell.inputs(values)
    total = x @ cell.rows([1])(values[cell.w]).T + cell.states(values) @ cell.rows([1])(values[cell.r]).T
    for half in (0, 1):
        bias = cell.bias(values, half, [1])
        total = total if bias is None else total + bias
    gate: np.ndarray = 0.5 * (1 + np.tanh(0.5 * total))  # a sigmoid that cannot overflow
    return gate


def _suffix(node: Any, reverse: bool) -> str:
    """`_l0_reverse` as PyTorch has it, where an exporter's node name tells the number of the layer."""
    number = _NUMBER.fullmatch(node.name.rsplit("/", 1)[-1]) if "/" in node.name else None
    layer = "" if number is None else f"_l{number.group(1) or 0}"
    return f"{layer}{'_reverse' if reverse else ''}"
