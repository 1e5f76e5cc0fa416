"""The distribution network of a Flex-DPE: a Benes network of 2x2 switches that may copy, settings and data path.

Source: Qin et al., HPCA 2020 [paper] and its RTL [authors' code]; docs/machines/sigma.md, section Distribution. Exact:
the switches, their links, two control bits per switch, one value per wire. How settings are found is `routing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from accelsim.arch.flexible.sigma.reference.routing import middle_switches
from accelsim.errors import ConfigError, ModelError

STRAIGHT, CROSS = 0, 1  # the two inputs, and the two outputs, of a switch
Word = int | None  # what a wire carries in a cycle: a value (zero is one), or nothing


@dataclass(frozen=True)
class BenesSetting:
    """Control bits of a whole network: `taken[level][switch][output]` is the input which that output takes.

    None where an output is idle. link_bits: see `Benes`.
    """

    taken: tuple[tuple[tuple[int | None, int | None], ...], ...]
    link_bits: tuple[int, ...]

    @cached_property
    def hops(self) -> list[list[tuple[int, int]]]:
        """For each level but the last, the pairs (wire into a switch, wire into a switch of the next level) in use.

        Wire 2 i + STRAIGHT or 2 i + CROSS of a level is that input of its switch i.
        """
        return [[(2 * switch + taken, 2 * (switch ^ output << bit) + output)
                 for switch, outputs in enumerate(level)
                 for output, taken in enumerate(outputs) if taken is not None]
                for level, bit in zip(self.taken[:-1], self.link_bits, strict=True)]


class Benes:
    """A network of `ports` inputs and outputs, a power of two of at least 2.

    With n = log2(ports) it has levels 0 .. 2n. Between levels l and l + 1, switch i is linked to switch i (straight)
    and to the switch whose number differs in bit `link_bits[l]` (cross): bits n-1 .. 0, then 0 .. n-1.
    """

    def __init__(self, ports: int) -> None:
        if ports < 2 or ports & (ports - 1):
            raise ConfigError(f"multipliers_per_dpe is {ports}, wanted a power of two of at least 2, as the Benes "
                              "network has")
        self.ports = ports
        self.stages = ports.bit_length() - 1
        self.levels = 2 * self.stages + 1
        self.link_bits = (*reversed(range(self.stages)), *range(self.stages))

    def path(self, source: int, middle: int, destination: int) -> list[int]:
        """The switch of each level between input port `source` and output `destination` through `middle` at level n.

        On the way in each link replaces one bit of the source, highest first, by that of the middle; on the way out one
        bit of the middle, lowest first, by that of the destination.
        """
        switches = [source]
        for level, bit in enumerate(self.link_bits):
            toward = middle if level < self.stages else destination
            switches.append(switches[-1] & ~(1 << bit) | toward & 1 << bit)
        return switches

    def route(self, source_of: Sequence[int | None]) -> BenesSetting:
        """Settings that bring to every destination d the value of port `source_of[d]` (None: nothing).

        Any number of destinations may listen to one port. Raises ModelError when no settings are found.
        """
        demands = {d: source for d, source in enumerate(source_of) if source is not None}
        middles = middle_switches(demands, self.stages)
        taken: list[list[list[int | None]]] = [[[None, None] for _ in range(self.ports)] for _ in range(self.levels)]
        owners: dict[tuple[int, int, int], int] = {}
        for destination, source in demands.items():
            path = self.path(source, middles[destination], destination)
            outputs = [int(a != b) for a, b in pairwise(path)] + [STRAIGHT]
            inputs = [STRAIGHT, *outputs[:-1]]  # a straight output leads to a straight input, a cross to a cross one
            for level, (switch, taken_input, output) in enumerate(zip(path, inputs, outputs, strict=True)):
                owner = owners.setdefault((level, switch, output), source)
                if owner != source:
                    raise ModelError(f"Benes network of {self.ports}: output {output} of switch {switch} at level "
                                     f"{level} is wanted by the ports {owner} and {source} (ports of the destinations: "
                                     f"{source_of})")
                if taken[level][switch][output] is None:  # else the same value arrives on both inputs: keep the first
                    taken[level][switch][output] = taken_input
        return BenesSetting(tuple(tuple((a, b) for a, b in level) for level in taken), self.link_bits)

    def deliver(self, setting: BenesSetting, words: Sequence[Word]) -> list[Word]:
        """What the destinations receive when port i sends `words[i]`: the words pass the switches level by level."""
        wires: list[Word] = [None] * (2 * self.ports)
        wires[::2] = words  # a switch of level 0 has its port alone, in the place of the straight link
        for hops in setting.hops:
            onward: list[Word] = [None] * (2 * self.ports)
            for here, there in hops:
                onward[there] = wires[here]
            wires = onward
        last = setting.taken[-1]
        return [None if taken is None else wires[2 * switch + taken] for switch, (taken, _) in enumerate(last)]
