"""The geometry of recorded convolutions: one-dimensional ones, and padding that is not the same on both sides."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.site import SiteOperands

Pads = Sequence[tuple[int, int]]  # (before, after) per spatial axis


def convolution(name: str, weight: np.ndarray, activation: np.ndarray, bias: np.ndarray | None,
                stride: Sequence[int], pads: Pads, dilation: Sequence[int], groups: int) -> SiteOperands:
    """Operands of a 1-D, 2-D or 3-D convolution; 1-D becomes 2-D with one row, 3-D becomes 2-D as `_slices` tells.

    A layer's padding is the same on both sides of an axis. Where the model's is not, and the side with less does not
    give the same output plane, the surplus becomes explicit zeros of the activation, and the note says so.
    """
    note = None
    if activation.ndim == 3:
        activation, weight = activation[:, :, None], weight[:, :, None]
        stride, pads, dilation = (1, *stride), ((0, 0), *pads), (1, *dilation)
    elif activation.ndim == 5 and weight.ndim == 5:
        activation, note = _slices(activation, weight.shape[2], stride[0], pads[0], dilation[0], groups)
        weight, stride, pads, dilation = planar_weight(weight), stride[1:], pads[1:], dilation[1:]
    if activation.ndim != 4 or weight.ndim != 4:
        raise RecordError(f"{name}: a convolution over {activation.ndim - 2} spatial axes has no layer type; "
                          "1-D to 3-D ones have (leave it out with skip)")
    explicit, padding = [], []
    for axis in (0, 1):
        own, surplus = _axis(activation.shape[2 + axis], weight.shape[2 + axis], stride[axis], pads[axis],
                             dilation[axis])
        padding.append(own)
        explicit.append(surplus)
    if any(n for pair in explicit for n in pair):
        activation = _padded(activation, explicit)
        uneven = (f"padding {[list(p) for p in pads]} differs between sides: {explicit[0]} rows and {explicit[1]} "
                  "columns of zeros (before, after) are part of the activation")
        note = uneven if note is None else f"{note}; {uneven}"
    geometry: dict[str, Any] = {"stride": tuple(stride), "padding": tuple(padding), "dilation": tuple(dilation),
                                "groups": groups}
    return SiteOperands(weight, activation, bias, geometry, note)


def planar_weight(weight: np.ndarray) -> np.ndarray:
    """A convolution's weight as [K, C/groups, R, S]: one row of a 1-D one, depth taps as channels of a 3-D one."""
    if weight.ndim == 3:
        return weight[:, :, None]
    return weight.reshape(len(weight), -1, *weight.shape[3:]) if weight.ndim == 5 else weight


def _slices(activation: np.ndarray, taps: int, stride: int, pads: tuple[int, int], dilation: int,
            groups: int) -> tuple[np.ndarray, str]:
    """A volume [N, C, D, H, W] as one image per output depth, whose channels are (channel, depth tap).

    The MACs are those of the 3-D convolution. Input planes that several output depths read are held once for each, and
    padding along the depth is zero planes.
    """
    images, channels, _, *plane = activation.shape
    padded = np.pad(activation, ((0, 0), (0, 0), pads, (0, 0), (0, 0)))
    depths = (padded.shape[2] - dilation * (taps - 1) - 1) // stride + 1
    picked = np.arange(depths)[:, None] * stride + np.arange(taps) * dilation  # [output depth, tap]
    found = padded[:, :, picked].transpose(0, 2, 1, 3, 4, 5)  # [N, output depth, C, tap, H, W]
    note = (f"3-D convolution: an image per output depth ({depths}), a channel per channel and depth tap ({taps}); "
            "planes that several depths read are held for each, padding in depth is zero planes")
    return found.reshape(images * depths, channels * taps, *plane), note


def transposed_weight(weight: np.ndarray, groups: int) -> np.ndarray:
    """A transposed convolution's weight [C, K/groups, taps...] as [K/groups * taps, C] (a stack of groups)."""
    if groups == 1:
        return weight.reshape(len(weight), -1).T
    return weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)


def transposed_convolution(weight: np.ndarray, activation: np.ndarray, groups: int) -> SiteOperands:
    """A transposed convolution as the matrix product that it is: each input position times all filter taps.

    Its results are then added up where they overlap on the larger output plane, and the bias with them: neither is part
    of the layer. MACs are positions x C x K/groups x taps, for any stride, padding and dilation.
    """
    images, channels = activation.shape[:2]
    positions = activation.reshape(images, groups, channels // groups, -1).transpose(1, 0, 3, 2)
    rows = positions.reshape(groups, -1, channels // groups)
    note = "transposed convolution as a matrix product; adding up its taps and the bias follow after the layer"
    return SiteOperands(transposed_weight(weight, groups), rows[0] if groups == 1 else rows, note=note)


def same_pads(size: int, taps: int, stride: int, dilation: int, upper: bool) -> tuple[int, int]:
    """SAME padding of one axis: the output has ceil(size / stride); the odd row goes to the end when `upper`."""
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (taps - 1) + 1 - size)
    return (total // 2, total - total // 2) if upper else (total - total // 2, total // 2)


def _axis(size: int, taps: int, stride: int, pads: tuple[int, int], dilation: int) -> tuple[int, tuple[int, int]]:
    """(padding on both sides, zeros before and after that become part of the activation; negative ones crop)."""
    (before, after), extent = pads, dilation * (taps - 1) + 1
    out = (size + before + after - extent) // stride + 1
    if 0 <= before <= extent and (size + 2 * before - extent) // stride + 1 == out:
        return before, (0, 0)
    both = max(0, min(before, after, extent))
    return both, (before - both, after - both)


def _padded(activation: np.ndarray, pads: Pads) -> np.ndarray:
    crop = [slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(pads, activation.shape[2:], strict=True)]
    cropped = activation[:, :, crop[0], crop[1]]
    return np.pad(cropped, ((0, 0), (0, 0), *((max(0, a), max(0, b)) for a, b in pads)))
