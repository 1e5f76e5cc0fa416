"""The PEs of a lane: each goes its own way through the windows; sums move up when all have ended their windows.

Source: docs/machines/eyeriss.md, Time of a lane.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator

from accelsim.arch.row_stationary.eyeriss.reference.pe import Pe


class Column:
    """A column of PEs in one pass; PE 0 is at the top. incoming(window): sums by filter that enter at the bottom."""

    def __init__(self, pes: list[Pe], filters: int, incoming: Callable[[int], list[int]],
                 counts: Counter[str]) -> None:
        self.pes, self.filters, self.incoming, self.counts = pes, filters, incoming, counts
        self.windows = pes[0].windows
        self.cycles = 0
        config, psums = pes[0].config, pes[0].setting.psums
        self._together = config.psum_words // psums if config.psum_flush == "batch" else 1  # windows that move at once
        self._way_cycles = config.hop_cycles * (len(pes) - 1)

    def run(self) -> Iterator[tuple[int, list[int]]]:
        """Tick to the end; yields (window, sums by filter) when they are out at the top."""
        now, out, left = 0, 0, 0  # windows whose sums are out at the top, and that have left the PEs' pipelines
        under_way: deque[int] = deque()  # of those that left and are not out: when they are
        while True:
            for pe in self.pes:
                pe.settle(now)
            moving = min(self._together, self.windows - left)
            if moving and all(pe.landed >= left + moving for pe in self.pes):
                under_way.extend([now + self._way_cycles] * moving)
                left += moving
            while under_way and under_way[0] <= now:
                under_way.popleft()
                yield out, self._move_up(out)
                out += 1
            if out == self.windows:
                break
            for pe in self.pes:
                pe.begin()
            column_ended = min(pe.ended for pe in self.pes)
            for pe in self.pes:
                pe.tick(now, column_ended)
            now += 1
        self.cycles = now

    def _move_up(self, window: int) -> list[int]:
        """A window's sums on their way from the bottom PE to the top one, each adding its own.

        They move when they are all there; the cycles that this takes have been counted by each PE behind its window.
        """
        sums = self.incoming(window)
        for pe in reversed(self.pes):
            sums = [below + own for below, own in zip(sums, pe.give_up_sums(window), strict=True)]
        self.counts["psum_passes"] += self.filters * (len(self.pes) - 1)
        return sums
