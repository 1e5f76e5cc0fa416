"""The reduction network: a forwarding adder network (FAN), which sums every contiguous cluster of leaves on its own.

Source: Qin et al., HPCA 2020 [paper] and its RTL [authors' code]; docs/machines/sigma.md, section Reduction. Exact:
the adders, their levels, the operands of each. The same network stands inside a Flex-DPE (leaves are multipliers, each
with a product of one cluster) and across Flex-DPEs (a leaf is a Flex-DPE, which can hold sums of several clusters; our
assumption).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Place = tuple[Literal["leaf"], int, int] | tuple[Literal["adder"], int]  # ("leaf", leaf, cluster) or ("adder", adder)
Row = dict[Place, int]  # the values between two levels, each at the place that made it


@dataclass(frozen=True)
class Adder:
    """An adder that adds (all others bypass what they get). `left` and `right` are where its operands come from."""

    number: int
    left: Place
    right: Place

    @property
    def place(self) -> Place:
        return ("adder", self.number)


@dataclass(frozen=True)
class FanSetting:
    """A configured network: the adders of each level that add, and the place and cluster of each sum, left to right."""

    levels: tuple[tuple[Adder, ...], ...]
    sums: tuple[tuple[int, Place], ...]


def adder_level(adder: int) -> int:
    """The level of an adder: the number of trailing ones of its number in binary."""
    level = 0
    while adder >> level & 1:
        level += 1
    return level


def level_count(leaves: int) -> int:
    """Levels of the network over `leaves` leaves, ceil(log2); adder a is between leaves a and a + 1."""
    return max((adder_level(a) + 1 for a in range(leaves - 1)), default=0)


def held_by_ids(cluster_ids: Sequence[int | None]) -> list[tuple[int, ...]]:
    """What each multiplier s holds when it is of cluster `cluster_ids[s]` (None: unfilled): input of `configure`."""
    return [() if cluster is None else (cluster,) for cluster in cluster_ids]


def configure(held: Sequence[Sequence[int]]) -> FanSetting:
    """The setting for leaves that hold values of the clusters `held[leaf]`, from left to right.

    A cluster reaches over adjacent leaves. So it is the last of a leaf and the first of the next where it goes on.
    """
    cluster_of_adder = [left[-1] if left and right and left[-1] == right[0] else None
                        for left, right in pairwise(held)]
    levels: list[list[Adder]] = [[] for _ in range(level_count(len(held)))]
    sums: list[tuple[int, Place]] = []
    for first, last, cluster in _runs(held, cluster_of_adder):
        for number in range(first, last):
            levels[adder_level(number)].append(Adder(number, _left_operand(number, first, cluster),
                                                     _right_operand(number, last, cluster)))
        highest = max(range(first, last), key=adder_level, default=None)
        sums.append((cluster, ("leaf", first, cluster) if highest is None else ("adder", highest)))
    return FanSetting(tuple(map(tuple, levels)), tuple(sums))


def _runs(held: Sequence[Sequence[int]], cluster_of_adder: list[int | None]) -> Iterator[tuple[int, int, int]]:
    """(first leaf, last leaf, cluster) of every cluster."""
    for leaf, clusters in enumerate(held):
        for index, cluster in enumerate(clusters):
            if index == 0 and leaf > 0 and cluster_of_adder[leaf - 1] == cluster:
                continue  # it began further left
            last = leaf
            if index == len(clusters) - 1:
                while last < len(cluster_of_adder) and cluster_of_adder[last] == cluster:
                    last += 1
            yield leaf, last, cluster


def _left_operand(adder: int, first: int, cluster: int) -> Place:
    """From the highest lower level whose link starts within the cluster (the tree's own link, or a forwarding one)."""
    for level in reversed(range(adder_level(adder))):
        if adder - (1 << level) >= first:
            return ("adder", adder - (1 << level))
    return ("leaf", adder, cluster)


def _right_operand(adder: int, last: int, cluster: int) -> Place:
    for level in reversed(range(adder_level(adder))):
        if adder + (1 << level) < last:
            return ("adder", adder + (1 << level))
    return ("leaf", adder + 1, cluster)


def pass_level(setting: FanSetting, level: int, row: Row) -> int:
    """Move `row` through one level: operands become sums, everything else travels along. Returns the adds made."""
    for adder in setting.levels[level]:
        row[adder.place] = row.pop(adder.left) + row.pop(adder.right)
    return len(setting.levels[level])


def read_sums(setting: FanSetting, row: Row) -> list[tuple[int, int]]:
    """(cluster, sum) of everything that left the last level, left to right."""
    return [(cluster, row.pop(place)) for cluster, place in setting.sums]
