"""The fast engine of Gamma: rows become tasks, tasks are simulated, and what they did is accounted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.layer_run import LayerRun
from accelsim.arch.machine import Policy
from accelsim.arch.streams.gamma.config import GammaConfig
from accelsim.arch.streams.gamma.fast import kernel
from accelsim.arch.streams.gamma.machine import Gamma
from accelsim.arch.streams.shared.order import checked_order
from accelsim.arch.streams.shared.products import Fibers, StreamProduct, stream_products
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


@dataclass(frozen=True)
class CutRows:
    """Rows in order as tasks. used: the fibers they take; row_given int64 [place]: elements of each output row.

    row_last int64 [place]: tasks up to and with this row's.
    """

    order: np.ndarray
    used: np.ndarray
    tasks: kernel.Tasks
    swaps: int
    row_given: np.ndarray
    row_last: np.ndarray


@dataclass(frozen=True)
class ProductRun:
    """A product's tasks as they ran. begin, pe, misses int64 [task]; ends [pe]; cycles: the last of them."""

    product: StreamProduct
    cut: CutRows
    begin: np.ndarray
    pe: np.ndarray
    misses: np.ndarray
    ends: np.ndarray
    cycles: int

    @property
    def work(self) -> np.ndarray:
        """Products of each PE."""
        return np.bincount(self.pe, weights=self.cut.tasks.direct, minlength=len(self.ends)).astype(np.int64)


def run(layer: Layer, config: GammaConfig, policy: Policy) -> LayerRun:
    """Simulate `layer`."""
    stalls: Counter[str] = Counter(dict.fromkeys(names(Gamma.stalls), 0))
    counts: Counter[str] = Counter(dict.fromkeys(names(Gamma.counts), 0))
    tiles, work, cycles, number = [], np.zeros(config.pes, np.int64), 0, 0
    for done in product_runs(layer, config, policy):
        tasks = done.cut.tasks
        busy, merged, overhead = int(tasks.direct.sum()), int(tasks.merged.sum()), len(tasks.row) * config.task_cycles
        at_work = busy + merged + overhead
        stalls.update({"busy": busy, "merge": merged, "task": overhead, "dependency": int(done.ends.sum()) - at_work,
                       "finished": int((done.cycles - done.ends).sum())})
        moved = _tiles(done, config)
        reads = _fiber_reads(done, config)
        partial = tasks.given[tasks.parent >= 0]
        counts.update({
            "products": busy, "merged_elements": busy + merged, "tasks": len(tasks.row), "swaps": done.cut.swaps,
            "a_bits": int(moved.weight_bits.sum()), "b_bits": int(moved.activation_bits.sum()),
            "z_bits": int(moved.output_bits.sum()), "cache_reads": reads, "cache_misses": int(done.misses.sum()),
            "partial_lines": int(config.fiber_lines(partial).sum())})
        tiles.append(moved)
        work += done.work
        cycles, number = cycles + done.cycles, number + 1
    return LayerRun(cycles=cycles, slots=config.pes, stalls={**stalls}, counts={**counts}, mapping={"products": number},
                    tiles=Tiles.joined(tiles), work=PeWork.of(work[None]))


def product_runs(layer: Layer, config: GammaConfig, policy: Policy) -> Iterator[ProductRun]:
    """Each product's run, in order."""
    for number, product in enumerate(stream_products(layer)):
        order = checked_order("gamma", policy(product, config), product.a.count)
        key = ("gamma tasks", number, config.radix, order.tobytes())
        cut = derived(layer, key, partial(cut_rows, product, order, config.radix))
        lines = np.concatenate([[0], np.cumsum(config.fiber_lines(product.b.lengths))])
        shape = (config.cache_sets, config.ways)
        cache = kernel.Cache(np.full(shape, -1, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64),
                             (1 << config.rrip_bits) - 1)
        begin, pe, misses = (np.zeros(len(cut.tasks.row), np.int64) for _ in range(3))
        ends = np.zeros(config.pes, np.int64)
        kernel.dispatched(cut.tasks, cut.used, lines, cache, config.radix, config.task_cycles, ends, begin, pe, misses)
        yield ProductRun(product, cut, begin, pe, misses, ends, int(ends.max()))


def cut_rows(product: StreamProduct, order: np.ndarray, radix: int) -> CutRows:
    """Rows in this order as tasks."""
    a, b = product.a, product.b
    operands = kernel.Operands(a.starts, a.columns, b.starts, b.columns, b.width)
    used, row_ends = kernel.used_fibers(operands, order)
    frames = np.zeros((2 + int(np.ceil(np.log2(max(2, len(used))))), 3), np.int64)
    count = kernel.count_tasks(row_ends, radix, frames)
    tasks = kernel.Tasks(*(np.zeros(count, np.int64) for _ in kernel.Tasks._fields))
    kernel.cut_tasks(operands, used, row_ends, order, radix, frames, tasks)
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    last = tasks.parent < 0
    given = np.zeros(len(order), np.int64)
    given[place_of[tasks.row[last]]] = tasks.given[last]
    row_last = np.cumsum(np.bincount(place_of[tasks.row], minlength=len(order)))
    return CutRows(order, used, tasks, int(kernel.swaps_of(operands, used, row_ends, radix)), given, row_last)


def bound_cycles(layer: Layer, config: GammaConfig, run: LayerRun) -> int:
    """The work shared out evenly, or the longest task, product by product: the order of rows changes neither."""
    total = 0
    for done in product_runs(layer, config, Gamma.policies["in_order"]):
        length = done.cut.tasks.direct + done.cut.tasks.merged + config.task_cycles
        total += max(-(-int(length.sum()) // config.pes), int(length.max(initial=0)))
    return total


def _fiber_reads(done: ProductRun, config: GammaConfig) -> int:
    """Lines of B that tasks take: each used fiber once for each row."""
    return int(config.fiber_lines(done.product.b.lengths)[done.cut.used].sum())


def _tiles(done: ProductRun, config: GammaConfig) -> Tiles:
    """Blocks of `tile_rows` rows in order; pointers of A and B come with the first, the output's with the last."""
    cut, line = done.cut, config.line_bits
    ends = done.begin + cut.tasks.direct + cut.tasks.merged + config.task_cycles
    latest = np.concatenate([[0], np.maximum.accumulate(ends)])
    firsts = np.arange(0, len(cut.order), config.tile_rows)
    lasts = np.minimum(firsts + config.tile_rows, len(cut.order))
    missed = np.concatenate([[0], np.cumsum(done.misses)])
    tasks_until = np.concatenate([[0], cut.row_last])
    compute = np.diff(latest[tasks_until[lasts]], prepend=0)
    fetched = missed[tasks_until[lasts]] - missed[tasks_until[firsts]]
    a_lines = np.add.reduceat(config.fiber_lines(done.product.a.lengths[cut.order]), firsts)
    z_lines = np.add.reduceat(config.fiber_lines(cut.row_given), firsts)
    a_lines[0] += config.pointer_lines(done.product.a.count)
    fetched[0] += _used_pointer_lines(done.product.a, config)
    z_lines[-1] += config.pointer_lines(int(np.count_nonzero(cut.row_given)))
    return Tiles.of(compute, a_lines * line, fetched * line, z_lines * line)


def _used_pointer_lines(a: Fibers, config: GammaConfig) -> int:
    """Lines with a bit of the pointer to a fiber of B that A names."""
    named = np.unique(a.columns).astype(np.int64)
    first = named * config.pointer_bits // config.line_bits
    last = ((named + 1) * config.pointer_bits - 1) // config.line_bits
    return int(np.maximum(last - np.maximum(first, np.concatenate([[-1], last[:-1]]) + 1) + 1, 0).sum())
