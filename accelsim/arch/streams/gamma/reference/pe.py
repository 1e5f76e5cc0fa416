"""A PE: merges the inputs of its task, one element a cycle. Rules: docs/machines/gamma.md, "Tasks"."""

from collections import Counter, deque
from dataclasses import dataclass, field

from accelsim.arch.streams.gamma.reference.tasks import Scaled, Task
from accelsim.arch.streams.shared.products import Fibers


@dataclass
class Stream:
    """What is left of an input: (coordinate, value), and its scale; None for a partial fiber."""

    elements: deque[tuple[int, int]]
    scale: int | None


@dataclass
class Pe:
    """One PE, and what it did with each of its cycles."""

    fibers: Fibers
    task_cycles: int
    task: Task | None = None
    before: Task | None = None
    streams: list[Stream] | None = None
    overhead_left: int = 0
    slots: Counter[str] = field(default_factory=Counter)

    def take(self, task: Task) -> None:
        """The next task, on an idle PE."""
        self.task, self.streams = task, None

    def tick(self) -> None:
        """One cycle."""
        if self.task is None:
            self.slots["finished"] += 1
            return
        if self.streams is None:
            if not all(part.ended for part in self.task.inputs if isinstance(part, Task)):
                self.slots["dependency"] += 1
                return
            self.streams = [self._stream(part) for part in self.task.inputs]
            self.overhead_left = self.task_cycles
        if self.overhead_left:
            self.overhead_left -= 1
            self.slots["task"] += 1
            return
        stream = min((s for s in self.streams if s.elements), key=lambda s: s.elements[0][0])
        coordinate, value = stream.elements.popleft()
        self.slots["merge" if stream.scale is None else "busy"] += 1
        scaled = value if stream.scale is None else stream.scale * value
        self.task.given[coordinate] = self.task.given.get(coordinate, 0) + scaled

    def end_of_cycle(self) -> bool:
        """Ends the task when all its inputs are empty; whether it did."""
        if self.task is None or self.streams is None or any(stream.elements for stream in self.streams):
            return False
        self.task.ended, self.before, self.task = True, self.task, None
        return True

    def _stream(self, part: Scaled | Task) -> Stream:
        if isinstance(part, Task):
            return Stream(deque(part.given.items()), None)
        own = slice(self.fibers.starts[part.fiber], self.fibers.starts[part.fiber + 1])
        return Stream(deque(zip(self.fibers.columns[own].tolist(), self.fibers.values[own].tolist(), strict=True)),
                      part.scale)
