"""A pair of LLB tiles on the PEs, cycle by cycle. Rules: docs/machines/extensor.md, "Time"."""

from collections import Counter, deque
from dataclasses import dataclass, field

from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.extensor.reference.intersection import steps
from accelsim.arch.streams.extensor.reference.tiles import Fiber, LlbTile

Outputs = dict[tuple[int, int], int]
Product = tuple[int, int, int]  # m, n, value


@dataclass
class Pe:
    """Steps that are still to do: a product, or None where nothing meets. idle: cycles since its last step."""

    waiting: deque[Product | None] = field(default_factory=deque)
    given_steps: int = 0
    idle: int = 0
    slots: Counter[str] = field(default_factory=Counter)

    def tick(self, outputs: Outputs) -> None:
        """One cycle."""
        if not self.waiting:
            self.idle += 1
            return
        self.slots["starved"] += self.idle
        self.idle = 0
        found = self.waiting.popleft()
        self.slots["skip" if found is None else "busy"] += 1
        if found is not None:
            m, n, value = found
            outputs[m, n] = outputs.get((m, n), 0) + value


@dataclass
class PairAtWork:
    """One pair of LLB tiles, A's and B's. outputs: (m, n) -> sum, added to."""

    config: ExTensorConfig
    deal: str
    a: LlbTile
    b: LlbTile
    outputs: Outputs
    cycles: int = 0
    k1_steps: int = 0
    k0_steps: int = 0

    def run(self) -> "PairAtWork":
        self.pes = [Pe() for _ in range(self.config.pes)]
        walk = deque((m1, n1, k1) for m1 in sorted(self.a.tiles) for n1 in sorted(self.b.tiles)
                     for k1 in steps(self.config.intersection, sorted(self.a.tiles[m1]), sorted(self.b.tiles[n1])))
        self.k1_steps = len(walk)
        while walk or any(pe.waiting for pe in self.pes):
            for pe in self.pes:
                pe.tick(self.outputs)
            if walk:
                m1, n1, k1 = walk.popleft()
                if k1 is not None:
                    self._give(k1, self.a.tiles[m1][k1], self.b.tiles[n1][k1])
            self.cycles += 1
        for pe in self.pes:
            pe.slots["barrier"] += pe.idle
        return self

    def _give(self, k1: int, a: dict[int, Fiber], b: dict[int, Fiber]) -> None:
        """Two PE tiles to the PE that the policy names."""
        pe = self.pes[k1 % len(self.pes)]
        if self.deal == "least_loaded":
            pe = min(self.pes, key=lambda one: one.given_steps)
        work: list[Product | None] = []
        for m, row in a.items():
            for n, column in b.items():
                work += [None if k is None else (m, n, row[k] * column[k])
                         for k in steps(self.config.intersection, [*row], [*column])]
        pe.given_steps += len(work)
        pe.waiting.extend(work)
        self.k0_steps += len(work)
