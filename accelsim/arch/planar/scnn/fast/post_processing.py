"""Rounds in time: compute, barriers and post-processing, overlapped or serial."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timeline:
    """cycles of the layer, and the cycles in which no round computes: the halo exchange's and the rest's.

    round_cycles [round in time]: from the end of the round before to this one's; the last one has all that follows.
    """

    cycles: int
    halo_cycles: int
    post_cycles: int
    round_cycles: np.ndarray


def lay_out(compute_cycles: np.ndarray, halo_cycles: np.ndarray, post_cycles: np.ndarray, overlapped: bool) -> Timeline:
    """All three int64 [round in time]; overlapped: two accumulator buffers and one post-processing unit."""
    if not overlapped:
        halo, post = int(halo_cycles.sum()), int(post_cycles.sum())
        return Timeline(int(compute_cycles.sum()) + halo + post, halo, post, compute_cycles + halo_cycles + post_cycles)
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
    return Timeline(end, halo_seen, post_seen, np.diff([*ends[:-1], end], prepend=0))
