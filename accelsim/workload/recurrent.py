"""Recurrent layers: LSTM, GRU and plain RNN, with the hidden states that each step's products really see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from accelsim.workload.counting import column_nonzeros
from accelsim.workload.layer import DenseLayer, PlainLayers
from accelsim.workload.matmul import linear
from accelsim.workload.operands import owned
from accelsim.workload.recurrent_cell import RecurrentCell

TENSORS = ("weight", "recurrent_weight", "bias", "projection", "peepholes", "activation", "states", "inner")


class CellStep(NamedTuple):
    """The vectors of one step of one direction; a row for each of the `sequences` that are not over by then.

    direction: place on the first axis of the weights. step: place of x on the axis of time. inputs [rows, X + P]: x and
    h side by side, for `Recurrent.first_matrix`. inner [rows, H]: for `Recurrent.second_matrix`, where there is one.
    """

    direction: int
    step: int
    sequences: np.ndarray
    inputs: np.ndarray
    inner: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Recurrent(DenseLayer):
    """A recurrent layer of X inputs, H cells and P outputs (H without projection) over T steps of B sequences.

    weight [directions, G*H, X], recurrent_weight [directions, G*H, P], bias [directions, sums*H] int32 or None,
    projection [directions, P, H] or None, peepholes [directions, 3, H] (i, f, o) or None, activation [T, B, X];
    G gates, each of H rows, as `recurrent_cell` has them, and a gru's four sums (r, z, n of x, n of h) for its bias.

    states [directions, T, B, P]: at t, the state that is multiplied beside x_t: h_(t-1), in a reverse direction
    h_(t+1). inner [directions, T, B, H]: what a second product of the step reads, else None: m_t = o * tanh(c), which
    the projection makes h of, or r * h of a gru that resets before its product. They are operands, recorded or
    computed by the maker, so a step's products can be checked by themselves; steps are still done one after the other.

    lengths: of ragged sequences, one per sequence; x and states are zero from there on, nothing is done for a sequence
    that is over, and a reverse direction begins at its own last step.

    `output` [directions, T, B, sums*H (+ P)] is every product's exact integer sum with its bias: what the gates are
    made of, then the projection's rows. Zero where a sequence is over. Element-wise results are not part of it.
    """

    op: ClassVar[Literal["recurrent"]] = "recurrent"
    recurrent_weight: np.ndarray
    states: np.ndarray
    projection: np.ndarray | None
    peepholes: np.ndarray | None
    inner: np.ndarray | None
    cell: RecurrentCell
    lengths: tuple[int, ...] | None

    @property
    def tensors(self) -> Mapping[str, np.ndarray | None]:
        return {role: getattr(self, role) for role in TENSORS}

    @property
    def geometry(self) -> dict[str, Any]:
        return {"cell": asdict(self.cell) | {"directions": list(self.cell.directions)},
                "lengths": None if self.lengths is None else list(self.lengths)}

    @property
    def identity(self) -> dict[str, Any]:
        """Without the scales: the states are there, and what the integers stand for changes no run."""
        return self.geometry | {"cell": asdict(replace(self.cell, scales=None))}

    @property
    def steps(self) -> int:
        return int(self.activation.shape[0])

    @property
    def batch(self) -> int:
        return int(self.activation.shape[1])

    @property
    def cells(self) -> int:
        return int(self.weight.shape[1]) // self.cell.gates

    @property
    def outputs(self) -> int:
        """P: the width of h."""
        return int(self.states.shape[3])

    @property
    def shape_text(self) -> str:
        way = {1: "", 2: "bidirectional "}[len(self.cell.directions)]
        cells = f"{self.cells}" if self.projection is None else f"{self.cells}>{self.outputs}"
        return f"{way}{self.cell.kind} {cells} * {'x'.join(map(str, self.activation.shape))}"

    def alive(self, step: int) -> np.ndarray:
        """The sequences that are not over at `step`, ascending."""
        return np.flatnonzero(np.asarray([self.steps] * self.batch if self.lengths is None else self.lengths) > step)

    @cached_property
    def sequence_steps(self) -> int:
        """Steps of all sequences of a direction."""
        return self.steps * self.batch if self.lengths is None else sum(self.lengths)

    def order(self, direction: int) -> range:
        """The steps of a direction in the order of execution."""
        return range(self.steps)[::-1] if self.cell.directions[direction] == "reverse" else range(self.steps)

    def executed(self, direction: int) -> Iterator[CellStep]:
        """The steps of a direction in the order of execution, with their vectors."""
        for step in self.order(direction):
            rows = self.alive(step)
            both = np.concatenate([self.activation[step, rows], self.states[direction, step, rows]], axis=1)
            yield CellStep(direction, step, rows, both, None if self.inner is None
                           else self.inner[direction, step, rows])

    def first_matrix(self, direction: int) -> np.ndarray:
        """[sums*H, X + P]: what multiplies x and h of a step; a gru's candidate has zeros beside each of its halves.

        A gru that resets before its product has three quarters of it, its fourth sum is the second product.
        """
        w, u = self.weight[direction], self.recurrent_weight[direction]
        if self.cell.kind != "gru":
            return np.concatenate([w, u], axis=1)
        gates = 2 * self.cells
        rows = [np.concatenate([w[:gates], u[:gates]], axis=1),
                np.concatenate([w[gates:], np.zeros_like(u[gates:])], axis=1)]
        if not self.cell.resets_before_product:
            rows.append(np.concatenate([np.zeros_like(w[gates:]), u[gates:]], axis=1))
        return np.concatenate(rows)

    def second_matrix(self, direction: int) -> np.ndarray | None:
        """[P or H, H]: what multiplies `inner` of a step: the projection, or a gru's candidate; None without."""
        if self.projection is not None:
            matrix: np.ndarray = self.projection[direction]
            return matrix
        return self.recurrent_weight[direction, 2 * self.cells:] if self.cell.resets_before_product else None

    def biases(self, direction: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The bias of the rows of the first and of the second matrix."""
        if self.bias is None:
            return None, None
        own = self.bias[direction]
        return (own[:3 * self.cells], own[3 * self.cells:]) if self.cell.resets_before_product else (own, None)

    @property
    def weights(self) -> Mapping[str, np.ndarray]:
        both = {"weight": self.weight, "recurrent_weight": self.recurrent_weight}
        return both if self.projection is None else both | {"projection": self.projection}

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> Self:
        given: dict[str, Any] = dict(weights)
        return replace(self, **given)

    @property
    def operand_pairs(self) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        """Matrices [directions, rows, in], vectors [directions, T, B, in]; but x, which all read, is [T, B, in]."""
        u, split = self.recurrent_weight, 2 * self.cells
        if self.inner is None:
            return [(self.weight, self.activation), (u, self.states)]
        if self.projection is not None:
            return [(self.weight, self.activation), (u, self.states), (self.projection, self.inner)]
        return [(self.weight, self.activation), (u[:, :split], self.states), (u[:, split:], self.inner)]

    @property
    def macs_dense(self) -> int:
        per_step = self.weight[0].size + self.recurrent_weight[0].size
        per_step += 0 if self.projection is None else self.projection[0].size
        return len(self.cell.directions) * per_step * self.sequence_steps

    @cached_property
    def macs_effectual(self) -> int:
        total = 0
        for weight, vectors in self.operand_pairs:
            for d, matrix in enumerate(weight):
                own = vectors if vectors is self.activation else vectors[d]
                total += int(column_nonzeros(matrix) @ column_nonzeros(own.reshape(-1, own.shape[-1])))
        return total

    def output(self) -> np.ndarray:
        self.check_values()
        rows = self.cell.sums * self.cells + (0 if self.projection is None else self.outputs)
        result = np.zeros((len(self.cell.directions), self.steps, self.batch, rows), np.int64)
        for d in range(len(self.cell.directions)):
            first, second = self.first_matrix(d).astype(np.int64), self.second_matrix(d)
            first_bias, second_bias = (0 if b is None else b.astype(np.int64) for b in self.biases(d))
            for step in self.executed(d):
                parts = [step.inputs.astype(np.int64) @ first.T + first_bias]
                if second is not None and step.inner is not None:
                    parts.append(step.inner.astype(np.int64) @ second.astype(np.int64).T + second_bias)
                result[d, step.step, step.sequences] = np.concatenate(parts, axis=1)
        return result

    def pattern(self) -> Self:
        masks: dict[str, Any] = {role: None if t is None else t != 0 for role, t in self.tensors.items()}
        return replace(self, **masks)

    def plainly(self) -> PlainLayers:
        """A linear layer per step and direction on x and h side by side, and one for the second product of the step."""
        layers, places = [], []
        for d, direction in enumerate(self.cell.directions):
            first, second = owned(self.first_matrix(d)), self.second_matrix(d)
            first_bias, second_bias = self.biases(d)
            for step in self.executed(d):
                name = f"{self.name}.{direction}.{step.step}"
                layers.append(linear(name, first, step.inputs, first_bias))
                places.append((step, slice(0, len(first))))
                if second is not None:
                    layers.append(linear(f"{name}.second", second, step.inner, second_bias))
                    places.append((step, slice(len(first), len(first) + len(second))))

        def output(parts: Any) -> np.ndarray:
            rows = max(columns.stop for _, columns in places)
            result = np.zeros((len(self.cell.directions), self.steps, self.batch, rows), np.int64)
            for (step, columns), part in zip(places, parts, strict=True):
                result[step.direction, step.step, step.sequences, columns] = part[0]
            return result

        note = (f"this machine knows no recurrent layers: it ran {len(layers):,} matrix products, step by step, with x "
                "and h side by side, and element-wise work took no time")
        return PlainLayers(layers, note, output)
