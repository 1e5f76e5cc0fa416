"""Small recurrent layers to try a machine on: all cells, directions, ragged sequences, one step, empty inputs."""

import numpy as np
from hypothesis import strategies as st

from accelsim.testing.small_layers import DENSITIES, tensor
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.recurrent_cell import DIRECTIONS, NONLINEARITIES, CellScales, RecurrentCell
from accelsim.workload.recurrent_maker import recurrent


@st.composite
def recurrent_layers(draw: st.DrawFn, size: int = 8, kinds: tuple[str, ...] = ("lstm", "gru", "rnn")) -> Recurrent:
    """Layers with computed states; `size` bounds cells and inputs."""
    rng, hollow = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.booleans())
    scales = CellScales(draw(st.sampled_from((0.002, 0.02))), 1 / 127, 1 / 127, 0.01, 0.01)
    cell = RecurrentCell(draw(st.sampled_from(kinds)), draw(st.sampled_from(DIRECTIONS)), draw(st.booleans()),
                         draw(st.sampled_from(NONLINEARITIES)), scales)
    axis, directions = st.integers(1, size), len(cell.directions)
    steps, batch, inputs, cells = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(axis), draw(axis)
    projected = draw(axis) if cell.kind == "lstm" and draw(st.booleans()) else None
    outputs, rows = projected or cells, cell.gates * cells

    def drawn(*shape: int) -> np.ndarray:
        return tensor(rng, (directions, *shape), draw(st.sampled_from(DENSITIES)), hollow=hollow)

    weights = {"weight": drawn(rows, inputs), "recurrent_weight": drawn(rows, outputs)}
    if projected:
        weights["projection"] = drawn(projected, cells)
    if cell.kind == "lstm" and draw(st.booleans()):
        weights["peepholes"] = drawn(3, cells)
    for role in ("bias", "recurrent_bias"):
        if draw(st.booleans()):
            weights[role] = rng.integers(-60, 60, (directions, rows))
    lengths = None
    if draw(st.booleans()):
        lengths = rng.permutation([steps, *rng.integers(1, steps + 1, batch - 1)])
    x = tensor(rng, (steps, batch, inputs), draw(st.sampled_from(DENSITIES)), hollow=hollow)
    return recurrent("r", cell, x, weights, lengths=lengths)
