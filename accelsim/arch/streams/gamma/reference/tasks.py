"""Rows of A as trees of tasks. Rules: docs/machines/gamma.md, "Tasks"."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(eq=False)
class Scaled:
    """A fiber of B as an input of a task: its number, and what multiplies it."""

    fiber: int
    scale: int


@dataclass(eq=False)
class Task:
    """A linear combination. inputs: fibers of B, and tasks whose partial fibers it merges, in order.

    given: coordinate -> value, once it has ended.
    """

    place: int  # of its row in the policy's order
    inputs: list["Scaled | Task"]
    given: dict[int, int] = field(default_factory=dict)
    ended: bool = False

    def in_order(self) -> Iterator["Task"]:
        """Children before parents, the first child first."""
        for part in self.inputs:
            if isinstance(part, Task):
                yield from part.in_order()
        yield self


def tree_of(place: int, fibers: list[Scaled], radix: int) -> Task:
    """The task that gives the sum of `fibers`, at least one."""
    if len(fibers) <= radix:
        return Task(place, [*fibers])
    inputs: list[Scaled | Task] = []
    rest = fibers
    for parts_left in range(radix, 0, -1):
        size = -(-len(rest) // parts_left)  # the longer parts first
        part, rest = rest[:size], rest[size:]
        inputs.append(part[0] if size == 1 else tree_of(place, part, radix))
    return Task(place, inputs)
