"""A Flex-DPE: input ports, a Benes network, multipliers with a stationary register each, and a FAN.

Source: Qin et al., HPCA 2020 [paper]; docs/machines/sigma.md, sections Distribution and Reduction.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from accelsim.arch.flexible.sigma.reference import benes, fan
from accelsim.arch.flexible.sigma.reference.controller import Value, source_ports
from accelsim.errors import ModelError


@lru_cache(maxsize=4096)
def settings(ports: int, source_of: tuple[int | None, ...]) -> benes.BenesSetting:
    """Benes settings, found once for each pattern: folds often repeat one."""
    return benes.Benes(ports).route(source_of)


@dataclass(frozen=True)
class DpePlan:
    """One Flex-DPE configured for a fold: the k of each port in use, Benes and FAN settings, each multiplier's row."""

    ports: tuple[int, ...]
    distribution: benes.BenesSetting
    reduction: fan.FanSetting
    rows: tuple[int | None, ...]

    @classmethod
    def of(cls, values: Sequence[Value | None]) -> "DpePlan":
        """The plan for multipliers that hold `values`."""
        ports, source_of = source_ports(values)
        rows = tuple(None if value is None else value.row for value in values)
        return cls(tuple(ports), settings(len(values), tuple(source_of)), fan.configure(fan.held_by_ids(rows)), rows)

    @property
    def clusters(self) -> list[int]:
        """The rows that have a segment here, left to right."""
        return [row for row, _ in self.reduction.sums]


class FlexDpe:
    """State of one Flex-DPE. `double`: a multiplier has a second stationary register, loaded while one is used."""

    def __init__(self, multipliers: int, double: bool, counts: Counter[str]) -> None:
        self.network = benes.Benes(multipliers)
        self.counts = counts
        self.stationary: list[int | None] = [None] * multipliers
        self.loading: list[int | None] = [None] * multipliers if double else self.stationary
        self.multiplied = [0] * multipliers  # cycles in which each multiplier worked
        self.latches: dict[int, int] = {}  # k -> word, at the input ports

    def load(self, numbers: Mapping[int, int]) -> None:
        """Write `numbers` (multiplier -> stationary value), all in one cycle: by unicast, port i to multiplier i."""
        source_of = tuple(i if i in numbers else None for i in range(self.network.ports))
        arrived = self.network.deliver(settings(self.network.ports, source_of),
                                       [numbers.get(i) for i in range(self.network.ports)])
        for multiplier, number in enumerate(arrived):
            if number is not None:
                self.loading[multiplier] = number
                self.counts["buffer_writes"] += 1
                self.counts["switch_traversals"] += self.network.levels
        self.counts["dpe_inputs"] += len(numbers)

    def switch_registers(self) -> None:
        """What was loaded is what multiplies from the next cycle on."""
        self.stationary, self.loading = self.loading, self.stationary

    def receive(self, plan: DpePlan, k: int, word: int) -> None:
        """A word on the bus: taken when a port of this Flex-DPE wants its k."""
        if k in plan.ports:
            self.latches[k] = word
            self.counts["dpe_inputs"] += 1

    def distribute(self, plan: DpePlan) -> list[int | None]:
        """The words at the ports through the Benes network: the word of each multiplier."""
        unused = [None] * (self.network.ports - len(plan.ports))
        arrived = self.network.deliver(plan.distribution, [*(self.latches.pop(k) for k in plan.ports), *unused])
        self.counts["switch_traversals"] += self.network.levels * sum(word is not None for word in arrived)
        return arrived

    def multiply(self, plan: DpePlan, words: Sequence[int | None]) -> fan.Row:
        """Every filled multiplier multiplies; its product enters the FAN."""
        products: fan.Row = {}
        for multiplier, (row, word) in enumerate(zip(plan.rows, words, strict=True)):
            if row is None:
                continue
            number = self.stationary[multiplier]
            if number is None or word is None:
                raise ModelError(f"multiplier {multiplier} of row {row} has stationary value {number} and word {word}")
            products["leaf", multiplier, row] = number * word
            self.multiplied[multiplier] += 1
            self.counts["buffer_reads"] += 1
            self.counts["multiplies"] += 1
            self.counts["macs"] += number != 0 and word != 0
        return products
