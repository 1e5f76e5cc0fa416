"""Where a pass of a layer lies on the array: loop dimensions, operand words and the PE tile.

Everything here follows from shapes, the number of mask bits and the config (docs/machines/procrustes.md, "What lies
where"); which weights are zero comes later.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.shared.passes import Phase
from accelsim.errors import UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul

MAX_SLICE = (1 << 16) - 1  # weights of one R x S slice: counted in 16 bits
Pair = tuple[int, int]


class LoopExtents(NamedTuple):
    """Loop dimensions of a layer; `filters` and `channels` are those of one group, planes are (rows, columns)."""

    images: int
    groups: int
    filters: int
    channels: int
    kernel: Pair
    out_plane: Pair
    in_plane: Pair
    stride: Pair
    dilation: Pair

    @property
    def slice_weights(self) -> int:
        """R x S."""
        return self.kernel[0] * self.kernel[1]

    @property
    def positions(self) -> int:
        """P x Q."""
        return self.out_plane[0] * self.out_plane[1]

    @property
    def x_words(self) -> int:
        """Words of x, and of dL/dx."""
        return self.images * self.groups * self.channels * self.in_plane[0] * self.in_plane[1]

    @property
    def y_words(self) -> int:
        """Words of y, and of dL/dy."""
        return self.images * self.groups * self.filters * self.positions


class PassMapping(NamedTuple):
    """One pass on one design. Lanes are channels of the axis in space, depth is the other weight axis.

    lanes_on_filters: lanes are filters (else channels). runs: how often the axes below occur (groups for `ck`, else 1).
    axis_lanes, group_lanes, axis_depth: A, A_g and D of the rules. lane_places, depth_places: PEs along each axis.
    lanes, depth: of a PE tile. plane: (rows, columns) of a plane tile; plane_tiles: how many. lane_words,
    depth_words: of one channel of the lanes' and the depth's operand in a plane tile. weight_space: words of a PE
    left for weights.
    """

    lanes_on_filters: bool
    runs: int
    axis_lanes: int
    group_lanes: int
    axis_depth: int
    lane_places: int
    depth_places: int
    lanes: int
    depth: int
    plane: Pair
    plane_tiles: int
    lane_words: int
    depth_words: int
    weight_space: int

    @property
    def lane_blocks(self) -> int:
        return ceil_div(self.axis_lanes, self.lane_places * self.lanes)

    @property
    def depth_blocks(self) -> int:
        return ceil_div(self.axis_depth, self.depth_places * self.depth)


class Plane(NamedTuple):
    """A plane tile: (rows, columns), and the words of one channel of the lanes' and of the depth's operand in it."""

    tile: Pair
    lane_words: int
    depth_words: int


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def loops_of(layer: Layer) -> LoopExtents:
    """Loop dimensions. Raises UnsupportedLayerError for an operator without weights, or with too large a filter."""
    if isinstance(layer, Conv2d):
        images, channels, *plane = layer.activation.shape
        kernel = layer.weight.shape[2:]
        if kernel[0] * kernel[1] > MAX_SLICE:
            raise UnsupportedLayerError(f"layer {layer.name!r}: a filter of {kernel[0]} x {kernel[1]} weights, more "
                                        f"than {MAX_SLICE:,}; no register file holds it")
        return LoopExtents(images, layer.groups, layer.weight.shape[0] // layer.groups, channels // layer.groups,
                     (kernel[0], kernel[1]), layer.out_plane, (plane[0], plane[1]), layer.stride, layer.dilation)
    if isinstance(layer, Matmul):
        groups, out, n_in = layer.weight.shape
        one = (1, 1)
        return LoopExtents(layer.activation.shape[1], groups, out, n_in, one, one, one, one, one)
    raise UnsupportedLayerError(f"layer {layer.name!r}: Procrustes trains convolutions and matmuls, not a {layer.op}")


def lanes_are_filters(phase: Phase, dataflow: str) -> bool:
    """`cn` is named after the channels of the forward pass; the backward pass swaps channels and filters."""
    if dataflow == "ck":
        return True
    return (dataflow == "cn") == (phase == "backward")


def map_pass(layer: Layer, loops: LoopExtents, mask_bits: int, phase: Phase, config: ProcrustesConfig) -> PassMapping:
    """Choose the PE tile of one pass. Raises UnsupportedLayerError when not even the smallest tile fits."""
    on_filters, by_group = lanes_are_filters(phase, config.dataflow), config.dataflow == "ck"
    group_lanes, axis_depth = loops.filters, loops.channels
    if not on_filters:
        group_lanes, axis_depth = axis_depth, group_lanes
    groups = 1 if by_group else loops.groups
    places = {"ck": (config.pe_cols, config.pe_rows), "pq": (1, 1)}.get(config.dataflow, (config.pe_rows, 1))
    fill = config.weight_fill_percent if config.sparse else 100
    dense_slices = loops.groups * loops.filters * loops.channels

    def words(lanes: int, depth: int, plane: Plane) -> int:
        touched = min(groups, ceil_div(lanes - 1, group_lanes) + 1)
        return lanes * plane.lane_words + touched * depth * plane.depth_words

    def fits(lanes: int, depth: int, plane: Plane) -> bool:
        mean_bits = max(1, ceil_div(lanes * depth * mask_bits * 100, dense_slices * fill))
        return words(lanes, depth, plane) + mean_bits <= config.register_file_words

    axis_lanes = groups * group_lanes
    most_lanes = min(config.tile_lanes, ceil_div(axis_lanes, places[0]))
    planes = list(_planes(loops, phase, config, on_filters))
    smallest = planes[-1]
    if words(1, 1, smallest) >= config.register_file_words:
        raise UnsupportedLayerError(
            f"layer {layer.name!r}: one output of a {loops.kernel[0]} x {loops.kernel[1]} filter needs "
            f"{words(1, 1, smallest) + 1:,} words of a PE in the {phase.replace('_', ' ')} pass, "
            f"register_file_words is {config.register_file_words:,}; give more")
    lanes, plane = next(((lanes, plane) for lanes in range(most_lanes, 0, -1) for plane in planes
                         if fits(lanes, 1, plane)), (1, smallest))  # else its weights spill
    lanes = _even(axis_lanes, places[0], lanes)
    most_depth = min(config.tile_depth, ceil_div(axis_depth, places[1]))
    depth = next((depth for depth in range(most_depth, 0, -1) if fits(lanes, depth, plane)), 1)
    depth = _even(axis_depth, places[1], depth)
    return PassMapping(
        on_filters, loops.groups if by_group else 1, axis_lanes, group_lanes, axis_depth, *places, lanes, depth,
        plane.tile, _tiles(_plane_of(loops, phase, config), plane.tile), plane.lane_words, plane.depth_words,
        config.register_file_words - words(lanes, depth, plane))


def _even(extent: int, places: int, most: int) -> int:
    """The smallest tile that needs no more blocks than `most` does: blocks of equal size."""
    return ceil_div(extent, places * ceil_div(extent, places * most))


def _plane_of(loops: LoopExtents, phase: Phase, config: ProcrustesConfig) -> Pair:
    return loops.in_plane if _gathers_dx(phase, config) else loops.out_plane


def _gathers_dx(phase: Phase, config: ProcrustesConfig) -> bool:
    """The backward pass goes by positions of dL/dx, except where PEs own positions of dL/dy."""
    return phase == "backward" and config.dataflow != "pq"


def _tiles(plane: Pair, tile: Pair) -> int:
    return ceil_div(plane[0], tile[0]) * ceil_div(plane[1], tile[1])


def _planes(loops: LoopExtents, phase: Phase, config: ProcrustesConfig, on_filters: bool) -> Iterator[Plane]:
    """The plane tiles to try, the largest first."""
    gathers_dx, plane = _gathers_dx(phase, config), _plane_of(loops, phase, config)
    if config.dataflow == "pq":
        plane = (ceil_div(plane[0], config.pe_rows), ceil_div(plane[1], config.pe_cols))
    for size in range(config.tile_plane, 0, -1):
        tile = (min(size, plane[0]), min(size, plane[1]))
        if size > max(plane) and size > 1:
            continue  # the same tile comes again
        window = 1
        for axis in (0, 1):
            window *= _window(tile[axis], loops.kernel[axis], loops.stride[axis], loops.dilation[axis], gathers_dx)
        own = tile[0] * tile[1]
        x_words, y_words = (own, window) if gathers_dx else (window, own)
        yield Plane(tile, y_words, x_words) if on_filters else Plane(tile, x_words, y_words)


def _window(tile: int, taps: int, stride: int, dilation: int, gathers_dx: bool) -> int:
    """Rows (or columns) of the other operand that `tile` rows meet."""
    if not gathers_dx:
        return len(np.unique(np.add.outer(np.arange(tile) * stride, np.arange(taps) * dilation)))
    first, last = -(np.arange(taps) * dilation // stride), (tile - 1 - np.arange(taps) * dilation) // stride
    return len({int(m) for low, high in zip(first, last, strict=True) for m in range(low, high + 1)})
