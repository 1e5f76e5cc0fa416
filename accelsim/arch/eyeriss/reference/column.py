"""The PEs of a lane: each goes its own way through the windows, then the sums move up, one window after the other.

Source: docs/machines/eyeriss.md, Time of a lane.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from accelsim.arch.eyeriss.reference.pe import Pe


class Column:
    """A column of PEs in one pass; PE 0 is at the top. incoming(window): sums by filter that enter at the bottom."""

    def __init__(self, pes: list[Pe], filters: int, incoming: Callable[[int], list[int]], config: Any,
                 counts: Counter[str]) -> None:
        self.pes, self.filters, self.incoming, self.counts = pes, filters, incoming, counts
        self.windows = pes[0].windows
        self.cycles = 0
        self._cycles_to_leave = -(-filters // (config.psum_port_bits // config.psum_bits))  # of a window's sums

    def run(self) -> Iterator[tuple[int, list[int]]]:
        """Tick to the end; yields (window, sums by filter) as they leave at the top."""
        now, left, leaving_until = 0, 0, -1  # `left`: windows whose sums have left
        while left < self.windows:
            for pe in self.pes:
                pe.settle(now)
            if leaving_until < now and all(pe.landed > left for pe in self.pes):
                leaving_until = now + self._cycles_to_leave
            column_ended = min(pe.ended for pe in self.pes)
            for pe in self.pes:
                pe.tick(now, column_ended)
            now += 1
            if leaving_until == now:
                yield left, self._move_up(left)
                left, leaving_until = left + 1, -1
        self.cycles = now

    def _move_up(self, window: int) -> list[int]:
        """A window's sums on their way from the bottom PE to the top one, each adding its own."""
        sums = self.incoming(window)
        for pe in reversed(self.pes):
            sums = [below + own for below, own in zip(sums, pe.give_up_sums(window), strict=True)]
        self.counts["psum_passes"] += self.filters * (len(self.pes) - 1)
        return sums
