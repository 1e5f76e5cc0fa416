"""A source broadcasts items into a bounded queue per PE; each PE works through its queue, an item at a time.

All is registered (see `accelsim.parts.queue`): an item pushed in cycle b is seen by a PE in b + 1 and in work from
b + 2 on at the earliest, and the slot of an item that a PE starts in cycle s can be pushed into from cycle s on. So
item k is pushed at b(k) = max(leave(k) + delay so far, latest start over the PEs of item k - queue_entries), PE p
starts it at start(k) = max(b(k) + 2, end(k - 1)) and ends it at end(k) = start(k) + max(1, its cycles): also an item
without work takes a PE a cycle. Nothing is ticked. What a PE waits follows from its ends and its work, so that it is
not added up here; a timeline asks for the ends of its items.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

FIRST_WORK_CYCLES = 2  # from a push to the first cycle in which a PE can work on the item


class Broadcast(NamedTuple):
    """The state between two items. A time is a cycle from the begin of the run; `new_broadcast` makes one.

    end[pe]: the cycle after the PE's last item. latest_start[slot]: a ring, the latest start over the PEs of the last
    `queue_entries` items. so_far: items pushed; cycles by which full queues have delayed the source; PE-cycles in which
    a PE had nothing to do and the source, in the cycle before, was held by a full queue (another PE's).
    """

    end: np.ndarray
    latest_start: np.ndarray
    so_far: np.ndarray


ITEMS, DELAY, HELD_BACK = range(3)  # of `so_far`


def new_broadcast(pes: int, queue_entries: int, most_items: int, lane: np.dtype) -> Broadcast:
    """The state before the first item. `lane` has to hold `latest_time` of the run."""
    ring = max(1, min(queue_entries, most_items))
    return Broadcast(np.zeros(pes, lane), np.zeros(ring, lane), np.zeros(3, np.int64))


def latest_time(last_leave: int, items: int, most_cycles: int) -> int:
    """No time of a run is later: `items` items leave until `last_leave`, in cycles that ascend, and take a PE
    `most_cycles` each at most.

    Let m(k) >= 1 be the most that a PE takes for item k, S(k) the sum of m before k, and d the queue's entries. Then
    b(k) <= leave(k) + S(k) and start(k) <= leave(k) + 2 + S(k), by induction. The delay before k is at most S(k - 1);
    end(k - 1) is at most leave(k - 1) + 2 + S(k); and a start of item k - d is at most leave(k - d) + 2 + S(k - d),
    which is at most leave(k) - d + 2 + S(k) - d, and so at most leave(k) + S(k) as d >= 1.
    """
    return last_leave + FIRST_WORK_CYCLES + items * max(1, most_cycles)


@njit(cache=True, nogil=True, inline="always")
def restart(state):
    """Back to before the first item. The ring keeps what is old: none of it is read before it is overwritten."""
    state.end[:] = 0
    state.so_far[:] = 0


@njit(cache=True, nogil=True, inline="always")
def broadcast(items, leave, cycles, state, pushed, ends):
    """The next items through the queues: `state` moves on.

    items[k]: row of cycles[item, pe], the work of each PE. leave[k]: when the source would push if nothing ever held
    it. Fills pushed[k], the cycle of each push, and ends[row, pe] of the last items, row -1 being that of the very
    last.
    """
    end, latest_start, so_far = state
    lane, pes, ring = end.dtype.type, len(end), len(latest_start)
    slot, full = so_far[ITEMS] % ring, so_far[ITEMS] >= ring
    delay, held_back = so_far[DELAY], so_far[HELD_BACK]
    first_kept = len(items) - len(ends)
    for k in range(len(items)):
        item, unheld = items[k], leave[k] + delay
        push = unheld
        if full:
            push = max(push, np.int64(latest_start[slot]))
        if push > unheld:
            delay = push - leave[k]
            since, until = lane(unheld), lane(push)
            for pe in range(pes):
                held_back += max(lane(0), lane(until - max(lane(end[pe] - lane(1)), since)))
        pushed[k] = push
        latest = earliest = lane(push + FIRST_WORK_CYCLES)
        for pe in range(pes):
            start = max(earliest, end[pe])
            end[pe] = lane(start + max(lane(1), lane(cycles[item, pe])))
            latest = max(latest, start)
        latest_start[slot] = latest
        slot += 1
        if slot == ring:
            slot, full = 0, True
        if k >= first_kept:
            for pe in range(pes):
                ends[k - first_kept, pe] = end[pe]
    so_far[ITEMS] += len(items)
    so_far[DELAY], so_far[HELD_BACK] = delay, held_back
