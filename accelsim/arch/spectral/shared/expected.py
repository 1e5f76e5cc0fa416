"""What a spectral machine computes: numpy's transforms with the kept values.

Rules 17 and 18 of docs/machines/spectral.md.
"""

import numpy as np

from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.geometry import TiledGroup, tiled_groups
from accelsim.arch.spectral.shared.spectrum import kept_values, powers, spectra
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.planar import from_images


def expected_output(layer: Layer, config: SpectralConfig) -> np.ndarray:
    """float64, in the shape of the layer's output; the layer has values."""
    layer.check_values()
    planes = [_added_up(group, config) for group in tiled_groups(layer, config.fft_size)]
    outputs = np.concatenate(planes, axis=1)
    for axis in (0, 1):
        at = np.zeros(1, np.int64)  # a matrix product has planes of one output
        if isinstance(layer, Conv2d):
            extent = layer.dilation[axis] * (layer.weight.shape[2 + axis] - 1) + 1
            at = np.arange(layer.out_plane[axis]) * layer.stride[axis] + extent - 1 - layer.padding[axis]
        outputs = _taken(outputs, at, 2 + axis)
    if layer.bias is not None:
        outputs = outputs + np.resize(layer.bias, outputs.shape[1])[:, None, None]
    return from_images(layer, outputs)


def _added_up(group: TiledGroup, config: SpectralConfig) -> np.ndarray:
    """[image, kernel, row, column] of the plane into which all tiles are added."""
    size, images, (rows, cols) = config.fft_size, len(group.activation), group.grid
    spectrum = spectra(group.weight.astype(np.int64), group.dilation, size)
    kept = kept_values(powers(group.weight.astype(np.int64), spectrum), config.kept)
    pruned = np.zeros((*spectrum.shape[:2], config.positions), complex)
    np.put_along_axis(pruned, kept, np.take_along_axis(spectrum.reshape(pruned.shape), kept, -1), -1)
    cut = np.stack([group.cut(m) for m in range(group.channels)]).astype(float).transpose(1, 2, 4, 0, 3, 5)
    tiles = np.fft.fft2(cut, (size, size)).reshape(images * rows * cols, group.channels, -1)
    sums = np.einsum("tmf,nmf->tnf", tiles, pruned).reshape(images, rows, cols, group.kernels, size, size)
    values = np.fft.ifft2(sums).real
    plane = np.zeros((images, group.kernels, rows * group.tile[0] + group.extent[0] - 1,
                      cols * group.tile[1] + group.extent[1] - 1))
    for i, j in np.ndindex(rows, cols):
        top, left = i * group.tile[0], j * group.tile[1]
        plane[:, :, top:top + size, left:left + size] += values[:, i, j]
    return plane


def _taken(planes: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Places `at` of an axis, zeros where they lie outside of the plane."""
    inside = (at >= 0) & (at < planes.shape[axis])
    taken = np.take(planes, np.where(inside, at, 0), axis=axis)
    shape = [1] * planes.ndim
    shape[axis] = len(at)
    return np.where(inside.reshape(shape), taken, 0.0)
