"""One group of a layer: its planes cut into tiles, its kernels' spectra, and the plane its tiles are added into."""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.reference.transform import KeptKernel, kept_kernel, transformed
from accelsim.errors import UnsupportedLayerError
from accelsim.workload.layer import Layer
from accelsim.workload.planar import Planar, PlanarAxis, planar


class TileAxis(PlanarAxis):
    """Rows, or columns, of planes that are cut into tiles for transforms."""

    @property
    def extent(self) -> int:
        """Positions from the first tap to the last."""
        return self.dilation * (self.taps - 1) + 1


def planes_of(layer: Layer, config: SpectralConfig) -> Planar[TileAxis]:
    """The layer as a convolution. Raises UnsupportedLayerError for kernels that no transform holds."""
    conv = planar(layer, TileAxis, "a spectral machine")
    if max(conv.rows.extent, conv.cols.extent) > config.fft_size:
        raise UnsupportedLayerError(f"layer {layer.name!r}: kernels reach over {conv.rows.extent} x {conv.cols.extent} "
                                    f"positions, transforms over {config.fft_size}; raise fft_size")
    return conv


class Group:
    """Tiles, numbered image by image and row by row, and kernels of one group of a layer."""

    def __init__(self, conv: Planar[TileAxis], number: int, config: SpectralConfig) -> None:
        kernels, channels = conv.filters // conv.groups, conv.weight.shape[1]
        self.rows, self.cols, self.size = conv.rows, conv.cols, config.fft_size
        self.weight = conv.weight[number * kernels:(number + 1) * kernels]
        self.planes = conv.activation[:, number * channels:(number + 1) * channels]
        self.images, self.kernels, self.channels = conv.images, kernels, channels
        self.tile = self.size - self.rows.extent + 1, self.size - self.cols.extent + 1
        self.grid = -(-self.rows.inputs // self.tile[0]), -(-self.cols.inputs // self.tile[1])
        self.tiles = self.images * self.grid[0] * self.grid[1]
        self.kept = config.kept
        self.sums = np.zeros((self.images, kernels, self.grid[0] * self.tile[0] + self.rows.extent - 1,
                              self.grid[1] * self.tile[1] + self.cols.extent - 1))

    def kernel(self, kernel: int, channel: int) -> KeptKernel:
        dilation = self.rows.dilation, self.cols.dilation
        return kept_kernel(self.weight[kernel, channel], dilation, self.size, self.kept)

    def place(self, tile: int) -> tuple[int, int, int]:
        """Image, first row and first column of a tile."""
        image, rest = divmod(tile, self.grid[0] * self.grid[1])
        row, col = divmod(rest, self.grid[1])
        return image, row * self.tile[0], col * self.tile[1]

    def inputs(self, tile: int, channel: int) -> np.ndarray:
        """The inputs of a tile; fewer where the plane ends."""
        image, row, col = self.place(tile)
        return self.planes[image, channel, row:row + self.tile[0], col:col + self.tile[1]]

    def spectrum(self, tile: int, channel: int) -> np.ndarray:
        """Of a tile, by place."""
        inputs, filled = self.inputs(tile, channel), np.zeros((self.size, self.size))
        filled[:inputs.shape[0], :inputs.shape[1]] = inputs
        return transformed(filled).reshape(-1)

    def add(self, tile: int, kernel: int, values: np.ndarray) -> None:
        """Overlap-and-add of a tile's K x K values."""
        image, row, col = self.place(tile)
        self.sums[image, kernel, row:row + self.size, col:col + self.size] += values

    def outputs(self) -> np.ndarray:
        """[image, kernel, row, column] of the layer."""
        found = np.zeros((self.images, self.kernels, self.rows.outputs, self.cols.outputs))
        for (p, row), (q, col) in ((a, b) for a in _met(self.rows, self.sums.shape[2])
                                   for b in _met(self.cols, self.sums.shape[3])):
            found[:, :, p, q] = self.sums[:, :, row, col]
        return found


def _met(axis: TileAxis, size: int) -> Iterator[tuple[int, int]]:
    """(output, place in the plane of sums), but for outputs outside of it."""
    for output in range(axis.outputs):
        place = output * axis.stride + axis.extent - 1 - axis.padding
        if 0 <= place < size:
            yield output, place
