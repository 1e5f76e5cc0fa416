"""Tensors drawn from published densities: the exact number of non-zeros per layer, spread as in recorded networks.

A drawn trace is no recorded one. What it keeps of a network: shapes, the number of non-zeros of every tensor, and how
unevenly they lie (`Dispersion`). Weights and activations are drawn independently of each other and of other layers.
"""

import os
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from accelsim.arguments import texts, truth, whole
from accelsim.errors import ConfigError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.dispersion import RECORDED, UNIFORM, Dispersion, densities, logistic, shared_out, shift_to
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import matmul
from accelsim.workload.planned import PlannedLayer, Workload
from accelsim.workload.published import load_workload
from accelsim.workload.quantize import quantize
from accelsim.workload.tables import ConvShape
from accelsim.workload.trace import Trace

MAX_POSITIONS = 1 << 32  # of all tensors, one byte each in memory
_CHUNK = 1 << 22  # positions drawn at a time
_BLOCK = 1 << 15  # the same where a few numbers stand for each: what a core's cache holds
_UNTOLD = np.float32(2e-6)  # ten times what single precision may err by
_ROW_SAMPLE = 512  # units that stand for all when a shift of log-odds is looked for


def draw_trace(workload: Workload | str | os.PathLike[str], seed: int, batch: int = 1, values: bool = False,
               uniform: bool = False, dispersion: Dispersion | None = None, layers: Iterable[str] | None = None,
               weight_density: float | None = None, activation_density: float | None = None) -> Trace:
    """Draw the tensors of a published workload ("NAME" or "NAME:VARIANT"); same arguments, same trace.

    A file of the field (`load_workload`) does as well, with the densities that it lacks. A matrix keeps its pattern.

    batch: images, or sequences. values: draw int8 values too (magnitudes are our assumption: folded normal); patterns
    (bool tensors) otherwise. uniform: independent random masks. dispersion: spreads of your own. layers: only those
    whose names match one of these patterns (`*` stands for any text). Raises ConfigError.
    """
    plan = workload if isinstance(workload, Workload) else load_workload(workload, weight_density, activation_density)
    if layers is not None:
        plan = plan.only(texts("layers", layers, ConfigError, "patterns of names"))
    values, uniform = truth("values", values, ConfigError), truth("uniform", uniform, ConfigError)
    seed, batch = whole("seed", seed, ConfigError, 0), whole("batch", batch, ConfigError, 1, 1 << 16)
    if dispersion is not None and not isinstance(dispersion, Dispersion):
        raise ConfigError(f"dispersion is a {type(dispersion).__name__}, wanted an accelsim.Dispersion")
    if uniform and dispersion is not None:
        raise ConfigError("give uniform or a dispersion, not both")
    positions = sum(prod(x.shape.weight_shape(batch)) + prod(x.shape.activation_shape(batch)) for x in plan.layers)
    if positions > MAX_POSITIONS:
        raise ConfigError(f"workload {plan.name!r} with a batch of {batch} has {positions:,} positions, more than "
                          f"{MAX_POSITIONS:,}; draw a smaller batch or fewer layers (--layer)")
    spread = UNIFORM if uniform else (dispersion or RECORDED)
    drawn = [_layer(x, plan.signed_activations, (seed, x.shape.name), batch, values, spread) for x in plan.layers]
    return Trace(drawn, plan.name, plan.edges, _made_by(plan, seed, batch, spread, values))


def _made_by(plan: Workload, seed: int, batch: int, spread: Dispersion, values: bool) -> dict[str, Any]:
    note = "drawn from published densities, not recorded" + ("; values are made up" if values else "")
    made: dict[str, Any] = {"synthetic": note, "workload": plan.name, "seed": seed, "batch": batch,
                            "dispersion": "none (uniform)" if spread == UNIFORM else vars(spread)}
    made["sources"] = {key: f"{source.cite} ({source.confidence})" for key, source in plan.sources.items()}
    if plan.omitted:
        made["omitted"] = dict(plan.omitted)
    return made


def _layer(plan: PlannedLayer, signed: bool, seed: tuple[int, str], batch: int, values: bool,
           spread: Dispersion) -> Layer:
    shape, name = plan.shape, plan.shape.name
    weight_shape, activation_shape = shape.weight_shape(batch), shape.activation_shape(batch)
    rng = _generator(*seed)
    if plan.matrix is not None:
        weight = (plan.matrix != 0).reshape(weight_shape)
        activation = _vectors(rng, activation_shape, plan.activation_density, spread)
    elif isinstance(shape, ConvShape):
        weight = _weights(rng, plan, weight_shape, (spread.conv_filter, spread.conv_channel), shape.groups)
        activation = _planes(rng, activation_shape, plan.activation_density, spread)
    else:
        weight = _weights(rng, plan, weight_shape, (spread.linear_output, spread.linear_input), 1)
        activation = _vectors(rng, activation_shape, plan.activation_density, spread)
    if values:
        own = plan.matrix is not None and plan.matrix.dtype != bool
        weight = quantize(plan.matrix)[0].reshape(weight_shape) if own else _valued(rng, weight, True)
        activation = _valued(rng, activation, signed)
    for tensor in (weight, activation):
        tensor.flags.writeable = False  # ours alone: the layer need not copy it
    if isinstance(shape, ConvShape):
        return conv2d(name, weight, activation, shape.stride, shape.padding, groups=shape.groups)
    return matmul(name, weight, activation)


def _generator(seed: int, name: str) -> np.random.Generator:
    """One stream per layer, so that a layer's tensors do not depend on which other layers are drawn."""
    return np.random.default_rng([seed, *name.encode()])


def _weights(rng: np.random.Generator, plan: PlannedLayer, shape: tuple[int, ...], spread: tuple[float, float],
             groups: int) -> np.ndarray:
    """A pattern [K, C/groups, R, S] or [groups, out, in] with log-odds per row and per input of each group."""
    if plan.n_of_m is not None:
        return _n_of_m(rng, shape, *plan.n_of_m)
    conv = len(shape) == 4
    rows, cols = (shape[0], shape[1]) if conv else (shape[0] * shape[1], shape[2])
    row_odds = spread[0] * rng.standard_normal(rows)
    col_odds = spread[1] * rng.standard_normal((groups if conv else shape[0], cols))
    owner = np.arange(rows) // (rows // col_odds.shape[0])  # which group's inputs a row sees
    taps = int(np.prod(shape[2:])) if conv else 1
    pattern = _sampled(rng, row_odds, col_odds, owner, taps, plan.weight_density)
    return pattern.reshape(shape)


def _vectors(rng: np.random.Generator, shape: tuple[int, ...], density: float, spread: Dispersion) -> np.ndarray:
    """A pattern [groups, vectors, in] with log-odds per input of each group."""
    groups, vectors, inputs = shape
    odds = spread.channel * rng.standard_normal((groups, inputs))
    owner = np.repeat(np.arange(groups), vectors)
    return _sampled(rng, np.zeros(groups * vectors), odds, owner, 1, density).reshape(shape)


def _sampled(rng: np.random.Generator, row_odds: np.ndarray, col_odds: np.ndarray, owner: np.ndarray, taps: int,
             density: float) -> np.ndarray:
    """A pattern [rows, cols * taps]: independent draws at the density of (row, col), then made exact in number."""
    rows, cols = row_odds.size, col_odds.shape[1]
    wanted = round(density * rows * cols * taps)
    if wanted in (0, rows * cols * taps):
        return np.full((rows, cols * taps), wanted > 0)
    shift = shift_to(_spaced(row_odds)[:, None] + _spaced(col_odds.reshape(-1)), density)
    whole = np.empty((rows, cols * taps), bool)
    _draw(rng, row_odds, col_odds, owner, taps, shift, whole)
    _make_exact(rng, whole, wanted, lambda i, j: row_odds[i] + col_odds[owner[i], j // taps] + shift)
    return whole


def _draw(rng: np.random.Generator, row_odds: np.ndarray, col_odds: np.ndarray, owner: np.ndarray, taps: int,
          shift: float, pattern: np.ndarray) -> None:
    """Set pattern [rows, cols * taps] where a number drawn from 0 to 1 is less than the density of (row, col).

    number < 1 / (1 + exp(-a) exp(-b)) is told by number * (1 + exp(-a) exp(-b)) < 1, with an exponential for a row and
    for a column instead of one for each place; where single precision cannot tell, the density itself is computed.
    """
    rows, width = pattern.shape
    step = max(1, _BLOCK // width)
    numbers, products = np.empty((step, width), np.float32), np.empty((step, width), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite odd against is one that cannot be told
        against_row = np.exp(-(row_odds + shift)).astype(np.float32)
        against_col = np.repeat(np.exp(-col_odds).astype(np.float32), taps, axis=1)
        for start in range(0, rows, step):
            part = slice(start, min(rows, start + step))
            drawn, product = numbers[:part.stop - start], products[:part.stop - start]
            rng.random(dtype=np.float32, out=drawn)
            np.multiply(against_row[part, None], _of_rows(against_col, owner[part]), out=product)
            product += np.float32(1)
            product *= drawn
            np.less(product, np.float32(1), out=pattern[part])
            product -= np.float32(1)
            np.abs(product, out=product)
            told = product >= _UNTOLD
            if not told.all():
                i, j = np.nonzero(~told)
                row = start + i
                density = logistic(row_odds[row] + col_odds[owner[row], j // taps] + shift).astype(np.float32)
                pattern[row, j] = drawn[i, j] < density


def _of_rows(columns: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """columns [group, col] of the group of each row; one line for all where it is the same."""
    return columns[owner[:1]] if owner[0] == owner[-1] else columns[owner]


def _spaced(odds: np.ndarray) -> np.ndarray:
    """At most _ROW_SAMPLE of `odds`, evenly spaced in their order of size."""
    return np.sort(odds)[np.linspace(0, odds.size - 1, min(odds.size, _ROW_SAMPLE)).round().astype(int)]


def _make_exact(rng: np.random.Generator, pattern: np.ndarray, wanted: int, log_odds: Any) -> None:
    """Set or clear random positions, likelier ones first to be set, until `wanted` are set."""
    rows, cols = pattern.shape
    surplus = int(np.count_nonzero(pattern)) - wanted
    while surplus:
        tries = min(4 * abs(surplus) + 64, _CHUNK)
        i, j = rng.integers(rows, size=tries), rng.integers(cols, size=tries)
        chance = logistic(log_odds(i, j))
        fits = pattern[i, j] == (surplus > 0)
        fits &= rng.random(tries) < ((1 - chance) if surplus > 0 else chance) / 2 + 0.01
        flat = np.unique(i[fits] * cols + j[fits])
        flat = rng.permutation(flat)[:abs(surplus)]
        pattern.reshape(-1)[flat] = surplus < 0
        surplus += -flat.size if surplus > 0 else flat.size


def _n_of_m(rng: np.random.Generator, shape: tuple[int, ...], n: int, m: int) -> np.ndarray:
    """Exactly n non-zeros in every m consecutive inputs (the last group of a row holds as many as fit)."""
    inputs = int(np.prod(shape[1:])) if len(shape) == 4 else shape[2]
    rows, groups = int(np.prod(shape)) // inputs, -(-inputs // m)
    pattern = np.empty((rows, groups * m), bool)
    step = max(1, _CHUNK // (groups * m))
    for start in range(0, rows, step):
        part = pattern[start:start + step].reshape(-1, m)
        order = np.argsort(rng.random(part.shape, dtype=np.float32), axis=1)
        part[:] = order < n
    return np.ascontiguousarray(pattern[:, :inputs]).reshape(shape)


def _planes(rng: np.random.Generator, shape: tuple[int, ...], density: float, spread: Dispersion) -> np.ndarray:
    """A pattern [N, C, H, W]: a count of non-zeros per plane, which go where a smooth random field is highest."""
    images, channels, *plane = shape
    total, room = round(density * np.prod(shape)), int(np.prod(plane))
    if total in (0, images * channels * room):
        return np.full(shape, total > 0)
    if spread.channel == spread.position == spread.cluster == 0:  # planes differ by chance alone, not in nothing
        return _sampled(rng, np.zeros(images * channels), np.zeros((1, room)), np.zeros(images * channels, np.int64), 1,
                        density).reshape(shape)
    own = np.sqrt(spread.image_share) * rng.standard_normal((images, channels))
    odds = spread.channel * (np.sqrt(1 - spread.image_share) * rng.standard_normal(channels) + own)
    counts = shared_out(int(total), densities(odds, density).reshape(-1), room).reshape(images, channels)
    amplitudes = _spectrum(plane, spread.cluster * np.sqrt(plane[0]))
    pattern = np.zeros((images, channels, room), bool)
    for image in range(images):
        shared = spread.position * _field(rng, plane, 1, amplitudes)[0]
        step = max(1, _CHUNK // (4 * room))
        for start in range(0, channels, step):
            count = counts[image, start:start + step]
            field = _field(rng, plane, count.size, amplitudes)
            # log-odds of a normal field with threshold t have the slope of pi / sqrt(3) standard deviations
            field += shared * np.float32(np.sqrt(3) / np.pi)
            for k, wanted in enumerate(count):
                if wanted:
                    top = np.argpartition(field[k], room - wanted)[room - wanted:]
                    pattern[image, start + k, top] = True
    return pattern.reshape(shape)


def _spectrum(plane: list[int], length: float) -> np.ndarray | None:
    """Amplitudes of a field with correlation exp(-distance / length), on a torus wide enough to cut `plane` out of.

    None for an uncorrelated field.
    """
    if length <= 0:
        return None
    rows, cols = (side + int(np.ceil(3 * length)) for side in plane)
    y, x = np.arange(rows), np.arange(cols)
    distance = np.hypot(np.minimum(y, rows - y)[:, None], np.minimum(x, cols - x))
    power = np.fft.rfft2(np.exp(-distance / length)).real.clip(min=0)
    return np.sqrt(power).astype(np.float32)


def _field(rng: np.random.Generator, plane: list[int], count: int, amplitudes: np.ndarray | None) -> np.ndarray:
    """`count` standard normal fields, one row of H*W values each."""
    rows, cols = plane
    if amplitudes is None:
        return rng.standard_normal((count, rows * cols), dtype=np.float32)
    size = (amplitudes.shape[0], cols + amplitudes.shape[0] - rows)
    noise = np.fft.rfft2(rng.standard_normal((count, *size), dtype=np.float32))
    smooth = np.fft.irfft2(noise * amplitudes, s=size)[:, :rows, :cols]
    return np.ascontiguousarray(smooth, np.float32).reshape(count, rows * cols)


def _valued(rng: np.random.Generator, pattern: np.ndarray, signed: bool) -> np.ndarray:
    """int8 values on a pattern: 1 + a folded normal of deviation 32, at most 127, with random signs if `signed`."""
    tensor = np.zeros(pattern.shape, np.int8)
    count = int(np.count_nonzero(pattern))
    size = 1 + np.minimum(np.abs(32 * rng.standard_normal(count, dtype=np.float32)), 126).astype(np.int8)
    tensor[pattern] = np.where(rng.random(count, dtype=np.float32) < 0.5, -size, size) if signed else size
    return tensor
