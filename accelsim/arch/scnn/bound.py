"""What no division of planes and output channels can beat on a planar machine (our own). DCNN's too, in part."""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.scnn.config import ScnnConfig
from accelsim.arch.scnn.convolution import Convolution
from accelsim.hw.balance import least_fullest


def divisions(pes: int, filters: int, plane: tuple[int, int]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(parts, tile rows [grid], tile columns [grid]): the ways to use all PEs that are worth trying.

    Any assignment has as many PEs as one of these or fewer, and nothing is gained by fewer.
    """
    parts_worth_trying = {min(pes // tiles, filters) for tiles in {pes // parts for parts in range(1, pes + 1)}}
    for parts in sorted(parts_worth_trying):
        rows = np.arange(1, min(pes // parts, plane[0]) + 1)
        yield parts, rows, np.minimum(pes // parts // rows, plane[1])


def any_plane_policy_cycles(conv: Convolution, config: ScnnConfig, useful: int) -> int:
    """Lower bound on a layer's cycles over all assignments; `useful`: the layer's products that land.

    For every grid of tiles: all steps divided evenly; the fullest band of rows, and of columns, at the best cuts,
    divided evenly; the fullest position; the updates of the banks. Then the post-processing of all outputs.
    """
    steps, by_position = _steps(conv, config)
    row_work, col_work = by_position.sum(axis=1), by_position.sum(axis=0)
    plane = by_position.shape
    row_band, col_band = (least_fullest(work, min(config.pes, size)) for work, size in
                          zip((row_work, col_work), plane, strict=True))
    lanes, single = config.activation_vector, int(by_position.max())
    compute = min(int(np.maximum.reduce([
        -(-steps // (parts * rows * cols)), -(-row_band[rows] // (lanes * parts * cols)),
        -(-col_band[cols] // (lanes * parts * rows)), np.full(len(rows), -(-single // (lanes * parts))),
        -(-useful // (config.banks * parts * rows * cols))]).min())
        for parts, rows, cols in divisions(config.pes, conv.filters, (plane[0], plane[1])))
    rate = config.pes * config.post_entries_per_cycle
    post = -(-conv.outputs // rate) if rate else 0
    return max(compute, post) if config.post == "overlapped" else compute + post


def _steps(conv: Convolution, config: ScnnConfig) -> tuple[int, np.ndarray]:
    """Steps of a layer that is not divided at all; and pairs of activation and weight vector of each position [h, w].

    The vectors of a divided layer are as many or more: each part of a block rounds up on its own.
    """
    per_group = conv.filters // conv.groups
    taps = conv.weight.reshape(conv.groups, per_group, conv.weight.shape[1], conv.rows.taps, conv.cols.taps)
    by_tap = np.count_nonzero(taps, axis=1).reshape(conv.channels, conv.rows.taps, conv.cols.taps)
    by_position = np.zeros(conv.activation.shape[2:], np.int64)
    steps = 0
    for a in range(conv.rows.stride):
        for b in range(conv.cols.stride):
            weights = by_tap[:, conv.rows.tap_phases == a][:, :, conv.cols.tap_phases == b].sum(axis=(1, 2))
            vectors = -(-weights // config.weight_vector)  # [channel]
            place = np.ix_(conv.rows.position_phases == a, conv.cols.position_phases == b)
            present = conv.activation[:, :, place[0], place[1]]
            nonzeros = np.count_nonzero(present, axis=(2, 3))  # [image, channel]
            steps += int((-(-nonzeros // config.activation_vector) @ vectors).sum())
            by_position[place] = np.tensordot(vectors, np.count_nonzero(present, axis=0), axes=1)
    return steps, by_position
