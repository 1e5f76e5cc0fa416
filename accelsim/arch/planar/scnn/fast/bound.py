"""What no division of planes and output channels can beat on SCNN (our own)."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.divisions import divisions
from accelsim.hw.balance import least_fullest

GROUP_SIZES = 32  # looked at one by one


def any_plane_policy_cycles(conv: PatternConvolution, config: ScnnConfig, useful: int) -> int:
    """Lower bound on a layer's cycles over all assignments; `useful`: the layer's products that land.

    For every grid of tiles and every size of output-channel groups that it allows: all steps divided evenly; the
    fullest band of rows, and of columns, at the best cuts, divided evenly; the fullest position; the updates of the
    banks. Then the post-processing of all outputs.
    """
    plane, most = (conv.rows.size, conv.cols.size), min(conv.filters, config.accumulator_entries)
    most = min(most, config.kc_max or most)
    loads = {kc: _load(conv, config, kc) for kc in range(1, min(most, GROUP_SIZES) + 1)}
    if most > GROUP_SIZES:
        loads[GROUP_SIZES + 1] = _load(conv, config, conv.filters)  # no more vectors than in smaller groups
    compute = min(int(load.cycles(parts, rows, cols, config, useful).min())
                  for parts, rows, cols in divisions(config.pes, conv.filters, plane)
                  for kc, load in loads.items() if kc <= -(-conv.filters // parts))
    rate = config.pes * config.post_entries_per_cycle
    post = -(-conv.outputs // rate) if rate else 0
    return max(compute, post) if config.post == "overlapped" else compute + post


class _Load(NamedTuple):
    """Of a layer whose plane is not divided, in output-channel groups of one size: steps; pairs of activation and
    weight vector in the fullest band [bands] of rows and of columns, and at the fullest position.

    The steps of a divided plane are as many or more: each part of an activation block rounds up on its own.
    """

    steps: int
    row_band: np.ndarray
    col_band: np.ndarray
    single: int

    def cycles(self, parts: int, rows: np.ndarray, cols: np.ndarray, config: ScnnConfig, useful: int) -> np.ndarray:
        """[grid]: what no cuts into these grids can beat."""
        tiles, lanes = rows * cols, config.activation_vector * parts
        bounds = (-(-self.steps // (parts * tiles)), -(-self.row_band[rows] // (lanes * cols)),
                  -(-self.col_band[cols] // (lanes * rows)), np.full(len(rows), -(-self.single // lanes)),
                  -(-useful // (config.banks * parts * tiles)))
        highest: np.ndarray = np.maximum.reduce(bounds)
        return highest


def _load(conv: PatternConvolution, config: ScnnConfig, kc: int) -> _Load:
    by_position, steps = np.zeros(conv.activation.shape[2:], np.int64), 0
    for a in range(conv.rows.stride):
        for b in range(conv.cols.stride):
            vectors = _weight_vectors(conv, (a, b), kc, config.weight_vector)
            place = np.ix_(conv.rows.position_phases == a, conv.cols.position_phases == b)
            present = conv.activation[:, :, place[0], place[1]]
            nonzeros = np.count_nonzero(present, axis=(2, 3))  # [image, channel]
            steps += int((-(-nonzeros // config.activation_vector) @ vectors).sum())
            by_position[place] = np.tensordot(vectors, np.count_nonzero(present, axis=0), axes=1)
    row_band, col_band = (least_fullest(work, min(config.pes, len(work)))
                          for work in (by_position.sum(axis=1), by_position.sum(axis=0)))
    return _Load(steps, row_band, col_band, int(by_position.max()))


def _weight_vectors(conv: PatternConvolution, phase: tuple[int, int], kc: int, width: int) -> np.ndarray:
    """[channel]: weight vectors of a stride phase over all groups of `kc` filters."""
    taps = conv.weight[:, :, conv.rows.tap_phases == phase[0]][:, :, :, conv.cols.tap_phases == phase[1]]
    nonzeros = np.count_nonzero(taps, axis=(2, 3))  # [filter, channel of its conv group]
    per_group = conv.filters // conv.groups
    first_filter = np.arange(0, conv.filters, per_group)
    starts = np.union1d(np.arange(0, conv.filters, kc), first_filter)
    blocks = -(-np.add.reduceat(nonzeros, starts, axis=0) // width)
    vectors: np.ndarray = np.add.reduceat(blocks, np.searchsorted(starts, first_filter), axis=0)
    return vectors.reshape(-1)
