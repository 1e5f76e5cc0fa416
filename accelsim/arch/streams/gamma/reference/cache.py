"""The FiberCache, one line at a time. Rules: docs/machines/gamma.md, "FiberCache"."""

from dataclasses import dataclass, field

from accelsim.arch.streams.gamma.config import GammaConfig


@dataclass
class Way:
    """A place for a line."""

    line: int
    priority: int
    prediction: int


@dataclass
class FiberCache:
    """Lines by their numbers. `reads` and `misses` count fetches."""

    config: GammaConfig
    sets: dict[int, list[Way]] = field(default_factory=dict)
    everything: set[int] = field(default_factory=set)
    reads: int = 0
    misses: int = 0

    @property
    def oldest(self) -> int:
        """The largest prediction."""
        return 2 ** self.config.rrip_bits - 1

    def fetch(self, line: int) -> None:
        """Bring a line in, for a task that begins."""
        self.reads += 1
        if not self.config.cache_kbytes:
            self.misses += line not in self.everything
            self.everything.add(line)
            return
        ways = self._set_of(line)
        for way in ways:
            if way.line == line:
                way.priority += 1
                way.prediction = 0
                return
        self.misses += 1
        fresh = Way(line, priority=1, prediction=self.oldest - 1)
        if len(ways) < self.config.ways:
            ways.append(fresh)
        else:
            ways[self._victim(ways)] = fresh

    def release(self, line: int) -> None:
        """A task that fetched the line has ended."""
        for way in self._set_of(line):
            if way.line == line and way.priority > 0:
                way.priority -= 1

    def _set_of(self, line: int) -> list[Way]:
        sets = max(1, int(self.config.cache_kbytes * 8192 // (self.config.line_bits * self.config.ways)))
        return self.sets.setdefault(line % sets, [])

    def _victim(self, ways: list[Way]) -> int:
        lowest = [way for way in ways if way.priority == min(other.priority for other in ways)]
        victim = max(lowest, key=lambda way: way.prediction)  # the first of equals
        age = self.oldest - victim.prediction
        for way in lowest:
            way.prediction += age
        return next(place for place, way in enumerate(ways) if way is victim)
