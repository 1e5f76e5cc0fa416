"""The quantile threshold unit behind the array: it filters the finished gradients of one set after the other."""

from collections.abc import Generator
from typing import Any

import simpy

Ticks = Generator[simpy.Event, Any, None]


class ThresholdUnit:
    """The weight update's clock: the array finishes sets, the unit takes them, one at a time."""

    def __init__(self, gradients_per_cycle: int) -> None:
        self.gradients_per_cycle = gradients_per_cycle
        self._clock = simpy.Environment()
        self._unit = simpy.Resource(self._clock, capacity=1)
        self._done: list[int] = []

    def run(self, sets: list[tuple[int, int]]) -> list[int]:
        """When each set has left the unit. sets: array cycles and gradients of each, in order."""
        self._clock.process(self._array(sets))
        self._clock.run()
        return self._done

    def _array(self, sets: list[tuple[int, int]]) -> Ticks:
        for cycles, gradients in sets:
            yield self._clock.timeout(cycles)
            turn = self._unit.request()
            yield turn  # the array keeps a finished set until the unit is done with the one before
            self._clock.process(self._filter(turn, gradients))

    def _filter(self, turn: Any, gradients: int) -> Ticks:
        """Each initial weight is recomputed from its index, each candidate compared with the estimate."""
        yield self._clock.timeout(-(-gradients // self.gradients_per_cycle))
        self._done.append(int(self._clock.now))
        self._unit.release(turn)
