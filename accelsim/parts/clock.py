"""A two-phase clock on SimPy, and the clocked state it moves: registers here, queues in `queue.py`.

Phase one: every block (a SimPy process that waits for `clock.cycle`) computes from registered state only. Phase two,
the clock edge: all that was computed becomes the registered state at once. So the order in which SimPy wakes the
blocks within a cycle can never change a result.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import simpy

from accelsim.errors import DeadlockError

# Blocks are functions of registered state, so one cycle without a change already proves that none will follow.
# The margin keeps a block that counts cycles outside a register from being called dead.
PATIENCE_CYCLES = 100

T = TypeVar("T")
Block = Generator[simpy.Event, None, None]


class Clocked(Protocol):
    """State that changes at the clock edge only."""

    def commit(self) -> bool:
        """Take the computed value; True when the registered state changed."""


class Register(Generic[T]):
    """Blocks read `now` and write `next`; the edge copies `next` to `now`. An unwritten register keeps its value."""

    def __init__(self, initial: T) -> None:
        self.now = initial
        self.next = initial

    def commit(self) -> bool:
        changed = self.next is not self.now and self.next != self.now
        self.now = self.next
        return changed


class Clock:
    """Drives blocks and clocked state; `cycle` is the event of the next computation, for which blocks wait."""

    def __init__(self) -> None:
        self._env = simpy.Environment()
        self.cycle = self._env.event()

    def run(self, blocks: Sequence[Block], state: Iterable[Clocked], done: Callable[[], bool],
            dump: Callable[[], str]) -> int:
        """Run until `done`, which looks at registered state; the number of cycles computed before it held.

        Raises DeadlockError, with `dump()`, when nothing changes for PATIENCE_CYCLES.
        """
        for block in blocks:
            self._env.process(block)
        driver = self._env.process(self._drive(list(state), done, dump))  # last: every block already waits
        return int(self._env.run(until=driver))  # type: ignore[arg-type]  # the driver returns its counter

    def _drive(self, state: list[Clocked], done: Callable[[], bool],
               dump: Callable[[], str]) -> Generator[simpy.Event, None, int]:
        quiet_cycles = 0
        while not done():
            computation, self.cycle = self.cycle, self._env.event()
            computation.succeed()
            yield self._env.timeout(1)  # phase one happens here: all blocks wake at the present time
            changes = [part.commit() for part in state]  # phase two; a list, so that every part commits
            quiet_cycles = 0 if any(changes) else quiet_cycles + 1
            if quiet_cycles >= PATIENCE_CYCLES:
                raise DeadlockError(f"nothing moved for {PATIENCE_CYCLES} cycles up to cycle {self._env.now}\n{dump()}")
        return int(self._env.now)
