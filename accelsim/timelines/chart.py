"""What a timeline draws: slices on tracks, counters and barriers. It knows nothing of machines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

FINEST = 1000  # parts of a cycle that times may be given in


class Process(IntEnum):
    """Groups of tracks, in the order in which a viewer shows them."""

    LAYERS = 1
    UNITS = 2
    PARTS = 3
    QUEUES = 4
    MEMORY = 5


@dataclass
class Slices:
    """Slices with the same kinds of arguments; arrays [slice].

    tracks, names: as `Chart` numbers them. begin, end: 1 / per_cycle cycles. layer: the name of
    the layer, an argument of every slice.
    labels [slice, label]: arguments by label_names, -1 for none. slots: above 1 for a slice of one stall in so many
    slots: its slot-cycles become an argument. parts [slice, part]: slot-cycles by part_names, arguments where slots is
    0. whole: cycles of the slice before it was cut; piece, pieces: which of its pieces this is, from 1, and how many.
    """

    tracks: np.ndarray
    names: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    labels: np.ndarray
    label_names: Sequence[str]
    layer: str | None = None
    per_cycle: int = 1
    slots: np.ndarray | None = None
    parts: np.ndarray | None = None
    part_names: Sequence[str] = ()
    whole: np.ndarray | None = None
    piece: np.ndarray | None = None
    pieces: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.begin)

    def where(self, keep: np.ndarray) -> "Slices":
        """The slices that `keep` chooses."""
        arrays = {name: value[keep] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return Slices(**{**vars(self), **arrays})


@dataclass
class Chart:
    """What is drawn. changes: (counter, time, change) arrays, counters beginning at 0; barriers: arrays of times,
    a barrier belonging to the cycle before it.
    """

    blocks: list[Slices] = field(default_factory=list)
    changes: list[np.ndarray] = field(default_factory=list)
    barriers: list[np.ndarray] = field(default_factory=list)
    track_ids: dict[tuple[Process, str], int] = field(default_factory=dict)
    name_ids: dict[str, int] = field(default_factory=dict)

    def tracks(self, process: Process, names: Iterable[str]) -> np.ndarray:
        """Numbers of tracks, new or known; the order of first use is that of the viewer."""
        return np.array([self.track_ids.setdefault((process, name), len(self.track_ids)) for name in names], np.int64)

    def names(self, names: Iterable[str]) -> np.ndarray:
        """Numbers of names of slices."""
        return np.array([self.name_ids.setdefault(name, len(self.name_ids)) for name in names], np.int64)

    @property
    def events(self) -> int:
        """Slices, levels of counters and barriers."""
        return sum(map(len, self.blocks)) + len(self.levels()) + len(self.barrier_times())

    def barrier_times(self) -> np.ndarray:
        """In order, each once."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *self.barriers]))

    @property
    def size(self) -> int:
        """At least the events: several changes of a counter at one time are one of them."""
        return sum(map(len, self.blocks)) + sum(map(len, self.changes)) + sum(map(len, self.barriers))

    def cut(self, begin: int, end: int, limit: int) -> int:
        """Keep what lies in begin .. end - 1, and less of it if these are more than `limit` events; returns the end."""
        self._clip(begin, end)
        if self.size > limit:
            times = [*(block.begin // block.per_cycle for block in self.blocks),
                     *(changes[:, 1] for changes in self.changes), *(barriers - 1 for barriers in self.barriers)]
            end = int(np.sort(np.concatenate(times))[limit])
            self._clip(begin, end)
        return end

    def _clip(self, begin: int, end: int) -> None:
        for i, block in enumerate(self.blocks):
            low, high = begin * block.per_cycle, end * block.per_cycle
            block = block.where((block.begin < high) & (block.end > low))
            block.begin, block.end = np.maximum(block.begin, low), np.minimum(block.end, high)
            self.blocks[i] = block
        self.changes = [np.column_stack([c[:, 0], np.maximum(c[:, 1], begin), c[:, 2]])[c[:, 1] < end]
                        for c in self.changes]
        self.barriers = [times[(times > begin) & (times <= end)] for times in self.barriers]

    def levels(self) -> np.ndarray:
        """[value, (counter, time, level)]: each counter's levels in order of time, where they change."""
        changes = net(np.concatenate([np.zeros((0, 3), np.int64), *self.changes]))
        level = np.cumsum(changes[:, 2])
        starts = np.flatnonzero(np.diff(changes[:, 0], prepend=-1))
        level -= np.repeat(level[starts] - changes[starts, 2], np.diff(starts, append=len(level)))
        return np.column_stack([changes[:, :2], level])


def net(changes: np.ndarray) -> np.ndarray:
    """changes[change, (counter, time, change)] by counter and time, those of one time as one, without zeros."""
    changes = changes[np.lexsort((changes[:, 1], changes[:, 0]))]
    first = np.flatnonzero((np.diff(changes[:, :2], axis=0, prepend=-1) != 0).any(axis=1))
    if not len(first):
        return changes
    total = np.add.reduceat(changes[:, 2], first)
    return np.column_stack([changes[first, :2], total])[total != 0]
