"""The fast engine of the systolic array with stationary outputs; docs/machines/systolic.md, "Time of `os`"."""

import numpy as np

from accelsim.arch.systolic.shared.fast.array import (
    ArrayDesign,
    Ints,
    ProductWork,
    sum_below,
    sum_of_positions,
    tiles_of,
)


def output_stationary_period(tile_rows: Ints, tile_cols: Ints, k: int, double_buffer: bool) -> Ints:
    """Cycles from one tile's begin to the next one's."""
    return np.maximum(tile_rows, k) if double_buffer else 2 * tile_rows + tile_cols - 2 + k


def output_stationary_cycles(tiles: Ints, tile_rows: Ints, tile_cols: Ints, k: int, double_buffer: bool) -> Ints:
    """Cycles of `run_output_stationary`, of one cut or of many."""
    period = output_stationary_period(tile_rows, tile_cols, k, double_buffer)
    return (tiles - 1) * period + k + 2 * tile_rows + tile_cols - 2


def run_output_stationary(m: int, n: int, k: int, array: ArrayDesign) -> ProductWork:
    """Outputs [m, n] on the array, k streamed through from two sides."""
    rows, cols, double_buffer, tile_height = array
    tile_rows, tile_cols = tile_height(m, rows), tile_height(n, cols)
    row_tiles, col_tiles = tiles_of(m, tile_rows), tiles_of(n, tile_cols)
    tiles, pes, macs = row_tiles * col_tiles, tile_rows * tile_cols, m * n * k
    tail = 2 * tile_rows + tile_cols - 2
    period = int(output_stationary_period(tile_rows, tile_cols, k, double_buffer))
    cycles = int(output_stationary_cycles(tiles, tile_rows, tile_cols, k, double_buffer))
    passes = 1 if double_buffer else tiles
    last_rows = m - (row_tiles - 1) * tile_rows
    shifts = row_tiles * sum_below(tile_rows + 1) - sum_below(tile_rows - last_rows + 1)
    return ProductWork(
        cycles=cycles,
        unused=(rows * cols - pes) * cycles + tiles * pes * k - macs,
        load=(tiles - 1) * (period - k) * pes if double_buffer else 0,
        fill=passes * sum_of_positions(tile_rows, tile_cols),
        drain=passes * (pes * tail - sum_of_positions(tile_rows, tile_cols)),
        dense_macs=macs, stationary_reads=0, streaming_reads=(col_tiles * m + row_tiles * n) * k,
        operand_moves=2 * macs, psum_moves=macs + n * shifts, accumulator_writes=0, accumulator_reads=0,
    )
