"""Gamma's dispatch, cycle by cycle, and what is counted. Rules: docs/machines/gamma.md."""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.layer_run import LayerRun
from accelsim.arch.machine import Policy
from accelsim.arch.streams.gamma.config import GammaConfig
from accelsim.arch.streams.gamma.reference.cache import FiberCache
from accelsim.arch.streams.gamma.reference.pe import Pe
from accelsim.arch.streams.gamma.reference.tasks import Scaled, Task, tree_of
from accelsim.arch.streams.shared.order import checked_order
from accelsim.arch.streams.shared.products import StreamProduct, stream_output, stream_products
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

STALLS = ("busy", "merge", "task", "dependency", "finished")


@dataclass
class ProductAtWork:
    """One product on the machine."""

    product: StreamProduct
    config: GammaConfig
    order: list[int]
    cycles: int = 0
    pes: list[Pe] = field(default_factory=list)
    last_end: dict[int, int] = field(default_factory=dict)  # by place of the row: when its last task ended
    missed: Counter[int] = field(default_factory=Counter)  # by place of the row

    def __post_init__(self) -> None:
        self.cache = FiberCache(self.config)
        self.pes = [Pe(self.product.b, self.config.task_cycles) for _ in range(self.config.pes)]
        lengths = self.product.b.lengths.tolist()
        self.first_line = [0]
        for length in lengths:
            self.first_line.append(self.first_line[-1] + self.lines([length]))
        a = self.product.a
        self.roots: dict[int, Task] = {}
        for place, row in enumerate(self.order):
            own = slice(a.starts[row], a.starts[row + 1])
            fibers = [Scaled(k, value) for k, value in zip(a.columns[own].tolist(), a.values[own].tolist(), strict=True)
                      if lengths[k]]
            if fibers:
                self.roots[place] = tree_of(place, fibers, self.config.radix)

    def run(self) -> "ProductAtWork":
        waiting = deque(task for root in self.roots.values() for task in root.in_order())
        self.tasks = list(waiting)
        while waiting or any(pe.task for pe in self.pes):
            for pe in self.pes:
                if pe.task is None and waiting:
                    self._dispatch(waiting.popleft(), pe)
            for pe in self.pes:
                pe.tick()
            self.cycles += 1
            for pe in self.pes:
                task = pe.task
                if pe.end_of_cycle() and task is not None:
                    self.last_end[task.place] = self.cycles
        return self

    def _dispatch(self, task: Task, pe: Pe) -> None:
        if pe.before is not None:
            for line in self._own_lines(pe.before):
                self.cache.release(line)
        before = self.cache.misses
        for line in self._own_lines(task):
            self.cache.fetch(line)
        self.missed[task.place] += self.cache.misses - before
        pe.take(task)

    def _own_lines(self, task: Task) -> Iterable[int]:
        for part in task.inputs:
            if isinstance(part, Scaled):
                yield from range(self.first_line[part.fiber], self.first_line[part.fiber + 1])

    def lines(self, lengths: Iterable[int]) -> int:
        """Lines of fibers."""
        config = self.config
        return sum(math.ceil(n * config.coordinate_bits / config.line_bits)
                   + math.ceil(n * config.value_bits / config.line_bits) for n in lengths)

    def pointers(self, count: int) -> int:
        """Lines of pointers side by side."""
        return math.ceil(count * self.config.pointer_bits / self.config.line_bits)

    def swaps(self) -> int:
        """Fibers and elements through groups of `radix`."""
        total, a, lengths = 0, self.product.a, self.product.b.lengths.tolist()
        for row in range(a.count):
            left = [lengths[k] for k in a.columns[a.starts[row]:a.starts[row + 1]].tolist() if lengths[k]]
            while len(left) > 1:
                total += len(left) + sum(left)
                left = [sum(left[i:i + self.config.radix]) for i in range(0, len(left), self.config.radix)]
        return total

    def result(self) -> "object":
        """The product as a scipy matrix."""
        from scipy.sparse import csr_array

        rows: list[dict[int, int]] = [{} for _ in range(self.product.a.count)]
        for place, root in self.roots.items():
            rows[self.order[place]] = root.given
        starts = np.cumsum([0, *map(len, rows)])
        columns = np.array([c for row in rows for c in sorted(row)], np.int64)
        values = np.array([row[c] for row in rows for c in sorted(row)], np.int64)
        return csr_array((values, columns, starts), shape=(self.product.a.count, self.product.b.width))

    def tiles(self) -> Tiles:
        """Blocks of rows in the policy's order."""
        size, a_lengths, table = self.config.tile_rows, self.product.a.lengths.tolist(), []
        before = 0
        for first in range(0, len(self.order), size):
            places = range(first, min(first + size, len(self.order)))
            end = max([before, *(self.last_end.get(place, 0) for place in places)])
            table.append([end - before, self.lines(a_lengths[self.order[place]] for place in places),
                          sum(self.missed[place] for place in places),
                          self.lines(len(self.roots[place].given) for place in places if place in self.roots)])
            before = end
        table[0][1] += self.pointers(len(self.order))
        bits = {bit // self.config.line_bits for k in set(self.product.a.columns.tolist())
                for bit in range(k * self.config.pointer_bits, (k + 1) * self.config.pointer_bits)}
        table[0][2] += len(bits)
        table[-1][3] += self.pointers(len(self.roots))
        cycles, *moved = zip(*table, strict=True)
        return Tiles.of(list(cycles), *([self.config.line_bits * n for n in lines] for lines in moved))


def run(layer: Layer, config: GammaConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    layer.check_values()
    slots: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    done = [ProductAtWork(product, config, checked_order("gamma", policy(product, config), product.a.count).tolist())
            .run() for product in stream_products(layer)]
    tiles = [one.tiles() for one in done]
    for one, moved in zip(done, tiles, strict=True):
        for pe in one.pes:
            slots.update(pe.slots)
        partial = [task for task in one.tasks if task not in one.roots.values()]
        counts.update({
            "tasks": len(one.tasks), "swaps": one.swaps(), "a_bits": int(moved.weight_bits.sum()),
            "b_bits": int(moved.activation_bits.sum()), "z_bits": int(moved.output_bits.sum()),
            "cache_reads": one.cache.reads, "cache_misses": one.cache.misses,
            "partial_lines": one.lines(len(task.given) for task in partial)})
    counts.update({"products": slots["busy"], "merged_elements": slots["busy"] + slots["merge"]})
    work = [[sum(one.pes[pe].slots["busy"] for one in done) for pe in range(config.pes)]]
    return LayerRun(cycles=sum(one.cycles for one in done), slots=config.pes, stalls={s: slots[s] for s in STALLS},
                    counts=dict(counts), mapping={"products": len(done)}, tiles=Tiles.joined(tiles),
                    output=stream_output(layer, [one.result() for one in done]), work=PeWork.of(np.array(work)))
