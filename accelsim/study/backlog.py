"""Which points a worker gets next: chunks that keep shared work together and scheduling cheap."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Any

from accelsim.study.space import Point

CHUNK_S = 1.0  # what a chunk should take: handing one out costs about 10 ms
FIRST_CHUNK = 2  # points; their times say how many the next ones can have
GROWTH = 8  # from one chunk to the next, at most
CHUNKS_LEFT = 2  # per worker: the last chunks get smaller, so that all workers end together


class Backlog:
    """The open points, by group. A worker stays in its group while that has points, then takes an untouched one.

    When every group is taken, it helps with the largest. Suspects (points whose chunk lost its worker) come first, each
    alone, so that the next loss has one cause.
    """

    def __init__(self, points: Iterable[Point]) -> None:
        self._groups: OrderedDict[tuple[Any, ...], deque[Point]] = OrderedDict()
        self._suspects: deque[Point] = deque()
        self._group_of: dict[str, tuple[Any, ...]] = {}  # worker -> the group it is in
        self._point_s = 0.0  # seconds of one point, lately
        self._size = FIRST_CHUNK
        for point in points:
            self._groups.setdefault(point.group, deque()).append(point)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values())) + len(self._suspects)

    def take(self, worker: str, workers: int) -> list[Point]:
        """The next chunk for `worker`, one of `workers`; empty when nothing is left."""
        if self._suspects:
            return [self._suspects.popleft()]
        chunk: list[Point] = []
        size = min(self._size, -(-len(self) // (CHUNKS_LEFT * workers)))
        while self._groups and len(chunk) < max(1, size):
            group = self._group_for(worker, helping=not chunk)
            if group is None:
                break
            points = self._groups[group]
            chunk.append(points.popleft())
            if not points:
                del self._groups[group]
        return chunk

    def _group_for(self, worker: str, helping: bool) -> tuple[Any, ...] | None:
        """The group that `worker` is in, or an untouched one; when all are taken, the largest if `helping`."""
        own = self._group_of.get(worker)
        if own is not None and own in self._groups:
            return own
        taken = set(self._group_of.values())
        group = next((g for g in self._groups if g not in taken), None)
        if group is None and helping:
            group = max(self._groups, key=lambda g: len(self._groups[g]))
        if group is not None:
            self._group_of[worker] = group
        return group

    def put_back(self, points: Sequence[Point]) -> None:
        """Points that were handed out and not run."""
        for point in reversed(points):
            self._groups.setdefault(point.group, deque()).appendleft(point)

    def suspect(self, points: Sequence[Point]) -> None:
        """Points whose worker was lost while they were with it."""
        self._suspects.extend(points)

    def took(self, seconds: Sequence[float]) -> None:
        """What the points of a chunk took; the next chunks fit CHUNK_S. Half of the points may have met new groups."""
        typical = sorted(seconds)[len(seconds) // 2]
        self._point_s = typical if not self._point_s else 0.5 * (self._point_s + typical)
        self._size = max(1, min(int(CHUNK_S / max(self._point_s, 1e-6)), self._size * GROWTH))

    def leave(self, worker: str) -> None:
        """`worker` is gone: its group may be taken by another."""
        self._group_of.pop(worker, None)
