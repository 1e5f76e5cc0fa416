"""The load of stationary values: so many words per cycle by unicast, in slot order (docs/machines/sigma.md, Time)."""

from collections import Counter, deque
from collections.abc import Sequence

from accelsim.arch.flexible.sigma.reference.controller import Fold
from accelsim.arch.flexible.sigma.reference.flex_dpe import FlexDpe


class Loader:
    """Loads one fold at a time; what it writes in a cycle is there in the next."""

    def __init__(self, flex_dpes: Sequence[FlexDpe], words_per_cycle: int, counts: Counter[str]) -> None:
        self.flex_dpes, self.words_per_cycle, self.counts = flex_dpes, words_per_cycle, counts
        self.fold: Fold | None = None
        self.waiting: deque[tuple[int, int]] = deque()  # (slot, number)

    def start(self, fold: Fold) -> None:
        """Load `fold` from this cycle on; nothing changes when its load has begun."""
        if self.fold is not fold:
            self.fold = fold
            self.waiting.extend((slot, value.number) for slot, value in fold.values)

    @property
    def done(self) -> bool:
        return not self.waiting

    def advance(self) -> None:
        """One cycle."""
        multipliers = self.flex_dpes[0].network.ports
        numbers: list[dict[int, int]] = [{} for _ in self.flex_dpes]
        for _ in range(min(self.words_per_cycle, len(self.waiting))):
            slot, number = self.waiting.popleft()
            numbers[slot // multipliers][slot % multipliers] = number
            self.counts["stationary_reads"] += 1
            self.counts["words_sent"] += 1
        for dpe, its_numbers in zip(self.flex_dpes, numbers, strict=True):
            if its_numbers:
                dpe.load(its_numbers)
