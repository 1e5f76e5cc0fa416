"""Small layers to try a machine on: drawn ones, and those that break careless models."""

import numpy as np
from hypothesis import strategies as st

from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul

DENSITIES = (0.0, 0.1, 0.3, 0.6, 1.0)


def tensor(rng: np.random.Generator, shape: tuple[int, ...], density: float, signed: bool = True,
           hollow: bool = False) -> np.ndarray:
    """int8 values of about this density; `hollow` empties some slices of every axis, as structured pruning would."""
    values = rng.integers(1, 16, shape) * (rng.choice((-1, 1), shape) if signed else 1)
    keep = rng.random(shape) < density
    if hollow:
        for axis, size in enumerate(shape):
            empty = rng.random(size) < 0.3
            keep &= ~empty.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.where(keep, values, 0).astype(np.int8)


@st.composite
def layers(draw: st.DrawFn, size: int = 12, ops: tuple[str, ...] = ("linear", "matmul", "conv2d")) -> Layer:
    """Small layers with values, of every operator, ragged shapes and any density; `size` bounds each axis."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hollow = draw(st.booleans())
    density = [draw(st.sampled_from(DENSITIES)) for _ in range(2)]
    op = draw(st.sampled_from(ops))
    axis = st.integers(1, size)
    if op == "conv2d":
        return _conv(draw, rng, density, hollow, size)
    out, n_in, batch = draw(axis), draw(axis), draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3)) if op == "matmul" else 1
    weight = tensor(rng, (groups, out, n_in), density[0], hollow=hollow)
    activation = tensor(rng, (groups, batch, n_in), density[1], hollow=hollow)
    if op == "matmul":
        return matmul("m", weight, activation)
    return linear("l", weight[0], activation[0], _bias(draw, rng, out))


def _conv(draw: st.DrawFn, rng: np.random.Generator, density: list[float], hollow: bool, size: int) -> Layer:
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(3))
    extent = [dilation[d] * (kernel[d] - 1) + 1 for d in range(2)]
    padding = tuple(draw(st.integers(0, min(2, e))) for e in extent)
    plane = [draw(st.integers(max(1, e - 2 * p), max(1, e - 2 * p) + size // 2))
             for e, p in zip(extent, padding, strict=True)]
    weight = tensor(rng, (filters, channels // groups, *kernel), density[0], hollow=hollow)
    activation = tensor(rng, (draw(st.integers(1, 2)), channels, *plane), density[1], hollow=hollow)
    return conv2d("c", weight, activation, stride, padding, dilation, groups, _bias(draw, rng, filters))


def _bias(draw: st.DrawFn, rng: np.random.Generator, outputs: int) -> np.ndarray | None:
    kind = draw(st.sampled_from(("none", "some zero", "dense")))
    if kind == "none":
        return None
    return rng.integers(1, 100, outputs) * (rng.random(outputs) < (0.5 if kind == "some zero" else 1.0))


def edge_layers() -> dict[str, Layer]:
    """Layers that break careless models, by name."""
    rng = np.random.default_rng(7)
    dense = tensor(rng, (5, 9), 1.0)
    holes = tensor(rng, (6, 11), 0.5)
    rows, cols = holes.copy(), holes.copy()
    rows[::2] = 0
    cols[:, ::2] = 0
    active = tensor(rng, (11,), 0.6)
    plane = tensor(rng, (1, 4, 5, 6), 0.6)
    return {
        "one by one": linear("l", [[1]], [1]),
        "single zero": linear("l", [[0]], [0]),
        "empty rows": linear("l", rows, active),
        "empty columns": linear("l", cols, active),
        "all-zero activation": linear("l", dense, np.zeros(9, np.int8)),
        "all-zero activation with bias": linear("l", dense, np.zeros(9, np.int8), np.arange(5)),
        "all-zero weight": linear("l", np.zeros((3, 4), np.int8), [1, 0, 2, 3]),
        "all zero, with zero bias": linear("l", np.zeros((3, 4), np.int8), [0, 0, 0, 0], [0, 0, 0]),
        "dense": linear("l", dense, np.ones(9, np.int8)),
        "one long row": linear("l", tensor(rng, (1, 70), 0.5), tensor(rng, (70,), 0.5)),
        "one long column": linear("l", tensor(rng, (70, 1), 0.1), [3]),
        "batch with an empty vector": linear("l", holes, np.stack([active, 0 * active, active])),
        "attention": matmul("m", tensor(rng, (2, 4, 5), 0.5), tensor(rng, (2, 3, 5), 0.5)),
        "depthwise": conv2d("c", tensor(rng, (4, 1, 3, 3), 0.5), plane, padding=1, groups=4),
        "grouped, strided": conv2d("c", tensor(rng, (6, 2, 3, 2), 0.5), plane, (2, 1), (1, 0), groups=2),
        "dilated": conv2d("c", tensor(rng, (2, 4, 2, 2), 0.7), plane, dilation=(2, 3), padding=2),
        "stride beyond the filter": conv2d("c", tensor(rng, (3, 4, 1, 1), 0.7), plane, stride=3),
        "empty channel": conv2d("c", tensor(rng, (3, 4, 3, 3), 0.7), plane * np.array([1, 0, 1, 0])[:, None, None]),
        "one image of two empty": conv2d("c", tensor(rng, (3, 4, 3, 3), 0.7), np.concatenate([plane, 0 * plane]),
                                         bias=[1, 0, 2]),
        "filter as large as the plane": conv2d("c", tensor(rng, (2, 4, 5, 6), 0.4), plane),
    }
