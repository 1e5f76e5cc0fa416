"""The systolic array's products as tiles for the memory timeline. Rules: docs/machines/systolic.md, "DRAM"."""

import numpy as np

from accelsim.arch.systolic.shared.fast.array import ArrayDesign, ProductWork
from accelsim.arch.systolic.shared.fast.cuts import cuts, in_periods, planes_first_met, stays
from accelsim.arch.systolic.systolic.config import SUM_BITS, WORD_BITS, SystolicConfig
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct


def product_tiles(layer: Layer, product: MatrixProduct, dataflow: str, work: ProductWork, array: ArrayDesign,
                  config: SystolicConfig) -> Tiles:
    """The tiles of one product in `dataflow` ("ws", "is" or "os"), in the array's order."""
    (m, k), n = product.matrix.shape, len(product.vectors)
    if dataflow == "os":
        return _output_stationary(layer, (m, n, k), work, array, config)
    outputs, vectors = (m, n) if dataflow == "ws" else (n, m)
    k_cuts = cuts(k, array.tile_height(k, array.rows))
    output_cuts = cuts(outputs, array.tile_height(outputs, array.cols))
    depth, width = np.diff(k_cuts), np.diff(output_cuts)
    shape = (len(width), len(depth))  # output tile by output tile, within it ascending K
    held, streamed = np.outer(width, depth) * WORD_BITS, np.zeros(shape, np.int64)
    streamed[:] = depth * vectors * WORD_BITS
    activations = held if dataflow == "is" else streamed
    if isinstance(layer, Conv2d):
        activations[:] = _new_planes(layer, k_cuts)
        if dataflow == "is":
            activations[1:] = 0  # the planes of the first pass stay
    if stays(int(streamed[0].sum()), config.data_sram_kbytes):
        streamed[1:] = 0
    written = np.zeros(shape, np.int64)
    written[:, -1] = width * vectors * SUM_BITS
    weights = streamed if dataflow == "is" else held
    cycles = in_periods(work.cycles, held.size, _period(array, (vectors, k)))
    return Tiles.of(cycles, weights.ravel(), activations.ravel(), written.ravel())


def _output_stationary(layer: Layer, sizes: tuple[int, int, int], work: ProductWork, array: ArrayDesign,
                       config: SystolicConfig) -> Tiles:
    m, n, k = sizes
    tile_rows = array.tile_height(m, array.rows)
    row_cuts, col_cuts = cuts(m, tile_rows), cuts(n, array.tile_height(n, array.cols))
    height, width = np.diff(row_cuts), np.diff(col_cuts)
    weights, activations = (np.zeros((len(height), len(width)), np.int64) for _ in range(2))
    weights[:, 0] = height * k * WORD_BITS
    activations[:] = width * k * WORD_BITS
    if isinstance(layer, Conv2d):
        activations[:] = _new_images(layer, n, col_cuts)
    if stays(int(activations[0].sum()), config.data_sram_kbytes):
        activations[1:] = 0
    period = max(k, tile_rows) if array.double_buffer else work.cycles // weights.size
    return Tiles.of(in_periods(work.cycles, weights.size, period), weights.ravel(), activations.ravel(),
                    (np.outer(height, width) * SUM_BITS).ravel())


def _period(array: ArrayDesign, streamed: tuple[int, int]) -> int:
    vectors, k = streamed
    tile_rows = array.tile_height(k, array.rows)
    return max(vectors, tile_rows, array.cols) if array.double_buffer else tile_rows + vectors + array.cols


def _new_planes(layer: Conv2d, k_cuts: np.ndarray) -> np.ndarray:
    """Bits per K tile: the planes, of all images, of the channels whose first tap lies in the tile."""
    images, _, height, width = layer.activation.shape
    taps = layer.weight.shape[2] * layer.weight.shape[3]
    return planes_first_met(k_cuts, taps) * images * height * width * WORD_BITS


def _new_images(layer: Conv2d, vectors: int, col_cuts: np.ndarray) -> np.ndarray:
    """Bits per tile of vectors: the channels of the group, of the images whose first vector lies in the tile."""
    images = layer.activation.shape[0]
    first_image = -(-col_cuts // (vectors // images))
    return np.diff(first_image) * (layer.activation[0].size // layer.groups) * WORD_BITS
