"""Routing the Benes network: through which switch of the middle level does each destination get its value?

A path is fixed by its source, its middle switch and its destination. So the settings are found by giving each
destination a middle switch, one bit at a time from the highest: a bit chooses one of the two halves of a sub-network of
2^width positions, each half being a sub-network of 2^(width-1) positions. Two rules keep every wire to one value:

- two sources that enter the same switch of the sub-network go to different halves, each with all its destinations; a
  source that is alone at its switch may copy its value into both halves;
- two destinations that a half would serve through one position take different halves, unless they want the same value.

Both say "these two differ", so the halves are a two-colouring. When no value is copied, the constraints form loops of
even length: this is the looping algorithm for permutations, which never fails. With copies a loop can be odd. So the
choice in a sub-network is one under which both of its halves can be coloured in turn, found by local search (our own;
there is no proof that one exists for all patterns of 16 ports and more, and none was met without). A half of up to 4
positions can always be coloured: an odd loop takes two switches with two sources each and five demands.
"""

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from accelsim.errors import ModelError

ATTEMPTS = 200  # in 46,500 drawn patterns of 8 to 128 ports two have been enough
INNER_ATTEMPTS = 2
SWEEPS = 3
ALWAYS_COLOURABLE_WIDTH = 2  # halves of up to this width need no search
CONFLICT_COST = 4  # against 1 for two sources that share a switch, which ties later choices

Demands = dict[int, int]  # destination's position in a sub-network -> source
Unit = tuple[str, int]  # what goes to one half together: ("source", s), or ("position", d) of a source free to copy


def middle_switches(demands: Mapping[int, int], stages: int) -> dict[int, int]:
    """The middle switch for each destination in `demands` (destination -> source port), of 2^stages ports.

    The same demands get the same switches. Raises ModelError when none are found.
    """
    rng = random.Random(0)
    for attempt in range(ATTEMPTS):
        found = _route(dict(demands), stages, rng, thorough=attempt > 0)
        if found is not None:
            return found
    raise ModelError(f"Benes network of {1 << stages}: no settings found in {ATTEMPTS} attempts for {dict(demands)} "
                     "(destination: port)")


@dataclass(frozen=True)
class _Colouring:
    """A two-colouring: `side[unit]`, up to a flip of each connected `group[unit]`; `conflicts`: neighbours alike."""

    side: dict[Hashable, int]
    group: dict[Hashable, int]
    groups: int
    conflicts: int


class _SubNetwork:
    """A sub-network's demands and the constraints between the units that choose a half."""

    def __init__(self, demands: Demands, width: int) -> None:
        self.demands, self.width = demands, width
        at_switch = defaultdict(set)
        for source in demands.values():
            at_switch[source % (1 << width)].add(source)
        pairs = [tuple(sorted(sources)) for sources in at_switch.values() if len(sources) == 2]
        tied = {source for pair in pairs for source in pair}
        self.unit: dict[int, Unit] = {d: ("source", s) if s in tied else ("position", d) for d, s in demands.items()}
        self.shared_switches = len(pairs)
        opposites: list[tuple[Unit, Unit]] = [(("source", a), ("source", b)) for a, b in pairs]
        half = 1 << (width - 1)
        for low in range(half):
            high = low + half
            if low in demands and high in demands:
                if demands[low] != demands[high]:
                    opposites.append((self.unit[low], self.unit[high]))
                else:
                    self.unit[high] = self.unit[low]  # one value, one position: the last switch copies it
        self.colouring = _two_colour(self.unit.values(), opposites)

    def side(self, position: int, flips: list[int]) -> int:
        """The half that serves `position` when group g is flipped by `flips[g]`."""
        unit = self.unit[position]
        return self.colouring.side[unit] ^ flips[self.colouring.group[unit]]

    def halves(self, flips: list[int]) -> tuple[Demands, Demands]:
        """The demands on both halves."""
        halves: tuple[Demands, Demands] = ({}, {})
        for position, source in self.demands.items():
            halves[self.side(position, flips)][position % (1 << (self.width - 1))] = source
        return halves


def _two_colour(units: Iterable[Unit], opposites: Iterable[tuple[Unit, Unit]]) -> _Colouring:
    """Colours units 0 and 1 so that opposites differ, as far as that goes."""
    neighbours: dict[Hashable, list[Unit]] = {unit: [] for unit in units}
    for a, b in opposites:
        neighbours[a].append(b)
        neighbours[b].append(a)
    side: dict[Hashable, int] = {}
    group: dict[Hashable, int] = {}
    groups = equal_ends = 0
    for start in neighbours:
        if start in side:
            continue
        side[start], group[start], front = 0, groups, [start]
        while front:
            unit = front.pop()
            for other in neighbours[unit]:
                if other not in side:
                    side[other], group[other] = 1 - side[unit], groups
                    front.append(other)
                elif side[other] == side[unit]:
                    equal_ends += 1
        groups += 1
    return _Colouring(side, group, groups, equal_ends)


def _route(demands: Demands, width: int, rng: random.Random, thorough: bool) -> dict[int, int] | None:
    """The low `width` bits of the middle switch of each position, or None when this attempt fails."""
    if width == 0:
        return dict.fromkeys(demands, 0)
    network = _SubNetwork(demands, width)
    for _ in range(INNER_ATTEMPTS):
        flips = [rng.randrange(2) for _ in range(network.colouring.groups)]
        if width - 1 > ALWAYS_COLOURABLE_WIDTH and not _improve(network, flips, rng, thorough):
            continue
        halves = [_route(half, width - 1, rng, thorough) for half in network.halves(flips)]
        if halves[0] is None or halves[1] is None:
            continue
        found = {}
        for position in demands:
            side = network.side(position, flips)
            below = halves[side]
            assert below is not None
            found[position] = side << (width - 1) | below[position % (1 << (width - 1))]
        return found
    return None


def _improve(network: _SubNetwork, flips: list[int], rng: random.Random, thorough: bool) -> bool:
    """Flip groups while that helps; True when both halves can be coloured.

    `thorough` goes on from there to have fewer sources share a switch, so that the halves of the halves have it easier.
    """
    conflicts, cost = _cost(network, flips)
    for _ in range(SWEEPS):
        if not conflicts and not thorough:
            break
        before = cost
        for group in rng.sample(range(len(flips)), len(flips)):
            flips[group] ^= 1
            flipped_conflicts, flipped_cost = _cost(network, flips)
            if flipped_cost <= cost:
                conflicts, cost = flipped_conflicts, flipped_cost
            else:
                flips[group] ^= 1
        if cost == before and not conflicts:
            break
    return not conflicts


def _cost(network: _SubNetwork, flips: list[int]) -> tuple[int, int]:
    """Conflicts in both halves, and what the search minimises."""
    halves = [_SubNetwork(half, network.width - 1) for half in network.halves(flips)]
    conflicts = sum(half.colouring.conflicts for half in halves)
    return conflicts, CONFLICT_COST * conflicts + sum(half.shared_switches for half in halves)
