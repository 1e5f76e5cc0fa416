"""The fewest cycles of all tile heights on a systolic array: the optimum over all policies (our own)."""

import numpy as np

from accelsim.arch.systolic.shared.fast.array import stationary_cycles
from accelsim.arch.systolic.systolic.fast.kernel import output_stationary_cycles


def any_tiles_cycles(down: int, across: int, stream: int, dataflow: str, rows: int, cols: int,
                     double_buffer: bool) -> int:
    """Of a product with these extents along the rows and columns of the array and this length of a tile's stream."""
    heights, widths = _heights(down, rows), _heights(across, cols)
    tiles = -(-down // heights)
    if dataflow != "os":  # every tile passes the whole width: the fewest tiles are best
        fewest = -(-across // int(widths[-1]))
        return int(stationary_cycles(tiles * fewest, heights, stream, cols, double_buffer).min())
    tiles = np.multiply.outer(tiles, -(-across // widths))
    return int(output_stationary_cycles(tiles, heights[:, None], widths[None], stream, double_buffer).min())


def _heights(extent: int, size: int) -> np.ndarray:
    """The smallest tile height of every number of tiles, ascending; the last is of the fewest tiles."""
    heights = np.arange(1, min(extent, size) + 1, dtype=np.int64)
    smallest: np.ndarray = np.unique(-(-extent // -(-extent // heights)))
    return smallest
