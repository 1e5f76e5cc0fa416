"""Sparse matrices drawn from a seed: uniform, power law, banded, block. Memory is linear in the non-zeros."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from accelsim.arguments import items, truth, whole
from accelsim.errors import TraceError, shown
from accelsim.workload.compressed import MAX_SIDE
from accelsim.yaml import did_you_mean

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PATTERNS = ("uniform", "power_law", "banded", "block")
_ROUNDS = 64  # of drawing positions anew where they were taken

Draw = Callable[[int], tuple[np.ndarray, np.ndarray]]  # so many positions: rows and columns, some of them outside


def draw_sparse(pattern: str, shape: tuple[int, int], nonzeros: int, seed: int, *, exponent: float = 1.0,
                width: int = 8, block: int = 4, values: bool = True) -> "csr_array":
    """A matrix of `shape` with `nonzeros` distinct positions, the same for the same seed.

    pattern: `uniform`; `power_law`, rows and columns as likely as rank ** -exponent, ranks shuffled; `banded`, up to
    `width` columns beside the diagonal; `block`, whole blocks of block x block, as many as hold `nonzeros` (those at
    the edge are cut). values: integers from -7 to 7 without 0, else bools. Raises TraceError for what cannot be drawn.
    """
    sides = items("shape", shape, TraceError, "rows and columns")
    if len(sides) != 2:
        raise TraceError(f"shape is {shown(shape)}, wanted two numbers, rows and columns")
    rows, cols = (whole(key, side, TraceError, 1, MAX_SIDE) for key, side in zip(("rows", "columns"), sides,
                                                                                  strict=True))
    wanted = whole("nonzeros", nonzeros, TraceError, 0, min(rows * cols, MAX_SIDE))
    rng = np.random.default_rng(whole("seed", seed, TraceError, 0, (1 << 63) - 1))
    side = whole("block", block, TraceError, 1, MAX_SIDE)
    reach = whole("width", width, TraceError, 0, MAX_SIDE)
    if isinstance(exponent, bool) or not isinstance(exponent, (int, float)) or not 0 <= exponent <= 8:
        raise TraceError(f"exponent is {shown(exponent)}, wanted a number from 0 to 8")
    if not isinstance(pattern, str) or pattern not in PATTERNS:
        hint = did_you_mean(pattern, PATTERNS) if isinstance(pattern, str) else f"; known: {', '.join(PATTERNS)}"
        raise TraceError(f"pattern {shown(pattern)} is unknown{hint}")
    with_values = truth("values", values, TraceError)
    if pattern == "block":
        found = _blocks(rng, (rows, cols), wanted, side)
    else:
        draws: dict[str, Callable[[], Draw]] = {
            "uniform": lambda: lambda n: (rng.integers(0, rows, n), rng.integers(0, cols, n)),
            "power_law": lambda: _power_law(rng, rows, cols, float(exponent)),
            "banded": lambda: _banded(rng, rows, cols, reach)}
        found = _distinct(rng, pattern, (rows, cols), wanted, draws[pattern]())
    return _matrix(rng, (rows, cols), found, with_values)


def _distinct(rng: np.random.Generator, pattern: str, shape: tuple[int, int], wanted: int, draw: Draw) -> np.ndarray:
    """`wanted` distinct positions row * columns + column, ascending."""
    if pattern in ("uniform", "block") and 4 * wanted > shape[0] * shape[1]:
        return np.sort(rng.permutation(shape[0] * shape[1])[:wanted])
    found = np.zeros(0, np.int64)
    for _ in range(_ROUNDS):
        missing = wanted - len(found)
        if missing == 0:
            return found
        row, col = draw(missing + missing // 8 + 64)
        inside = (col >= 0) & (col < shape[1])
        found = np.sort(np.concatenate([found, row[inside] * shape[1] + col[inside]]))
        found = found[np.diff(found, prepend=-1) > 0]  # np.unique takes many times as long
        if len(found) > wanted:  # any of them: the last to come are no other than the first
            stays = np.ones(len(found), bool)
            stays[rng.choice(len(found), len(found) - wanted, replace=False, shuffle=False)] = False
            found = found[stays]
    if len(found) == wanted:
        return found
    raise TraceError(f"{wanted:,} non-zeros are too many for a {pattern} pattern in {shape[0]:,} x {shape[1]:,}; ask "
                     "for fewer, or take a wider band or a smaller exponent")


def _power_law(rng: np.random.Generator, rows: int, cols: int, exponent: float) -> Draw:
    def sampler(side: int) -> Callable[[int], np.ndarray]:
        shares = np.cumsum(np.arange(1, side + 1, dtype=np.float64) ** -exponent)
        ranked = rng.permutation(side)
        return lambda n: ranked[np.minimum(np.searchsorted(shares, rng.random(n) * shares[-1]), side - 1)]

    row, col = sampler(rows), sampler(cols)
    return lambda n: (row(n), col(n))


def _banded(rng: np.random.Generator, rows: int, cols: int, width: int) -> Draw:
    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        row = rng.integers(0, rows, n)
        return row, row * cols // rows + rng.integers(-width, width + 1, n)

    return draw


def _blocks(rng: np.random.Generator, shape: tuple[int, int], wanted: int, side: int) -> np.ndarray:
    grid = (-(-shape[0] // side), -(-shape[1] // side))
    count = min(-(-wanted // (side * side)), grid[0] * grid[1])
    blocks = _distinct(rng, "block", grid, count, lambda n: (rng.integers(0, grid[0], n), rng.integers(0, grid[1], n)))
    inner = np.arange(side)
    rows = ((blocks // grid[1])[:, None, None] * side + inner[:, None] + np.zeros_like(inner)).reshape(-1)
    cols = ((blocks % grid[1])[:, None, None] * side + inner + np.zeros_like(inner)[:, None]).reshape(-1)
    inside = (rows < shape[0]) & (cols < shape[1])
    return np.sort(rows[inside] * shape[1] + cols[inside])


def _matrix(rng: np.random.Generator, shape: tuple[int, int], found: np.ndarray, values: bool) -> "csr_array":
    from scipy.sparse import csr_array

    starts = np.searchsorted(found, np.arange(shape[0] + 1, dtype=np.int64) * shape[1]).astype(np.int32)
    numbers = np.ones(len(found), bool)
    if values:
        numbers = rng.choice(np.array([*range(-7, 0), *range(1, 8)], np.int8), len(found))
    return csr_array((numbers, (found % shape[1]).astype(np.int32), starts), shape=shape)
