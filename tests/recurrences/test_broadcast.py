"""Broadcasts into bounded queues: does the recurrence give the cycles that queues and registers give, tick by tick?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.parts.clock import Block, Clock, Register
from accelsim.parts.queue import Queue
from accelsim.recurrences.broadcast import DELAY, HELD_BACK, ITEMS, broadcast, latest_time, new_broadcast, restart

pytestmark = pytest.mark.small


@dataclass
class Seen:
    """What the ticks show: pushed[item], start[item, pe] and end[item, pe] are cycles; held: those in which the source
    had an item that a full queue kept back; waiting[pe]: those in which a PE held no item.
    """

    pushed: list[int] = field(default_factory=list)
    start: dict[tuple[int, int], int] = field(default_factory=dict)
    end: dict[tuple[int, int], int] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    waiting: dict[int, set[int]] = field(default_factory=dict)


class Source:
    """Pushes item k into all queues `gaps[k]` free cycles after the item before, or when all have room."""

    def __init__(self, gaps: list[int], queues: list[Queue[int]], seen: Seen) -> None:
        self.gaps, self.queues, self.seen, self.item, self.wait = gaps, queues, seen, 0, Register(gaps[0])

    def process(self, clock: Clock) -> Block:
        cycle = 0
        while True:
            yield clock.cycle
            if self.item < len(self.gaps):
                if self.wait.now > 0:
                    self.wait.next = self.wait.now - 1
                elif any(queue.full for queue in self.queues):
                    self.seen.held.add(cycle)
                else:
                    for queue in self.queues:
                        queue.push(self.item)
                    self.seen.pushed.append(cycle)
                    self.item += 1
                    self.wait.next = self.gaps[self.item] - 1 if self.item < len(self.gaps) else 0
            cycle += 1


class Worker:
    """A PE: holds an item for its cycles, and takes the next one in the last of them."""

    def __init__(self, pe: int, work: np.ndarray, queue: Queue[int], seen: Seen) -> None:
        self.pe, self.work, self.queue, self.seen = pe, work, queue, seen
        self.held: Register[tuple[int, int] | None] = Register(None)  # an item and its cycles left with this one

    def process(self, clock: Clock) -> Block:
        cycle = 0
        waiting = self.seen.waiting.setdefault(self.pe, set())
        while True:
            yield clock.cycle
            held = self.held.now
            if held is None:
                waiting.add(cycle)
            else:
                self.seen.start.setdefault((held[0], self.pe), cycle)
                self.seen.end[held[0], self.pe] = cycle + 1
            if held is not None and held[1] > 1:
                self.held.next = (held[0], held[1] - 1)
            elif self.queue.empty:
                self.held.next = None
            else:
                item = self.queue.pop()
                self.held.next = (item, max(1, int(self.work[item, self.pe])))
            cycle += 1


def ticked(gaps: list[int], work: np.ndarray, queue_entries: int) -> Seen:
    """All items through the parts, until nothing is left anywhere."""
    seen, clock = Seen(), Clock()
    queues: list[Queue[int]] = [Queue(queue_entries) for _ in range(work.shape[1])]
    source = Source(gaps, queues, seen)
    workers = [Worker(pe, work, queue, seen) for pe, queue in enumerate(queues)]
    clock.run([part.process(clock) for part in (source, *workers)],
              [source.wait, *queues, *(worker.held for worker in workers)],
              lambda: source.item == len(gaps) and all(w.held.now is None and w.queue.empty for w in workers),
              lambda: "stuck")
    return seen


@dataclass(frozen=True)
class Case:
    gaps: list[int]
    work: np.ndarray
    queue_entries: int
    cuts: list[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Items that come densely or thinly, of PEs that have nothing, little or much to do; cuts: where a run pauses."""
    items, pes = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    gaps = [draw(st.integers(0, 3)), *(draw(st.sampled_from([1, 1, 1, 2, 9])) for _ in range(items - 1))]
    most = draw(st.sampled_from([1, 3, 20]))
    work = np.array(draw(st.lists(st.lists(st.integers(0, most), min_size=pes, max_size=pes), min_size=items,
                                  max_size=items)), np.uint8)
    return Case(gaps, work, draw(st.integers(1, 5)), sorted(draw(st.lists(st.integers(0, items), max_size=2))))


def parts_of(case: Case) -> Iterator[slice]:
    edges = [0, *case.cuts, len(case.gaps)]
    yield from (slice(low, high) for low, high in pairwise(edges))


def recurred(case: Case, lane: Any = np.int32) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """pushed[item], ends[item, pe] and `so_far` of the recurrence, paused at the cuts; the state was used before."""
    items, pes = case.work.shape
    leave = np.cumsum(case.gaps)
    state = new_broadcast(pes, case.queue_entries, items, np.dtype(lane))
    pushed, ends = np.empty(items, np.int64), np.empty((items, pes), lane)
    for _ in range(2):
        restart(state)
        for part in parts_of(case):
            broadcast(np.arange(items)[part], leave[part], case.work, state, pushed[part], ends[part])
    return pushed, ends, state.so_far.tolist()


@given(cases())
def test_not_a_cycle_before_and_not_a_cycle_after(case: Case) -> None:
    seen, (pushed, ends, so_far) = ticked(case.gaps, case.work, case.queue_entries), recurred(case)
    items, pes = case.work.shape
    assert pushed.tolist() == seen.pushed
    assert ends.tolist() == [[seen.end[item, pe] for pe in range(pes)] for item in range(items)]
    starts = ends - np.maximum(1, case.work)
    assert starts.tolist() == [[seen.start[item, pe] for pe in range(pes)] for item in range(items)]
    leave = np.cumsum(case.gaps)
    assert so_far[ITEMS] == items
    assert so_far[DELAY] == pushed[-1] - leave[-1] == len(seen.held)
    assert so_far[HELD_BACK] == sum(cycle - 1 in seen.held for pe in range(pes) for cycle in seen.waiting[pe])
    assert ends.max() <= latest_time(int(leave[-1]), items, int(case.work.max()))


@given(cases())
def test_only_the_last_ends_are_kept_where_there_is_room_for_no_more(case: Case) -> None:
    items, pes = case.work.shape
    state = new_broadcast(pes, case.queue_entries, items, np.dtype(np.int32))
    last = np.full((3, pes), -1, np.int32)
    broadcast(np.arange(items), np.cumsum(case.gaps), case.work, state, np.empty(items, np.int64), last)
    _, ends, _ = recurred(case)
    kept = min(3, items)
    assert last[3 - kept:].tolist() == ends[items - kept:].tolist()
    assert (last[:3 - kept] == -1).all()


def test_times_beyond_32_bits() -> None:
    """40,000 items of 65,535 cycles: past 2^31. By the same rules in plain integers."""
    items, work = 40_000, np.array([[65_535, 1], [65_000, 3]], np.uint16)
    order = np.arange(items) % 2
    leave = np.arange(1, items + 1)
    lane = np.dtype(np.int64)
    assert latest_time(items, items, 65_535) > np.iinfo(np.int32).max
    state, pushed = new_broadcast(2, 7, items, lane), np.empty(items, np.int64)
    broadcast(order, leave, work, state, pushed, np.empty((0, 2), np.int64))
    end, starts, push = [0, 0], [], 0
    for k in range(items):
        push = max(push + 1, starts[k - 7] if k >= 7 else 0)
        begin = [max(push + 2, end[pe]) for pe in range(2)]
        end = [begin[pe] + int(work[k % 2, pe]) for pe in range(2)]
        starts.append(max(begin))
    assert state.end.tolist() == end
    assert end[0] > np.iinfo(np.int32).max
    assert pushed[-1] == push
