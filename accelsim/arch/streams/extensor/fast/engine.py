"""The fast engine of ExTensor. Rules: docs/machines/extensor.md."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.layer_run import LayerRun
from accelsim.arch.machine import Policy
from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.extensor.fast import kernel
from accelsim.arch.streams.extensor.fast.lowering import Tiled, positions, tiled
from accelsim.arch.streams.extensor.machine import ExTensor
from accelsim.arch.streams.shared.products import StreamProduct, stream_products
from accelsim.errors import CapacityError
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

MOST_CELLS = 1 << 27  # of a table that is made of tile counts alone
INTERSECTIONS = ("skip_ahead", "two_finger", "leader_follower")
DEALS = ("by_inner_tile", "least_loaded")


@dataclass(frozen=True)
class ProductRun:
    """A product on a design. counts by name; rest: K2 steps behind the last pair; stalls: starved, barrier."""

    pairs: kernel.Pairs
    counts: dict[str, int]
    rest: int
    stalls: np.ndarray
    work: np.ndarray


def run(layer: Layer, config: ExTensorConfig, policy: Policy) -> LayerRun:
    """Simulate `layer`."""
    deal = policy(config)
    keys = (config.pe_tile, config.multipliers, config.intersection, config.pes, config.line_bits,
            config.coordinate_bits, config.pointer_bits, config.value_bits)
    done = [derived(layer, ("extensor", number, deal, keys), partial(simulated, product, config, deal))
            for number, product in enumerate(stream_products(layer))]
    counts: Counter[str] = Counter(dict.fromkeys(names(ExTensor.counts), 0))
    for one in done:
        counts.update(one.counts)
    stalls = dict.fromkeys(names(ExTensor.stalls), 0)
    stalls |= {"busy": counts["products"], "skip": counts["k0_steps"] - counts["products"]}
    tiles = Tiles.joined([_tiles(one, config) for one in done])
    mapping: dict[str, Any] = {"products": len(done), "pairs": sum(len(one.pairs.cycles) for one in done)}
    if config.time == "roof":
        needs = [roof_cycles(one.counts, config) for one in done]
        each = [math.ceil(need) for need in needs]
        cycles = sum(each)
        mapping["roof_ns"] = sum(needs) * 1e3 / config.clock_mhz
        stalls["roof"] = cycles * config.pes - counts["k0_steps"]
        moved = [[int(getattr(_tiles(one, config), name).sum()) for one in done] for name in (
            "weight_bits", "activation_bits", "output_bits")]
        tiles = Tiles.of(each, *moved)
    else:
        cycles = int(tiles.compute_cycles.sum())
        starved, barrier = np.sum([one.stalls for one in done], axis=0).tolist()
        stalls |= {"coordinate": counts["k2_steps"] * config.pes, "starved": starved, "barrier": barrier}
    return LayerRun(cycles=cycles, slots=config.pes, stalls=stalls, counts={**counts}, mapping=mapping, tiles=tiles,
                    work=PeWork.of(np.sum([one.work for one in done], axis=0)[None]))


def bound_cycles(layer: Layer, config: ExTensorConfig, run: LayerRun) -> int:
    """K0 steps shared out evenly; with a roof there is nothing to choose."""
    return run.cycles if config.time == "roof" else -(-run.counts["k0_steps"] // config.pes)


def simulated(product: StreamProduct, config: ExTensorConfig, deal: str) -> ProductRun:
    """All counters and times of one product."""
    return walked(product, config, deal, logs=False)[0]


def walked(product: StreamProduct, config: ExTensorConfig, deal: str,
           logs: bool) -> tuple[ProductRun, np.ndarray | None]:
    """The same, and what each PE did in each pair (see the kernel's log)."""
    (m, k), (k_of_b, n) = positions(product.a), positions(product.b)
    m_multiplier, _, n_multiplier = config.multipliers
    a = tiled(m, k, config, m_multiplier, k_first=True)
    b = tiled(n, k_of_b, config, n_multiplier, k_first=False)
    starts = np.flatnonzero(np.diff(a.k2, prepend=-1))
    rule = INTERSECTIONS.index(config.intersection)
    visits = kernel.Visits(*(np.zeros(len(b.k2), np.int64) for _ in kernel.Visits._fields))
    found, count, k2_steps, rest = kernel.find_visits(a.k2[starts], np.append(starts, len(a.k2)), b, rule, visits)
    visits = kernel.Visits(*(array[:found] for array in visits))
    _check_cells(count)
    pairs = kernel.Pairs(*(np.zeros(count, np.int64) for _ in kernel.Pairs._fields))
    rules = kernel.WalkRules(config.pes, rule, DEALS.index(deal), config.line_bits, config.coordinate_bits,
                             config.pointer_bits)
    stalls, work = np.zeros(2, np.int64), np.zeros(config.pes, np.int64)
    log = None
    if logs:
        _check_cells(count * config.pes)
        log = np.zeros((count, config.pes, 3), np.int64)
    k1_steps, k0_steps, products = kernel.walk(a, b, visits, rules, pairs, stalls, work, log)
    _fill_outputs(product, config, a, b, visits, pairs)
    element = 2 * config.coordinate_bits + config.value_bits
    return ProductRun(pairs, {
        "products": products, "a_bits": int(pairs.a_bits.sum()), "b_bits": int(pairs.b_bits.sum()),
        "z_read_bits": element * int(pairs.z_read.sum()), "z_write_bits": element * int(pairs.z_write.sum()),
        "k2_steps": k2_steps, "k1_steps": k1_steps, "k0_steps": k0_steps}, rest, stalls, work), log


def _fill_outputs(product: StreamProduct, config: ExTensorConfig, a: Tiled, b: Tiled, visits: kernel.Visits,
                  pairs: kernel.Pairs) -> None:
    llb_of = np.repeat(np.arange(len(a.k2)), np.diff(a.llbs))
    by_m1 = np.lexsort((a.k2[llb_of], a.outer))
    rows = kernel.Rows(product.a.starts, product.a.columns, product.b.starts, product.b.columns, by_m1)
    side, (_, k_multiplier, n_multiplier) = config.pe_tile, config.multipliers
    k2s = -(-product.a.width // (side * k_multiplier))
    n1s = min(n_multiplier, -(-product.b.width // side))
    _check_cells(k2s * n1s)
    kernel.kept_outputs(rows, a, b, llb_of, visits, side, k_multiplier, n_multiplier,
                        np.zeros((k2s, n1s), np.int64), pairs)


def _check_cells(cells: int) -> None:
    if cells > MOST_CELLS:
        raise CapacityError(f"extensor: {cells:,} pairs of tiles, more than {MOST_CELLS:,}; give a larger pe_tile or "
                            "larger llb_multipliers")


def roof_cycles(counts: dict[str, int], config: ExTensorConfig) -> float:
    bits = sum(counts[name] for name in ("a_bits", "b_bits", "z_read_bits", "z_write_bits"))
    return max(bits / config.roof_bits_per_cycle, counts["k2_steps"], counts["k1_steps"],
               counts["k0_steps"] / config.pes)


def _tiles(done: ProductRun, config: ExTensorConfig) -> Tiles:
    """A tile for each pair of LLB tiles."""
    pairs, element = done.pairs, 2 * config.coordinate_bits + config.value_bits
    if not len(pairs.cycles):
        return Tiles.of([done.rest], [0], [0], [0])
    cycles = pairs.cycles + pairs.before
    cycles[-1] += done.rest
    return Tiles.of(cycles, pairs.a_bits, pairs.b_bits + element * pairs.z_read, element * pairs.z_write)
