"""ExTensor's loops over LLB tiles, and what is counted. Rules: docs/machines/extensor.md."""

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.layer_run import LayerRun
from accelsim.arch.machine import Policy
from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.extensor.reference.intersection import steps
from accelsim.arch.streams.extensor.reference.pair import Outputs, PairAtWork
from accelsim.arch.streams.extensor.reference.tiles import LlbTile, cut, list_bits, tile_bits
from accelsim.arch.streams.shared.products import Fibers, StreamProduct, stream_output, stream_products
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

MOVED = ("a_bits", "b_bits", "z_read_bits", "z_write_bits")
COUNTS = ("products", *MOVED, "k2_steps", "k1_steps", "k0_steps")
STALLS = ("busy", "skip", "coordinate", "starved", "barrier", "roof")


@dataclass
class ProductAtWork:
    """One product on the machine. rows: of each pair of LLB tiles: cycles, then bits as in MOVED."""

    product: StreamProduct
    config: ExTensorConfig
    deal: str
    outputs: Outputs = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    slots: Counter[str] = field(default_factory=Counter)
    rows: list[list[int]] = field(default_factory=list)
    waited: int = 0  # K2 steps since the pair before

    def __post_init__(self) -> None:
        m_multiplier, _, n_multiplier = self.config.multipliers
        self.a = cut(_elements(self.product.a), self.config, m_multiplier)
        self.b = cut([(n, k, value) for k, n, value in _elements(self.product.b)], self.config, n_multiplier)
        self.work = [0] * self.config.pes

    def run(self) -> "ProductAtWork":
        all_k2 = sorted({k2 for _, k2 in self.a})
        for n2 in sorted({n2 for n2, _ in self.b}):
            for k2 in steps(self.config.intersection, all_k2, sorted(k2 for other, k2 in self.b if other == n2)):
                self.counts["k2_steps"] += 1
                self.slots["coordinate"] += self.config.pes
                self.waited += 1
                if k2 is not None:
                    self._visit(n2, k2)
        return self

    def _visit(self, n2: int, k2: int) -> None:
        b_bits = self._b_bits(self.b[n2, k2], k2)
        for m2 in sorted(m2 for m2, other in self.a if other == k2):
            a, b = self.a[m2, k2], self.b[n2, k2]
            before = self._held(a, b, matching=True)
            pair = PairAtWork(self.config, self.deal, a, b, self.outputs).run()
            row = [self.waited + pair.cycles, self._a_bits(a, b), b_bits, before, self._held(a, b, matching=False)]
            self.rows.append(row)
            self.counts.update(dict(zip(MOVED, row[1:], strict=True)))
            self.counts.update({"k1_steps": pair.k1_steps, "k0_steps": pair.k0_steps})
            for number, pe in enumerate(pair.pes):
                self.slots.update(pe.slots)
                self.counts["products"] += pe.slots["busy"]
                self.work[number] += pe.slots["busy"]
            self.waited, b_bits = 0, 0

    def _a_bits(self, a: LlbTile, b: LlbTile) -> int:
        total = 0
        for row in a.tiles.values():
            for k1, tile in row.items():
                total += self.config.coordinate_bits + self.config.pointer_bits
                total += tile_bits(tile, self.config) if k1 in b.inner_tiles else 0
        return total

    def _b_bits(self, b: LlbTile, k2: int) -> int:
        met = {k1 for (_, other), llb in self.a.items() if other == k2 for k1 in llb.inner_tiles}
        total = list_bits(len(b.tiles), self.config)
        for row in b.tiles.values():
            total += list_bits(len(row), self.config)
            total += sum(tile_bits(tile, self.config) for k1, tile in row.items() if k1 in met)
        return total

    def _held(self, a: LlbTile, b: LlbTile, matching: bool) -> int:
        """Bits of the product's PE tiles that a pair visits; matching: only those in which some k1 meets."""
        side, config = self.config.pe_tile, self.config
        wanted = {(m1, n1) for m1, row in a.tiles.items() for n1, column in b.tiles.items()
                  if not matching or set(row) & set(column)}
        held = sum((m // side, n // side) in wanted for m, n in self.outputs)
        return held * (2 * config.coordinate_bits + config.value_bits)

    def tiles(self) -> Tiles:
        """A tile for each pair of LLB tiles."""
        rows = [list(row) for row in self.rows] or [[0] * 5]
        rows[-1][0] += self.waited
        cycles, a, b, read, write = zip(*rows, strict=True)
        return Tiles.of(cycles, a, [x + y for x, y in zip(b, read, strict=True)], write)

    def roof(self) -> float:
        """Cycles of the largest need."""
        steps = max(self.counts["k2_steps"], self.counts["k1_steps"], self.counts["k0_steps"] / self.config.pes)
        if self.config.dram is not None:
            return steps
        per_cycle = self.config.roof_gib_per_s * 8 * 2**30 / (self.config.clock_mhz * 1e6)
        return max(sum(self.counts[name] for name in MOVED) / per_cycle, steps)

    def result(self) -> object:
        """The product as a scipy matrix."""
        from scipy.sparse import csr_array

        places = sorted(self.outputs)
        rows, columns = ([place[axis] for place in places] for axis in (0, 1))
        values = np.array([self.outputs[place] for place in places], np.int64)
        return csr_array((values, (np.array(rows, np.int64), np.array(columns, np.int64))),
                         shape=(self.product.a.count, self.product.b.width))


def run(layer: Layer, config: ExTensorConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    layer.check_values()
    deal = policy(config)
    done = [ProductAtWork(product, config, deal).run() for product in stream_products(layer)]
    counts, slots = Counter[str](), Counter[str]()
    for one in done:
        counts.update(one.counts)
        slots.update(one.slots)
    tiles = Tiles.joined([one.tiles() for one in done])
    mapping: dict[str, object] = {"products": len(done), "pairs": sum(len(one.rows) for one in done)}
    cycles = int(tiles.compute_cycles.sum())
    if config.time == "roof":
        ceilings = [math.ceil(one.roof()) for one in done]
        cycles = sum(ceilings)
        mapping["roof_ns"] = sum(one.roof() for one in done) * 1e3 / config.clock_mhz
        slots = Counter({"busy": slots["busy"], "skip": slots["skip"],
                         "roof": cycles * config.pes - slots["busy"] - slots["skip"]})
        tiles = Tiles.of(ceilings, *([sum(getattr(one.tiles(), name).tolist()) for one in done]
                                     for name in ("weight_bits", "activation_bits", "output_bits")))
    work = np.array([[sum(one.work[pe] for one in done) for pe in range(config.pes)]])
    return LayerRun(cycles=cycles, slots=config.pes, stalls={name: slots[name] for name in STALLS},
                    counts={name: counts[name] for name in COUNTS}, mapping=mapping, tiles=tiles,
                    output=stream_output(layer, [one.result() for one in done]), work=PeWork.of(work))


def _elements(fibers: Fibers) -> list[tuple[int, int, int]]:
    """(row, column, value) of each element."""
    rows = np.repeat(np.arange(fibers.count), fibers.lengths).tolist()
    return list(zip(rows, fibers.columns.tolist(), fibers.values.tolist(), strict=True))
