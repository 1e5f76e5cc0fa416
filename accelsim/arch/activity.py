"""What happens in a machine at which cycle: the return types of a machine's `events`. Rules: docs/timeline.md."""

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
    """Some events of a layer as int64 arrays, in any order.

    All times are cycles of the layer, counted as if the machine never waited for memory.
    slices [slice, TRACK NAME BEGIN END]: what a track does from BEGIN to END. No slice is empty, and slices of one
    track do not overlap. Every slice that overlaps the window has to be present; others may be.
    parts [slice, stall]: a slice of a unit with a name that is not a stall mixes several kinds of slot-cycles, and its
    row says how many of each. Rows of other slices are ignored. None if no slice is mixed.
    labels [slice, label]: arguments of the slices; -1: the slice has no such argument.
    changes [change, COUNTER TIME CHANGE]: a counter starts at 0 and changes by CHANGE at TIME.
    barriers [barrier]: the times at which units that waited for each other continue.
    until: slices in later chunks begin at this time or after it.
    """

    slices: np.ndarray
    labels: np.ndarray
    until: int
    parts: np.ndarray | None = None
    changes: np.ndarray = field(default_factory=lambda: _none(3))
    barriers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class Activity:
    """The tracks of a layer, and its events as chunks in order of time.

    units: names of the tracks that have slots (PEs, SMs...). slots: how many each has. The slices of a unit cover every
    cycle of the layer. others: names of further tracks, which have no slots.
    names: NAME of a slice is an index into the machine's stalls followed by these. If it is a stall, all slots of the
    unit are in that stall; if not, the slots do different things and `Chunk.parts` counts them.
    """

    units: Sequence[str]
    slots: np.ndarray
    names: Sequence[str]
    labels: Sequence[str]
    chunks: Iterator[Chunk]
    others: Sequence[str] = ()
    counters: Sequence[str] = ()

