"""A bounded memory of what was computed from a layer, shared between design points and threads.

Per-PE counts, compressed blocks and prefix sums depend on a layer and on the mapping alone, so a second design
point on the same layer object finds them here. An entry dies with its layer; the least recently used go first
when the total passes `LIMIT_BYTES`.
"""

import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

import numpy as np

LIMIT_BYTES = 1 << 30

T = TypeVar("T")
Slot = tuple[int, Hashable]  # id of the owner, and its key


def derived(owner: object, key: Hashable, make: Callable[[], T]) -> T:
    """`make()` computed once per `owner` object and `key`; later calls return the same object (do not modify it).

    `make` returns an array, or a (named) tuple, list or frozen dataclass of arrays and scalars. Threads that ask for
    the same entry at once may each compute it; all get the one that was kept. What is evicted stays with its holders.
    """
    found, value = _kept.find(owner, key)
    return value if found else _kept.keep(owner, key, make())  # made outside the lock: it may ask for entries itself


def kept(owner: object, key: Hashable) -> Any | None:
    """The entry that an earlier `derived` made, None if there is none."""
    return _kept.find(owner, key)[1]


class KeptValues:
    """Values by owner and key, least recently used first, with the running total of their sizes.

    The end of an owner only notes its id, without the lock: it may come in any thread, also in one that is in the
    middle of a change. Whoever has the lock drops its entries; and always before it looks anything up, so that a new
    object with the id of a dead one never finds that one's entries.
    """

    def __init__(self) -> None:
        self.values: OrderedDict[Slot, tuple[Any, int]] = OrderedDict()
        self.keys_of_owner: dict[int, set[Hashable]] = {}
        self.size_bytes = 0
        self._lock = Lock()
        self._dead_owners: deque[int] = deque()

    def find(self, owner: object, key: Hashable) -> tuple[bool, Any]:
        """Whether there is a value, and the value."""
        slot = (id(owner), key)
        with self._lock:
            self._drop_dead_owners()
            if slot not in self.values:
                return False, None
            self.values.move_to_end(slot)
            return True, self.values[slot][0]

    def keep(self, owner: object, key: Hashable, value: T) -> T:
        """The value of `key` from now on: `value`, unless another thread was first."""
        slot, size = (id(owner), key), _size_bytes(value)
        with self._lock:
            self._drop_dead_owners()
            if slot in self.values:
                kept: T = self.values[slot][0]
                return kept
            if id(owner) not in self.keys_of_owner:
                weakref.finalize(owner, self._owner_died, id(owner)).atexit = False
                self.keys_of_owner[id(owner)] = set()
            self.keys_of_owner[id(owner)].add(key)
            self.values[slot] = (value, size)
            self.size_bytes += size
            while self.size_bytes > LIMIT_BYTES and len(self.values) > 1:  # the newest stays, whatever its size
                self._drop(next(iter(self.values)))
        return value

    def _owner_died(self, owner_id: int) -> None:
        self._dead_owners.append(owner_id)
        if self._lock.acquire(blocking=False):
            try:
                self._drop_dead_owners()
            finally:
                self._lock.release()

    def _drop_dead_owners(self) -> None:
        while self._dead_owners:
            owner_id = self._dead_owners.popleft()
            for key in list(self.keys_of_owner[owner_id]):
                self._drop((owner_id, key))
            del self.keys_of_owner[owner_id]

    def _drop(self, slot: Slot) -> None:
        self.size_bytes -= self.values.pop(slot)[1]
        self.keys_of_owner[slot[0]].discard(slot[1])


_kept = KeptValues()


def _size_bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (tuple, list)):
        return sum(map(_size_bytes, value))
    if hasattr(value, "__dict__"):
        return sum(map(_size_bytes, vars(value).values()))
    return 8
