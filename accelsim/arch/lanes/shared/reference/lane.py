"""A lane: it takes one step a cycle, multiplies, and adds to the sums of its outputs."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.arch.lanes.shared.reference.rules import FILLER, Rules

Slots = Counter[str]  # what the multipliers of a lane do in one cycle


class Lane:
    """One lane of a section, for one job.

    outputs[unit]: the outputs it has there. positions: those it takes, one after the other. units: reduction indices
    of each. sums [position, output] of the product are added to as it goes; `by_place[place]` are the products of two
    non-zeros that the output at that place of the lane has got.
    """

    def __init__(self, rules: Rules, outputs: Sequence[Sequence[int]], positions: Sequence[int],
                 units: Sequence[Sequence[int]], sums: np.ndarray) -> None:
        self.rules, self.schedule = rules, rules.schedule
        self.outputs, self.positions, self.units, self.sums = outputs, positions, units, sums
        self.slots: Slots = Counter()
        self.takes: Counter[str] = Counter()
        self.by_place: Counter[int] = Counter()

    @property
    def works(self) -> bool:
        """Does it have an output and a position?"""
        return bool(self.positions) and any(self.outputs)

    def unit(self, position: int, number: int) -> Iterator[Slots]:
        """The cycles of one unit, and behind the last one those of the position."""
        units = range(len(self.units)) if self.schedule.joined else [number]
        last = self.schedule.joined or number == max(0, len(self.units) - 1)
        if number < len(self.units):
            yield from self._steps(position, units, last)
        if last:
            yield from self._all("overhead", self.schedule.costs.position)

    def _steps(self, position: int, units: Sequence[int], last: bool) -> Iterator[Slots]:
        costs, steps = self.schedule.costs, 0
        for step in self._passes(position, units):
            steps += 1  # a count, not the number of the one at hand
            yield step
        met, passes = steps > 0, self._pass_count(units)
        cycles = steps if met else costs.empty * passes
        yield from self._all("empty", cycles - steps)
        indices = [index for unit in units for index in self.units[unit]]
        least = self.rules.least_unit_cycles(indices, self.outputs[units[0]])
        yield from self._all("empty", max(0, least - cycles))
        overhead = (costs.join if met else 0) + (costs.last_unit if last else costs.unit)
        yield from self._all("overhead", overhead + (costs.drain * passes if last and met else 0))

    def _pass_count(self, units: Sequence[int]) -> int:
        """How often the indices of a unit are walked; lanes that look at each output's own walk them once."""
        if self.schedule.effectual in ("weights", "both"):
            return 1
        return -(-len(self.outputs[units[0]]) // self.schedule.outputs)

    def _passes(self, position: int, units: Sequence[int]) -> Iterator[Slots]:
        if self.schedule.effectual in ("weights", "both"):
            for output in dict.fromkeys(output for unit in units for output in self.outputs[unit]):
                indices = [i for unit in units if output in self.outputs[unit] for i in self.units[unit]]
                yield from self._pass(position, [output], self.rules.effectual(output, position, indices))
            return
        outputs = self.outputs[units[0]]
        for first in range(0, len(outputs), self.schedule.outputs):
            own = outputs[first:first + self.schedule.outputs]
            yield from self._pass(position, own, self.rules.effectual(own[0], position, self.units[units[0]]))

    def _pass(self, position: int, outputs: Sequence[int], indices: Sequence[int]) -> Iterator[Slots]:
        """All effectual indices meet some outputs, so many a cycle as the lane is wide."""
        self.takes["activation_reads"] += len(indices)
        for first in range(0, len(indices), self.schedule.inputs):
            now: Slots = Counter()
            step = indices[first:first + self.schedule.inputs]
            for index in step:
                for output in outputs:
                    now[self._multiply(position, output, index)] += 1
            now["fragmentation"] += (self.schedule.inputs - len(step)) * len(outputs)
            now["unused"] += self.schedule.inputs * (self.schedule.outputs - len(outputs))
            self.takes["sum_updates"] += len(outputs)
            yield now

    def _multiply(self, position: int, output: int, index: int) -> str:
        if index == FILLER:
            return "filler"
        weight = int(self.rules.product.weights[output, index])
        value = int(self.rules.product.values[position, index])
        what = self.rules.slot(weight, value)
        if what == "busy":
            self.sums[position, output] += weight * value
            self.by_place[output] += 1
        return what

    def _all(self, what: str, cycles: int) -> Iterator[Slots]:
        """Cycles in which all multipliers of the lane do the same."""
        for _ in range(cycles):
            yield Counter({what: self.schedule.lane_slots})
