"""A pipe of so many bytes per cycle, first in, first out: DRAM, L2 and ports are pipes.

Source: docs/machines/tensor_core.md, Byte clocks. Here the bytes move cycle by cycle; the page's formula follows. A
rate that is no whole number moves exact parts of bytes.
"""

from collections import deque
from collections.abc import Generator
from fractions import Fraction

import simpy


class Pipe:
    """Bytes booked in a cycle start to move in that cycle, behind those booked before."""

    def __init__(self, env: simpy.Environment, per_cycle: int | Fraction) -> None:
        self.env, self.per_cycle = env, per_cycle
        self.waiting: deque[tuple[int | Fraction, simpy.Event]] = deque()  # (bytes left, done), oldest first
        self.moving = False

    def book(self, amount: int) -> simpy.Event:
        """Queue `amount` (at least 1) bytes; the event fires in the cycle after the one that moves the last of them."""
        done = self.env.event()
        self.waiting.append((amount, done))
        if not self.moving:
            self.moving = True
            self.env.process(self._move())
        return done

    def _move(self) -> Generator[simpy.Event, None, None]:
        while self.waiting:
            yield self.env.timeout(1)  # the cycle that ends now; nothing has been booked yet in the one that begins
            room = self.per_cycle
            while self.waiting and room:
                left, done = self.waiting.popleft()
                moved = min(left, room)
                room -= moved
                if moved < left:
                    self.waiting.appendleft((left - moved, done))
                else:
                    done.succeed()
        self.moving = False
