"""From a layer to what its passes walk over: masks by owner, and how many positions each tap meets."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.training.shared.passes import Phase
from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


class Extents(NamedTuple):
    """Numbers of a layer. input_words, output_words: of one channel, all images; meets int64 [tap]."""

    groups: int
    filters: int
    channels: int
    input_words: int
    output_words: int
    meets: np.ndarray


class Pass(NamedTuple):
    """What a pass walks over: mask bool [owner, depth, tap]; words of a channel of what it streams and of an owner."""

    mask: np.ndarray
    owners_per_group: int
    streamed_words: int
    owner_words: int


def extents_of(layer: Layer) -> Extents:
    """Raises UnsupportedLayerError for a layer that is neither convolution nor matrix product."""
    if isinstance(layer, Matmul):
        groups, outputs, inputs = layer.weight.shape
        vectors = layer.activation.shape[1]
        return Extents(groups, groups * outputs, groups * inputs, vectors, vectors, np.array([vectors], np.int64))
    if not isinstance(layer, Conv2d):
        raise UnsupportedLayerError(f"layer {layer.name!r}: Eager Pruning has no rule for a {layer.op}; "
                                    "give a conv2d, linear or matmul layer")
    images, channels, height, width = layer.activation.shape
    filters, _, *kernel = layer.weight.shape
    met = [layer.taps(r, s)[1] for r, s in np.ndindex(*kernel)]
    meets = np.array([images * (p.stop - p.start) * (q.stop - q.start) for p, q in met], np.int64)
    rows, cols = layer.out_plane
    return Extents(layer.groups, filters, channels, images * height * width, images * rows * cols, meets)


def pass_of(layer: Layer, extents: Extents, phase: Phase, sparse: bool) -> Pass:
    """What `phase` walks over."""
    filters, channels = extents.filters // extents.groups, extents.channels // extents.groups
    shape = extents.groups, filters, channels, len(extents.meets)
    if phase == "backward":
        return Pass(_mask(layer, shape, sparse, swapped=True), channels, extents.output_words, extents.input_words)
    return Pass(_mask(layer, shape, sparse, swapped=False), filters, extents.input_words, extents.output_words)


def _mask(layer: Layer, shape: tuple[int, int, int, int], sparse: bool, swapped: bool) -> np.ndarray:
    """[owner, depth, tap], the owners being filters, or, swapped, channels."""
    def make() -> np.ndarray:
        mask = (layer.weight != 0).reshape(shape) if sparse else np.ones(shape, bool)
        if swapped:
            mask = mask.swapaxes(1, 2)
        return np.ascontiguousarray(mask).reshape(-1, *mask.shape[2:])

    mask: np.ndarray = derived(layer, ("eager pruning mask", sparse, swapped), make)
    return mask
