"""Cnvlutin tick by tick. Rules: docs/machines/cnvlutin.md."""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.lanes.cnvlutin.config import CnvlutinConfig
from accelsim.arch.lanes.shared.products import space_to_depth
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.shared.reference.units import lane_units
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


class CnvlutinRules(Rules):
    """Lanes that skip zeros of their part of a window; or the dense array."""

    stalls = ("busy", "zero_operand", "unused", "empty", "barrier", "overhead")
    counts = (*Rules.counts, "brick_fetches", "bricks_written")
    config: CnvlutinConfig

    def __init__(self, layer: Layer, config: CnvlutinConfig) -> None:
        super().__init__(layer, config)
        self.lock_step = not self.config.skip_zeros

    def design(self, config: CnvlutinConfig) -> CnvlutinConfig:
        return config.for_products() if isinstance(self.layer, Matmul) else config

    def lowered(self) -> Layer:
        return space_to_depth(self.layer) if self.config.space_to_depth else self.layer

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        positions, filters = len(self.product.values), len(self.product.weights)
        bricks = self.product.values.shape[1] // self.config.neuron_lanes
        if self.config.skip_zeros:
            bricks = sum(len(lane_units(self.product, self.schedule, lane)) for lane in range(self.config.neuron_lanes))
        return {"brick_fetches": positions * bricks, "bricks_written": positions * -(-filters // self.config.brick)}

    def mapping(self) -> dict[str, Any]:
        return {"skips": self.config.skip_zeros}

    def input_bits(self, inputs: np.ndarray) -> int:
        """Room for every activation of a brick and its offset; plain values for the dense array."""
        if not self.config.skip_zeros:
            return super().input_bits(inputs)
        count, channels, places = inputs.shape
        return count * places * -(-channels // self.config.brick) * self.config.brick_bits

    def output_bits(self, outputs: int) -> int:
        return len(self.product.values) * -(-outputs // self.config.brick) * self.config.brick_bits


def run(layer: Layer, config: CnvlutinConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(CnvlutinRules(layer, config), policy)
