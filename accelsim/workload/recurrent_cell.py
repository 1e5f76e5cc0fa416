"""What a recurrent cell computes: its kinds, gates and rounding, and the states that follow from them.

Gates are in PyTorch's order: lstm i, f, g, o; gru r, z, n; rnn alone. Products are exact integers. Their sums times
`product` are the arguments of sigmoid and tanh, which are float64, as is the lstm's cell state c. What the next product
reads is rounded half to even and saturates: h to units of `state`, and where a second product follows inside the step,
what that one reads (see `Recurrent.inner`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from accelsim.errors import TraceError, shown
from accelsim.workload.quantize import largest

KINDS = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}  # and their gates
NONLINEARITIES = ("tanh", "relu")
DIRECTIONS = (("forward",), ("reverse",), ("forward", "reverse"))


@dataclass(frozen=True)
class CellScales:
    """What the integers stand for: value = integer * scale.

    product: sums of `weight` times x and of `recurrent_weight` times h, so both pairs of tensors have this product of
    scales. state: h. inner: what a second product reads; a gru's has sums in units of `product` all the same.
    projection: sums of the projection. peephole: the peephole weights.
    """

    product: float
    state: float
    inner: float
    projection: float
    peephole: float

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e30:
                raise TraceError(f"scales: {key} is {shown(value)}, wanted a number above 0")


@dataclass(frozen=True)
class RecurrentCell:
    """The kind of a recurrent layer.

    kind: lstm, gru or rnn. directions: ("forward",), ("reverse",) or both; the first axis of weights and states.
    linear_before_reset: a gru that multiplies h before the reset gate (PyTorch's), not after it (the paper's, ONNX's
    default). nonlinearity: tanh or relu, of an rnn. scales: by default the largest integer of each tensor is 1.0.
    """

    kind: str
    directions: Sequence[str] = ("forward",)
    linear_before_reset: bool = True
    nonlinearity: str = "tanh"
    scales: CellScales | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            raise TraceError(f"cell is {shown(self.kind)}, wanted {', '.join(KINDS)}")
        given = self.directions
        if not isinstance(given, (list, tuple)) or tuple(given) not in DIRECTIONS:
            raise TraceError(f"directions are {shown(given)}, wanted one of "
                             f"{', '.join(str(list(d)) for d in DIRECTIONS)}")
        object.__setattr__(self, "directions", tuple(given))
        if not isinstance(self.linear_before_reset, bool):
            raise TraceError(f"linear_before_reset is {shown(self.linear_before_reset)}, wanted true or false")
        if not isinstance(self.nonlinearity, str) or self.nonlinearity not in NONLINEARITIES:
            raise TraceError(f"nonlinearity is {shown(self.nonlinearity)}, wanted {' or '.join(NONLINEARITIES)}")
        if self.scales is not None and not isinstance(self.scales, CellScales):
            raise TraceError(f"scales are {shown(self.scales)}, wanted an accelsim.CellScales")

    @property
    def gates(self) -> int:
        return len(KINDS[self.kind])

    @property
    def resets_before_product(self) -> bool:
        """A gru whose candidate multiplies r * h: a second product in each step."""
        return self.kind == "gru" and not self.linear_before_reset

    @property
    def sums(self) -> int:
        """Sums per cell of a step: a gru keeps the candidate's two apart (r, z, n of x, n of h), the others add."""
        return 4 if self.kind == "gru" else self.gates

    def with_default_scales(self, dtypes: dict[str, np.dtype[Any]]) -> "RecurrentCell":
        """The same cell, with scales where none were given: the largest integer of each tensor stands for 1."""
        one = {role: 1 / largest(8 * dtype.itemsize) for role, dtype in dtypes.items()}
        weight, state = one["weight"], one["activation"]
        scales = self.scales or CellScales(weight * state, state, state, one.get("projection", weight) * state,
                                           one.get("peepholes", weight))
        return replace(self, scales=scales)


class CellWeights(NamedTuple):
    """One direction's weights as int64: x [G*H, X], h [G*H, P], bias [sums*H], projection [P, H], peepholes [3, H]."""

    x: np.ndarray
    h: np.ndarray
    bias: np.ndarray
    projection: np.ndarray | None
    peepholes: np.ndarray | None


def states_of(cell: RecurrentCell, weights: CellWeights, x: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The states [T, P] before each step of one sequence x [T, X], and what its second product reads [T, H].

    x is in the order of execution; the first state is zero. Integers saturate at +-limit.
    """
    cells, outputs = weights.h.shape[0] // cell.gates, weights.h.shape[1]
    states, inner = np.zeros((len(x) + 1, outputs), np.int64), np.zeros((len(x), cells), np.int64)
    memory = np.zeros(cells)
    step = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}[cell.kind]
    for t, vector in enumerate(x):
        states[t + 1], inner[t], memory = step(cell, weights, vector, states[t], memory, limit)
    return states[:-1], inner


Step = tuple[np.ndarray, np.ndarray, np.ndarray]  # h, what the second product read, c


def _lstm(cell: RecurrentCell, weights: CellWeights, x: np.ndarray, h: np.ndarray, c: np.ndarray, limit: int) -> Step:
    scales = _scales(cell)
    i, f, g, o = np.split(scales.product * (weights.x @ x + weights.h @ h + weights.bias), 4)
    p = np.zeros((3, len(c))) if weights.peepholes is None else scales.peephole * weights.peepholes
    c_next = _sigmoid(f + p[1] * c) * c + _sigmoid(i + p[0] * c) * np.tanh(g)
    out = _sigmoid(o + p[2] * c_next) * np.tanh(c_next)
    if weights.projection is None:
        return _rounded(out, scales.state, limit), np.zeros(len(c), np.int64), c_next
    inner = _rounded(out, scales.inner, limit)
    return _rounded(scales.projection * (weights.projection @ inner), scales.state, limit), inner, c_next


def _gru(cell: RecurrentCell, weights: CellWeights, x: np.ndarray, h: np.ndarray, c: np.ndarray, limit: int) -> Step:
    scales, cells = _scales(cell), len(c)
    of_x, of_h = weights.x @ x + weights.bias[:3 * cells], weights.h[:2 * cells] @ h
    r, z = np.split(_sigmoid(scales.product * (of_x[:2 * cells] + of_h)), 2)
    before, candidate, bias = h * scales.state, weights.h[2 * cells:], weights.bias[3 * cells:]
    inner = np.zeros(cells, np.int64)
    if cell.linear_before_reset:
        from_h = r * (scales.product * (candidate @ h + bias))
    else:
        inner = _rounded(r * before, scales.inner, limit)
        from_h = scales.product * (candidate @ inner + bias)
    n = np.tanh(scales.product * of_x[2 * cells:] + from_h)
    return _rounded((1 - z) * n + z * before, scales.state, limit), inner, c


def _rnn(cell: RecurrentCell, weights: CellWeights, x: np.ndarray, h: np.ndarray, c: np.ndarray, limit: int) -> Step:
    scales = _scales(cell)
    total = scales.product * (weights.x @ x + weights.h @ h + weights.bias)
    out = np.tanh(total) if cell.nonlinearity == "tanh" else np.maximum(total, 0)
    return _rounded(out, scales.state, limit), np.zeros(len(c), np.int64), c


def _scales(cell: RecurrentCell) -> CellScales:
    if cell.scales is None:
        raise TraceError("a cell without scales computes nothing; give scales (accelsim.CellScales)")
    return cell.scales


def _sigmoid(values: np.ndarray) -> np.ndarray:
    half: np.ndarray = 0.5 * (1 + np.tanh(0.5 * values))  # cannot overflow
    return half


def _rounded(values: np.ndarray, scale: float, limit: int) -> np.ndarray:
    return np.clip(np.rint(values / scale), -limit, limit).astype(np.int64)
