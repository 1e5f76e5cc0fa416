"""How a simulated figure is compared with a published one: four kinds of comparison, each with its tolerance."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf
from typing import ClassVar


def figure(number: float) -> str:
    """A number as the tables show it: whole above 1000, else four significant digits."""
    if abs(number) >= 1000 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.4g}"


def percent(ratio: float) -> str:
    """A relative difference with its sign; nothing that rounds to zero has one."""
    text = f"{100 * ratio:+.1f} %"
    return "0 %" if text in ("+0.0 %", "-0.0 %") else text


class Target(ABC):
    """A published figure and how near ours has to be. `kind` is the word in the tables."""

    kind: ClassVar[str]

    @abstractmethod
    def holds(self, ours: float) -> bool:
        """Is ours within the tolerance?"""

    @property
    @abstractmethod
    def published(self) -> str:
        """The figure as published."""

    @property
    @abstractmethod
    def tolerance(self) -> str:
        """How far ours may be."""

    @abstractmethod
    def error(self, ours: float) -> str:
        """How far ours is."""


@dataclass(frozen=True)
class Exact(Target):
    """Equal, to the last digit of a count."""

    value: float
    kind: ClassVar[str] = "exact"
    tolerance: ClassVar[str] = "none"

    def holds(self, ours: float) -> bool:
        return ours == self.value

    @property
    def published(self) -> str:
        return figure(self.value)

    def error(self, ours: float) -> str:
        return percent(ours / self.value - 1) if self.value else figure(ours)


@dataclass(frozen=True)
class Table(Target):
    """A printed or digitised value; give one tolerance: `rel` to the value, or `abs` in its unit."""

    value: float
    rel: float = 0.0
    abs: float = 0.0
    kind: ClassVar[str] = "table"

    def holds(self, ours: float) -> bool:
        return abs(ours - self.value) <= self.abs + self.rel * abs(self.value)

    @property
    def published(self) -> str:
        return figure(self.value)

    @property
    def tolerance(self) -> str:
        return f"{100 * self.rel:g} %" if self.rel else f"±{figure(self.abs)}"

    def error(self, ours: float) -> str:
        return percent(ours / self.value - 1)


@dataclass(frozen=True)
class Range(Target):
    """Published as a range; either end may be open."""

    low: float = -inf
    high: float = inf
    kind: ClassVar[str] = "range"
    tolerance: ClassVar[str] = "the range"

    def holds(self, ours: float) -> bool:
        return self.low <= ours <= self.high

    @property
    def published(self) -> str:
        if self.low == self.high:
            return figure(self.low)
        if self.low == -inf:
            return f"up to {figure(self.high)}"
        return f"at least {figure(self.low)}" if self.high == inf else f"{figure(self.low)} to {figure(self.high)}"

    def error(self, ours: float) -> str:
        if self.holds(ours):
            return "inside"
        return percent(ours / (self.low if ours < self.low else self.high) - 1)


@dataclass(frozen=True)
class Trend(Target):
    """Published in words: what is said, and the limits within which our number agrees with it."""

    words: str
    low: float = -inf
    high: float = inf
    kind: ClassVar[str] = "trend"

    def holds(self, ours: float) -> bool:
        return self.low <= ours <= self.high

    @property
    def published(self) -> str:
        return self.words

    @property
    def tolerance(self) -> str:
        return Range(self.low, self.high).published

    def error(self, ours: float) -> str:
        return Range(self.low, self.high).error(ours)
