"""A layer as convolutions over planes cut into tiles, one for each group. Rules 1 to 5 of docs/machines/spectral.md."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


@dataclass(frozen=True, eq=False)
class TiledGroup:
    """weight [N, M, taps, taps] and activation [image, M, H, W] of one group, as they are in the layer.

    extent, tile, grid: (rows, columns) of a kernel with its dilation, of a tile, and tiles of an image.
    """

    weight: np.ndarray
    activation: np.ndarray
    dilation: tuple[int, int]
    extent: tuple[int, int]
    tile: tuple[int, int]
    grid: tuple[int, int]

    @property
    def kernels(self) -> int:
        """N."""
        return int(self.weight.shape[0])

    @property
    def channels(self) -> int:
        """M."""
        return int(self.weight.shape[1])

    @property
    def tiles(self) -> int:
        """P, of all images."""
        return int(self.activation.shape[0]) * self.grid[0] * self.grid[1]

    def cut(self, channel: int) -> np.ndarray:
        """[image, tile row, row, tile column, column] of a channel's plane, filled up with zeros."""
        plane = self.activation[:, channel]
        whole = [g * t for g, t in zip(self.grid, self.tile, strict=True)]
        filled = np.pad(plane, [(0, 0), (0, whole[0] - plane.shape[1]), (0, whole[1] - plane.shape[2])])
        return filled.reshape(len(plane), self.grid[0], self.tile[0], self.grid[1], self.tile[1])


def tiled_groups(layer: Layer, fft_size: int) -> Iterator[TiledGroup]:
    """The groups in order. Raises UnsupportedLayerError for other operators and for kernels beyond a transform."""
    if isinstance(layer, Conv2d):
        weight, activation, dilation, groups = layer.weight, layer.activation, layer.dilation, layer.groups
    elif isinstance(layer, Matmul):
        groups, outputs, inputs = layer.weight.shape
        weight = layer.weight.reshape(groups * outputs, inputs, 1, 1)
        activation = layer.activation.transpose(1, 0, 2).reshape(-1, groups * inputs, 1, 1)
        dilation = (1, 1)
    else:
        raise UnsupportedLayerError(f"layer {layer.name!r}: spectral machines have no rule for a {layer.op}; give a "
                                    "conv2d, linear or matmul layer")
    extent = dilation[0] * (weight.shape[2] - 1) + 1, dilation[1] * (weight.shape[3] - 1) + 1
    if max(extent) > fft_size:
        way_out = f"give fft_size at least {max(extent)}" if max(extent) <= 32 else "choose another machine"
        raise UnsupportedLayerError(f"layer {layer.name!r}: kernels of extent {extent[0]} x {extent[1]} do not fit "
                                    f"transforms of {fft_size} x {fft_size}; {way_out}")
    tile = fft_size - extent[0] + 1, fft_size - extent[1] + 1
    grid = -(-activation.shape[2] // tile[0]), -(-activation.shape[3] // tile[1])
    kernels, channels = len(weight) // groups, weight.shape[1]
    for group in range(groups):
        yield TiledGroup(weight[group * kernels:(group + 1) * kernels],
                         activation[:, group * channels:(group + 1) * channels], dilation, extent, tile, grid)
