"""A bounded queue with registered pushes and pops, as hardware queues between pipeline stages are."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """A queue whose pushes and pops of a cycle are seen from the next cycle on."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.pushes = 0
        self.items: deque[T] = deque()  # registered content, head first
        self._pushed: list[T] = []
        self._popped = False

    @property
    def empty(self) -> bool:
        return not self.items

    @property
    def full(self) -> bool:
        return len(self.items) >= self.entries

    def push(self, item: T) -> None:
        """Append `item` at the edge. Only when not `full`."""
        self._pushed.append(item)
        self.pushes += 1

    def pop(self) -> T:
        """The head, which leaves at the edge. Only when not `empty`."""
        self._popped = True
        return self.items[0]

    def commit(self) -> bool:
        changed = self._popped or bool(self._pushed)
        if self._popped:
            self.items.popleft()
        self.items.extend(self._pushed)
        self._popped = False
        self._pushed.clear()
        return changed
