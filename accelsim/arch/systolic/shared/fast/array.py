"""A dense array with a stationary operand: the schedule of docs/machines/systolic.md, summed over tiles and PEs.

The schedule is fixed per product, so every PE's waits are known from its row and column; sums over rows and columns are
arithmetic series. Which products are effectual is counted on the tensors by the caller.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

TileHeight = Callable[[int, int], int]  # a policy: (extent, size of the axis) -> tile height
Ints = Any  # an int, or int64 array of any shape


class ArrayDesign(NamedTuple):
    """The design: PEs, the switch, and the policy that cuts tiles."""

    rows: int
    cols: int
    double_buffer: bool
    tile_height: TileHeight


class ProductWork(NamedTuple):
    """What one product costs. `unused`, `load`, `fill`, `drain` in PE-cycles, the rest as in the rules' counts."""

    cycles: int
    unused: int
    load: int
    fill: int
    drain: int
    dense_macs: int
    stationary_reads: int
    streaming_reads: int
    operand_moves: int
    psum_moves: int
    accumulator_writes: int
    accumulator_reads: int


def stationary_period(tile_rows: Ints, vectors: int, cols: int, double_buffer: bool) -> Ints:
    """Cycles from one tile's begin to the next one's."""
    return np.maximum(tile_rows, max(vectors, cols)) if double_buffer else tile_rows + vectors + cols


def stationary_cycles(tiles: Ints, tile_rows: Ints, vectors: int, cols: int, double_buffer: bool) -> Ints:
    """Cycles of `run_stationary`, of one cut or of many."""
    return (tiles - 1) * stationary_period(tile_rows, vectors, cols, double_buffer) + tile_rows + vectors + cols


def run_stationary(k: int, outputs: int, vectors: int, array: ArrayDesign) -> ProductWork:
    """A stationary operand [k, outputs] on the array, `vectors` streamed through each of its tiles."""
    rows, cols, double_buffer, tile_height = array
    tile_rows = tile_height(k, rows)
    k_tiles, output_tiles = tiles_of(k, tile_rows), tiles_of(outputs, tile_height(outputs, cols))
    tiles, pes, macs = k_tiles * output_tiles, tile_rows * cols, k * outputs * vectors
    tail = tile_rows + cols - 1  # PE (r, c) drains for tail - r - c cycles
    period = int(stationary_period(tile_rows, vectors, cols, double_buffer))
    cycles = int(stationary_cycles(tiles, tile_rows, vectors, cols, double_buffer))
    passes = 1 if double_buffer else tiles  # how often the array fills and drains
    between = (tiles - 1) * (period - vectors) if double_buffer else 0
    return ProductWork(
        cycles=cycles,
        unused=(rows - tile_rows) * cols * cycles + tiles * pes * vectors - macs,
        load=passes * cols * sum_below(tile_rows + 1) + between * pes,
        fill=passes * tile_rows * sum_below(cols),
        drain=passes * (pes * tail - sum_of_positions(tile_rows, cols)),
        dense_macs=macs, stationary_reads=k * outputs, streaming_reads=output_tiles * k * vectors,
        operand_moves=macs, psum_moves=macs,
        accumulator_writes=k_tiles * outputs * vectors, accumulator_reads=(k_tiles - 1) * outputs * vectors,
    )


def multiplications(down: int, across: int, stream: int, array: ArrayDesign,
                    times: int) -> tuple[np.ndarray, np.ndarray]:
    """[row], [column]: factors of what PE (row, column) multiplies in `times` products of these extents."""
    rows, cols = (_elements(extent, array.tile_height(extent, size), size)
                  for extent, size in ((down, array.rows), (across, array.cols)))
    return rows * (stream * times), cols


def _elements(extent: int, height: int, size: int) -> np.ndarray:
    """[place]: elements of an axis that lie at each of `size` places, in tiles of `height`."""
    places = np.arange(size)
    return np.where(places < height, (extent - places + height - 1) // height, 0)


def tiles_of(extent: int, size: int) -> int:
    return -(-extent // size)


def sum_below(n: int) -> int:
    """0 + 1 + ... + (n - 1)."""
    return n * (n - 1) // 2


def sum_of_positions(rows: int, cols: int) -> int:
    """Sum of r + c over rows x cols PEs."""
    return cols * sum_below(rows) + rows * sum_below(cols)
