"""How unevenly the non-zeros of a layer lie: what drawn tensors should have in common with recorded ones."""

from dataclasses import dataclass

import numpy as np

from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer


@dataclass(frozen=True)
class Spread:
    """Coefficients of variation (deviation / mean) of density, and the likeness of neighbours. None: not defined.

    filters, inputs: over rows and over input channels (columns) of the weights. channels: over the channels of the
    activation, within one image; over the inputs of a linear layer, across its vectors. positions: over the places of
    the plane, across channels. neighbours: correlation of horizontally or vertically adjacent places, given their
    channel's density. Sampling alone makes the first four larger than 0; compare with a uniform draw of equal shape.
    """

    filters: float | None
    inputs: float | None
    channels: float | None
    positions: float | None
    neighbours: float | None


def spread_of(layer: Layer) -> Spread:
    """Measure the non-zeros of `layer`."""
    weight = layer.weight != 0
    if isinstance(layer, Conv2d):
        grouped = weight.reshape(layer.groups, -1, *weight.shape[1:])
        inputs = grouped.mean(axis=(1, 3, 4))
        images = [_image(plane) for plane in layer.activation != 0]
        channels, positions, neighbours = (_mean([image[k] for image in images]) for k in range(3))
        return Spread(_variation(weight.mean(axis=(1, 2, 3))), _variation(inputs), channels, positions, neighbours)
    active = (layer.activation != 0).mean(axis=1)
    vectors = layer.activation.shape[1]
    return Spread(_variation(weight.mean(axis=2)), _variation(weight.mean(axis=1)),
                  _variation(active) if vectors > 1 else None, None, None)


def _image(plane: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """channels, positions and neighbours of one image [C, H, W]."""
    rest = plane - plane.mean(axis=(1, 2), keepdims=True)
    variance = float((rest * rest).mean())
    pairs = [(a * b).mean() for a, b in ((rest[:, 1:], rest[:, :-1]), (rest[:, :, 1:], rest[:, :, :-1])) if a.size]
    neighbours = float(np.mean(pairs)) / variance if variance > 0 and pairs else None
    return (_variation(plane.mean(axis=(1, 2))) if plane.shape[0] > 1 else None,
            _variation(plane.mean(axis=0)) if plane[0].size > 1 else None, neighbours)


def _variation(densities: np.ndarray) -> float | None:
    mean = float(densities.mean())
    return float(densities.std()) / mean if mean > 0 else None


def _mean(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if known else None
