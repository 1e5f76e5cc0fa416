"""What a machine does when: how a machine's `events` tells it to whoever draws it. Rules: docs/timeline.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

TRACK, NAME, BEGIN, END = range(4)  # of slices[slice]
COUNTER, TIME, CHANGE = range(3)  # of changes[change]


class Window(NamedTuple):
    """Cycles begin .. end - 1 of a layer, counted from its begin on the machine alone (memory waits left out)."""

    begin: int
    end: int

    def meets(self, begin: int, end: int) -> bool:
        """Does anything of begin .. end - 1 lie in the window?"""
        return begin < self.end and end > self.begin


def _none(columns: int) -> np.ndarray:
    return np.zeros((0, columns), np.int64)


@dataclass(frozen=True)
class Chunk:
    """Some events of a layer, int64, in any order; times in cycles of the layer on the machine alone.

    slices [slice, TRACK NAME BEGIN END]: never empty; those of one track do not overlap. What reaches into the window
    must be there; what lies outside may be.
    parts [slice, stall]: slot-cycles of each slice of a unit whose name is no stall (of others: not read); None when
    there are none.
    labels [slice, label]: the slices' arguments, -1 for none.
    changes [change, COUNTER TIME CHANGE]: by how much a counter that begins at 0 changes.
    barriers [barrier]: times at which units that waited for each other go on.
    until: no later chunk has a slice that begins before.
    """

    slices: np.ndarray
    labels: np.ndarray
    until: int
    parts: np.ndarray | None = None
    changes: np.ndarray = field(default_factory=lambda: _none(3))
    barriers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class Activity:
    """A layer's tracks, and its events as chunks in order of time.

    units: what the slots belong to (PEs, SMs...); slots[unit] of each. A unit's slices fill every cycle of the layer.
    NAME of a slice is an index into the machine's stalls followed by `names`: a stall is what all slots of the unit
    are in; any other name of a unit's slice is work of several kinds at once, told apart in `parts`. others: tracks
    behind the units, which hold no slots.
    """

    units: Sequence[str]
    slots: np.ndarray
    names: Sequence[str]
    labels: Sequence[str]
    chunks: Iterator[Chunk]
    others: Sequence[str] = ()
    counters: Sequence[str] = ()

