"""DaDianNao tick by tick. Rules: docs/machines/dadiannao.md."""

from collections import Counter

from accelsim.arch.lanes.dadiannao.config import DadiannaoConfig
from accelsim.arch.lanes.shared.products import space_to_depth
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.shared.reference.units import reduction_units
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class DadiannaoRules(Rules):
    """Bricks are fetched and written."""

    counts = (*Rules.counts, "brick_fetches", "bricks_written")
    lock_step = True
    config: DadiannaoConfig

    def lowered(self) -> Layer:
        return space_to_depth(self.layer) if self.config.space_to_depth else self.layer

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        positions, filters = len(self.product.values), len(self.product.weights)
        bricks = len(reduction_units(self.product, self.schedule))
        return {"brick_fetches": positions * rounds * bricks,
                "bricks_written": positions * -(-filters // self.config.inputs_per_step)}


def run(layer: Layer, config: DadiannaoConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(DadiannaoRules(layer, config), policy)
