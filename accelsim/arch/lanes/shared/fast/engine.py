"""The fast engine of lanes: products of a layer are lowered, dealt, simulated and accounted.

A kind's engine is a `LanesEngine` that says what only that kind has. Rules: docs/machines/lanes.md.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from accelsim.arch.lanes.shared.deal import checked_deal
from accelsim.arch.lanes.shared.fast.account import ProductRun, accounted
from accelsim.arch.lanes.shared.fast.bound import product_bound
from accelsim.arch.lanes.shared.fast.jobs import Jobs, jobs_of
from accelsim.arch.lanes.shared.fast.lowering import Dealt, IndexSets, dealt_out, operands_of
from accelsim.arch.lanes.shared.fast.traffic import Formats, StoredProduct, layer_tiles
from accelsim.arch.lanes.shared.products import lane_products
from accelsim.arch.lanes.shared.schedule import Schedule
from accelsim.arch.machine import LayerRun, Machine, Policy
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


@dataclass(frozen=True)
class LayerTask:
    """A layer on a design; group: number of the product."""

    layer: Layer
    config: Any
    policy: Policy
    group: int = 0

    @property
    def schedule(self) -> Schedule:
        schedule: Schedule = self.config.schedule
        return schedule


class LanesEngine(Formats):
    """What the kinds share. Subclasses override what is theirs; their methods get the task, and a product's run."""

    def __init__(self, model: type[Machine[Any]]) -> None:
        self.model = model()

    # what a kind may have of its own

    def design(self, layer: Layer, config: Any) -> Any:
        """The design as it runs the layer."""
        return config

    def as_run(self, layer: Layer, config: Any) -> Layer:
        """The layer as the design runs it, as `folds` says."""
        return layer

    def folds(self, config: Any) -> bool:
        """Whether layers are run as others."""
        return False

    def counted(self, task: LayerTask) -> tuple[Hashable, Any]:
        """Which activations count for a product of two non-zeros: a key, and a function to their pattern."""
        return 1, _non_zeros

    def stored(self, config: Any) -> tuple[Hashable, Any]:
        """Which weights of a pattern are stored: a key, and a function."""
        return 0, _unchanged

    def dealt(self, task: LayerTask, operands: IndexSets) -> Dealt:
        deal = checked_deal(task.policy, operands.nonzeros, task.schedule)
        return dealt_out(operands, deal, task.schedule)

    def least(self, task: LayerTask, operands: IndexSets, dealt: Dealt) -> np.ndarray | None:
        """Least cycles of units [round, unit]; None: 0."""
        return None

    def permuted(self, config: Any) -> int:
        """Outputs that come to another lane in a cycle; 0: any number."""
        return 0

    def gates(self, task: LayerTask) -> bool:
        """Whether products of activations that do not count are switched off."""
        return False

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        """Counts of the kind, and those of the family that it counts otherwise."""
        return {}

    def mapping(self, task: LayerTask) -> Mapping[str, Any]:
        """What is reported besides."""
        return {}

    # what all do

    def run(self, layer: Layer, config: Any, policy: Policy) -> LayerRun:
        task = LayerTask(layer, self.design(layer, config), policy)
        stalls: Counter[str] = Counter(dict.fromkeys(self.model.stall_names, 0))
        counts: Counter[str] = Counter(dict.fromkeys(self.model.count_names, 0))
        cycles = rounds = products = 0
        work: Any = 0
        stored: list[StoredProduct] = []
        for own, run in self.products(task):
            cycles, rounds, products = cycles + run.cycles, rounds + len(run.dealt.active), products + 1
            stalls.update({name: n for name, n in run.stalls.items() if n})
            counts.update(self._counts(own, run))
            work = work + run.work
            stored.append(self.stored_bits(own, run))
        return LayerRun(
            cycles=cycles, slots=task.schedule.slots, stalls={**stalls}, counts={**counts},
            mapping={"products": products, "rounds": rounds, **self.mapping(task)},
            tiles=layer_tiles(stored, task.config), work=PeWork.of(work))

    def products(self, task: LayerTask) -> Iterator[tuple[LayerTask, ProductRun]]:
        """Each product's task and run, in order."""
        for group, operands in enumerate(self.operands(task)):
            own = LayerTask(task.layer, task.config, task.policy, group)
            dealt, jobs = self.jobs(own, operands)
            yield own, accounted(operands, dealt, jobs, task.schedule, self.gates(own))

    def operands(self, task: LayerTask) -> list[IndexSets]:
        """All products as bitmaps, kept for other designs."""
        schedule, config = task.schedule, task.config
        (count_key, counts), (stored_key, stored) = self.counted(task), self.stored(config)
        key = ("lanes operands", self.folds(config), schedule.effectual, schedule.unit, schedule.crosses_taps,
               schedule.lane_map, schedule.reduction_lanes, schedule.order, schedule.pad_channels, count_key,
               stored_key)
        return derived(task.layer, key, lambda: [
            operands_of(product, schedule, counts, stored) for product in lane_products(
                self.as_run(task.layer, config), schedule.order, schedule.pad_channels)])

    def jobs(self, task: LayerTask, operands: IndexSets, log: Any = None) -> tuple[Dealt, Jobs]:
        """Who has what, and what the kernel says of it; kept for designs that differ elsewhere."""
        key = (task.group, self.folds(task.config), task.policy, *self._deal_key(task))
        dealt = derived(task.layer, ("lanes deal", *key), partial(self.dealt, task, operands))
        own = (*key, *self._time_key(task))
        if log is not None:
            return dealt, self._jobs(task, operands, dealt, log)
        return dealt, derived(task.layer, ("lanes jobs", *own), partial(self._jobs, task, operands, dealt))

    def _jobs(self, task: LayerTask, operands: IndexSets, dealt: Dealt, log: Any = None) -> Jobs:
        least = self.least(task, operands, dealt)
        if least is None:
            least = np.zeros((len(dealt.active), len(operands.unit_words) - 1), np.int64)
        return jobs_of(operands, dealt, task.schedule, least, self.permuted(task.config), log)

    def _deal_key(self, task: LayerTask) -> tuple[Hashable, ...]:
        """What the deal depends on, besides layer and policy."""
        schedule = task.schedule
        return (self.counted(task)[0], self.stored(task.config)[0], schedule.effectual, schedule.unit,
                schedule.crosses_taps, schedule.lane_map, schedule.reduction_lanes, schedule.order,
                schedule.pad_channels, schedule.dealt_lanes, schedule.places, self.deal_key(task.config))

    def _time_key(self, task: LayerTask) -> tuple[Hashable, ...]:
        """What the jobs' times depend on, besides the deal: all but who has which job when."""
        s = task.schedule
        shared_out = s.sections if not s.group_positions else 0
        return (s.inputs, s.outputs, s.scope, s.joined, s.columns, s.held, s.group_positions, shared_out, s.costs,
                self.permuted(task.config), self.least_key(task.config))

    def deal_key(self, config: Any) -> Hashable:
        """What else of a design `dealt` depends on."""
        return None

    def least_key(self, config: Any) -> Hashable:
        """What of a design `least` depends on."""
        return None

    def _counts(self, task: LayerTask, run: ProductRun) -> dict[str, int]:
        did, stalls = run.products, run.stalls
        multiplies = stalls["busy"] + stalls["zero_operand"] + stalls["filler"]
        common = {"macs": stalls["busy"], "multiplies": multiplies, "weight_reads": multiplies,
                  "activation_reads": int(did.found.sum()), "sum_updates": int(did.updates.sum()),
                  "outputs_written": run.operands.positions * run.operands.outputs, **self.counts(task, run)}
        return {name: n for name, n in common.items() if name in self.model.count_names}

    def bound_cycles(self, layer: Layer, config: Any, run: LayerRun) -> int:
        """Cycles below which no policy takes the design."""
        task = LayerTask(layer, self.design(layer, config), next(iter(self.model.policies.values())))
        schedule = task.schedule
        if schedule.effectual == "block":
            return -(-run.stalls["busy"] // run.slots)
        if schedule.effectual in ("all", "activations"):  # no deal has fewer passes
            return sum(run.cycles for _, run in self.products(task))
        return sum(derived(layer, ("lanes bound", group, self.folds(config), *self._deal_key(task),
                                   *self._time_key(task), schedule.sections),
                           partial(product_bound, operands, schedule))
                   for group, operands in enumerate(self.operands(task)))


def _non_zeros(values: np.ndarray) -> np.ndarray:
    return values != 0


def _unchanged(pattern: np.ndarray) -> np.ndarray:
    return pattern
