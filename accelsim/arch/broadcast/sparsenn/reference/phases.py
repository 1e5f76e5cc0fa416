"""The predictor's two phases, cycle by cycle."""

from typing import Any


class PhaseV:
    """V x: each PE works on its own columns, then the tree adds a value per cycle."""

    def __init__(self, v: list[list[int]], values: list[int], config: Any) -> None:
        self.config, self.rank = config, len(v)
        self.waiting = [[(row, v[row][j] * values[j]) for j in range(pe, len(values), config.pes) if values[j] != 0
                         for row in range(self.rank)] for pe in range(config.pes)]
        self.partial = [[0] * self.rank for _ in range(config.pes)]
        self.sums: list[int] = []
        self.cycles = self.multiplies = 0

    def run(self) -> None:
        while any(self.waiting):
            for pe, work in enumerate(self.waiting):
                if work:
                    row, product = work.pop(0)
                    self.partial[pe][row] += product
                    self.multiplies += 1
            self.cycles += 1
        while len(self.sums) < self.rank:
            self.sums.append(sum(own[len(self.sums)] for own in self.partial))
            self.cycles += 1
        self.cycles += self.config.network_hops


class PhaseU:
    """U times those sums: each comes to all PEs, which work through their rows."""

    def __init__(self, u: list[list[int]], received: list[int], pe_of_row: list[int], config: Any) -> None:
        self.u, self.received, self.config = u, received, config
        self.rows = [[row for row, owner in enumerate(pe_of_row) if owner == pe] for pe in range(config.pes)]
        self.sums = [0] * len(u)
        self.cycles = self.multiplies = 0

    def run(self) -> None:
        self.cycles += self.config.network_hops
        for number, value in enumerate(self.received):
            left = [list(rows) for rows in self.rows]
            while any(left):
                for rows in left:
                    if rows:
                        row = rows.pop(0)
                        self.sums[row] += self.u[row][number] * value
                        self.multiplies += 1
                self.cycles += 1
