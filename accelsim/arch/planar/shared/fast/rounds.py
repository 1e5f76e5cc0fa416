"""When the rounds of a planar machine compute and are post-processed: what its events are placed by. DCNN's too."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.shared.fast.plan import PlanarPlan


class Round(NamedTuple):
    """One round in time: its image, temporal tile and round of that tile; and its times. Post-processing begins with
    the halo exchange, up to `halo_end`.
    """

    image: int
    temporal_tile: int
    round: int
    begin: int
    end: int
    post_begin: int
    halo_end: int
    post_end: int


class Exposed(NamedTuple):
    """Cycles in which no round computes: first the halo exchange's, from `halo_end` on the rest's."""

    begin: int
    halo_end: int
    end: int


def rounds_in_time(plan: PlanarPlan, compute_cycles: np.ndarray, halo_cycles: np.ndarray, post_cycles: np.ndarray,
                   overlapped: bool) -> list[Round]:
    """The rounds of docs/machines/scnn.md, "Barriers"; all cycles [round in time]."""
    rounds: list[Round] = []
    for n, (compute, halo, post) in enumerate(zip(compute_cycles.tolist(), halo_cycles.tolist(), post_cycles.tolist(),
                                                  strict=True)):
        last = rounds[n - 1] if n > 0 else Round(*[0] * 8)
        last_but_one = rounds[n - 2] if n > 1 else Round(*[0] * 8)
        begin = max(last.end, last_but_one.post_end) if overlapped else last.post_end
        post_begin = max(begin + compute, last.post_end)
        sequence, number = divmod(n, plan.rounds)
        rounds.append(Round(*divmod(sequence, plan.temporal_tiles), number, begin, begin + compute, post_begin,
                            post_begin + halo, post_begin + halo + post))
    return rounds


def exposed(rounds: list[Round], overlapped: bool) -> Iterator[list[Exposed]]:
    """Per round: the cycles before it in which no round computes; and in the end those after the last."""
    for n in range(len(rounds) + 1):
        time = rounds[n - 1].end if n > 0 else 0
        until = rounds[n].begin if n < len(rounds) else rounds[-1].post_end
        waits = []
        for job in rounds[max(0, n - 2):n] if overlapped else rounds[max(0, n - 1):n]:
            done = min(job.post_end, until)
            if done > time:
                waits.append(Exposed(time, min(max(job.halo_end, time), done), done))
                time = done
        yield waits


def table(track: np.ndarray, name: int, begin: np.ndarray | int, end: np.ndarray | int) -> np.ndarray:
    """slices[slice, TRACK NAME BEGIN END] of one name, without the empty ones."""
    rows = np.empty((len(track), 4), np.int64)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = track, name, begin, end
    return rows[rows[:, 3] > rows[:, 2]]
