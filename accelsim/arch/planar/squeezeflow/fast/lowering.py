"""From a layer and a design to what is broadcast: tiles of the output plane, their input planes, weights per kernel."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.planar.shared.fast.convolution import PatternAxis, PatternConvolution, convolution_of
from accelsim.arch.planar.squeezeflow.config import SqueezeFlowConfig
from accelsim.errors import ModelError
from accelsim.workload.derived import derived
from accelsim.workload.formats.runs import entries_of
from accelsim.workload.layer import Layer


class CutAxis(NamedTuple):
    """Rows, or columns, of tiles. height: the policy's; outputs [tile]; low, high [tile]: its input plane, high not in
    it; inside [tile, tap]: outputs whose tap meets the plane."""

    height: int
    outputs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    inside: np.ndarray

    @property
    def inputs(self) -> np.ndarray:
        """Input positions [tile] of a tile's plane."""
        return self.high - self.low


class SqueezeWork(NamedTuple):
    """A layer on a design. live [image, tile, channel]: the channel's tile plane holds a non-zero; runs: the same, or
    all, by the switch. weights [filter, channel of its group]: non-zeros of kernels; entries: coded weights."""

    conv: PatternConvolution
    rows: CutAxis
    cols: CutAxis
    live: np.ndarray
    runs: np.ndarray
    weights: np.ndarray
    entries: int

    @property
    def tile_outputs(self) -> np.ndarray:
        """Outputs [tile]."""
        return np.outer(self.rows.outputs, self.cols.outputs).ravel()

    @property
    def tile_inputs(self) -> np.ndarray:
        """Words of the tile plane of one channel [tile]."""
        return np.outer(self.rows.inputs, self.cols.inputs).ravel()

    def over_filters(self, per_kernel: np.ndarray) -> np.ndarray:
        """Sums over the filters that a channel meets: [filter, channel of its group] -> [channel]."""
        return per_kernel.reshape(self.conv.groups, -1, per_kernel.shape[1]).sum(axis=1).ravel()


def lowered(layer: Layer, config: SqueezeFlowConfig, policy: Policy) -> SqueezeWork:
    """Raises UnsupportedLayerError for what is no convolution."""
    conv = convolution_of(layer)
    rows, cols = (_cut(axis, _height(policy, axis.out, pes))
                  for axis, pes in ((conv.rows, config.tile_rows), (conv.cols, config.tile_cols)))
    live = derived(layer, ("squeezeflow planes", rows.height, cols.height), lambda: _live(conv, rows, cols))
    runs = live if config.skip_zero_tiles else np.ones_like(live)
    weights: np.ndarray = derived(layer, "squeezeflow kernels", lambda: conv.weight.sum(axis=(2, 3)))
    entries: int = derived(layer, ("squeezeflow entries", config.run_bits), lambda: _entries(conv, config.run_bits))
    return SqueezeWork(conv, rows, cols, live, runs, weights, entries)


def _height(policy: Policy, extent: int, pes: int) -> int:
    height = int(policy(extent, pes))
    if not 1 <= height <= min(extent, pes):
        raise ModelError(f"the policy cuts an extent of {extent} on {pes} PEs into tiles of {height}; "
                         f"wanted 1 .. {min(extent, pes)}")
    return height


def _cut(axis: PatternAxis, height: int) -> CutAxis:
    first = np.arange(0, axis.out, height)
    after = np.minimum(first + height, axis.out)
    reach = (axis.taps - 1) * axis.dilation - axis.padding
    low = np.clip(first * axis.stride - axis.padding, 0, axis.size)
    high = np.maximum(low, np.clip((after - 1) * axis.stride + reach + 1, 0, axis.size))
    met = (np.arange(axis.out) * axis.stride - axis.padding)[:, None] + np.arange(axis.taps) * axis.dilation
    inside = np.add.reduceat(((met >= 0) & (met < axis.size)).astype(np.int64), first, axis=0)
    return CutAxis(height, after - first, low, high, inside)


def _live(conv: PatternConvolution, rows: CutAxis, cols: CutAxis) -> np.ndarray:
    images, channels, height, width = conv.activation.shape
    before = np.zeros((images, channels, height + 1, width + 1), np.int32)  # non-zeros above and to the left
    before[:, :, 1:, 1:] = conv.activation.cumsum(axis=2, dtype=np.int32).cumsum(axis=3)
    bands = before[:, :, rows.high] - before[:, :, rows.low]
    inside = bands[..., cols.high] - bands[..., cols.low]  # [image, channel, tile row, tile column]
    return np.ascontiguousarray((inside > 0).reshape(images, channels, -1).transpose(0, 2, 1))


def _entries(conv: PatternConvolution, run_bits: int) -> int:
    filters = conv.weight.reshape(len(conv.weight), -1)
    of_filter, position = np.nonzero(filters)
    return len(entries_of(of_filter, position, np.ones(len(position), np.int64), len(filters), run_bits).run)
