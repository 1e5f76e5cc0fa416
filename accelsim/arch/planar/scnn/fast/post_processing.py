"""Rounds in time: compute, barriers and post-processing, overlapped or serial."""

import math
from dataclasses import dataclass

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.plan import PlanarPlan


@dataclass(frozen=True)
class RoundTimes:
    """cycles of the layer, and the cycles in which no round computes: the halo exchange's and the rest's.

    round_cycles [round in time]: from the end of the round before to this one's; the last one has all that follows.
    """

    cycles: int
    halo_cycles: int
    post_cycles: int
    round_cycles: np.ndarray


def lay_out(compute_cycles: np.ndarray, halo_cycles: np.ndarray, post_cycles: np.ndarray,
            overlapped: bool) -> RoundTimes:
    """All three int64 [round in time]; overlapped: two accumulator buffers and one post-processing unit."""
    if not overlapped:
        halo, post = int(halo_cycles.sum()), int(post_cycles.sum())
        round_cycles = compute_cycles + halo_cycles + post_cycles
        return RoundTimes(int(round_cycles.sum()), halo, post, round_cycles)
    end = 0  # of the last round's compute
    done = [0, 0]  # end of post-processing of the last round but one, of the last
    begun = [0, 0]  # where their halo exchange ended
    halo_seen = post_seen = 0
    ends = []
    for compute, halo, post in zip(compute_cycles.tolist(), halo_cycles.tolist(), post_cycles.tolist(), strict=True):
        begin = max(end, done[0])
        waited = begin - end
        halo_part = min(waited, max(0, begun[0] - end))
        halo_seen, post_seen = halo_seen + halo_part, post_seen + waited - halo_part
        end = begin + compute
        ends.append(end)
        start = max(end, done[1])
        begun, done = [begun[1], start + halo], [done[1], start + halo + post]
    for exchanged, finished in zip(begun, done, strict=True):  # after the last barrier
        waited = max(0, finished - end)
        halo_part = min(waited, max(0, exchanged - end))
        halo_seen, post_seen, end = halo_seen + halo_part, post_seen + waited - halo_part, max(end, finished)
    return RoundTimes(end, halo_seen, post_seen, np.diff([*ends[:-1], end], prepend=0))


def post_processing(conv: PatternConvolution, plan: PlanarPlan, config: ScnnConfig) -> tuple[np.ndarray, np.ndarray]:
    """Cycles of the halo exchange and of the rest, int64 [round in time]."""
    channels = plan.channels_of.max(axis=1)
    halo = np.zeros((plan.temporal_tiles, plan.rounds), np.int64)
    if config.halo == "exchange":
        halo += -(-plan.sent.max(axis=1)[:, None] * channels // config.halo_entries_per_cycle)
    elif config.halo == "widest_neighbour":
        sides = []
        for axis, pieces, tiles in ((conv.rows, plan.rows, plan.assignment.grid[0]),
                                    (conv.cols, plan.cols, plan.assignment.grid[1])):
            rim = axis.padding if config.tiling == "padded_plane" else 0
            tile = math.ceil(math.ceil((axis.size + 2 * rim) / tiles) / pieces.splits)
            sides.append((max(0, (axis.taps - 1) * axis.dilation - axis.padding), tile, axis.padding))
        neighbours = [x * y for i, x in enumerate(sides[0]) for j, y in enumerate(sides[1]) if (i, j) != (1, 1)]
        halo += max(neighbours) * channels
    post = np.zeros_like(halo)
    if config.post_entries_per_cycle:
        post += -(-plan.own.max(axis=1)[:, None] * channels // config.post_entries_per_cycle)
    return np.tile(halo.reshape(-1), conv.images), np.tile(post.reshape(-1), conv.images)
