"""The packed products' tiles for the memory timeline. Rules: docs/machines/column_combining.md, "DRAM"."""

import numpy as np

from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.fast.lowering import Packed
from accelsim.arch.systolic.shared.fast.array import ArrayDesign, stationary_period
from accelsim.arch.systolic.shared.fast.cuts import cuts, in_periods, stays
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer


def product_tiles(layer: Layer, found: Packed, product: tuple[int, int], cycles: int, array: ArrayDesign,
                  config: ColumnCombiningConfig) -> Tiles:
    """The tiles of one product of (outputs, vectors), in the array's order."""
    outputs, vectors = product
    groups = len(found.sizes)
    if not groups:
        return Tiles.of([0], [0], [0], [outputs * vectors * config.activation_bits])
    row_cuts, col_cuts = cuts(groups, min(groups, config.rows)), cuts(found.rows, min(found.rows, config.cols))
    depth, width = np.diff(row_cuts), np.diff(col_cuts)
    shape = (len(width), len(depth))
    activations = np.empty(shape, np.int64)
    activations[:] = _inputs(layer, found, row_cuts, vectors) * config.activation_bits
    if stays(int(activations[0].sum()), config.data_sram_kbytes):
        activations[1:] = 0
    written = np.zeros(shape, np.int64)
    written[:, -1] = width * vectors
    written[-1, -1] += (outputs - found.rows) * vectors
    period = int(stationary_period(int(depth[0]), config.stream_cycles(vectors), array.cols, array.double_buffer))
    return Tiles.of(in_periods(cycles, activations.size, period), (np.outer(width, depth) * config.cell_bits).ravel(),
                    activations.ravel(), (written * config.activation_bits).ravel())


def _inputs(layer: Layer, found: Packed, row_cuts: np.ndarray, vectors: int) -> np.ndarray:
    """Words that each row tile is the first to need."""
    place_cuts = np.concatenate([[0], np.cumsum(found.sizes)])[row_cuts]
    if not isinstance(layer, Conv2d):
        return np.diff(place_cuts) * vectors
    images, _, height, width = layer.activation.shape
    channels = found.columns // (layer.weight.shape[2] * layer.weight.shape[3])
    _, first = np.unique(channels, return_index=True)  # the place of each channel's first column
    return np.histogram(first, place_cuts)[0] * (images * height * width)
