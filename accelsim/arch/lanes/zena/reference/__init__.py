"""ZeNA tick by tick. Rules: docs/machines/zena.md."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.zena.config import ZenaConfig
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class ZenaRules(Rules):
    """Bit vectors of both operands are joined in segments."""

    stalls = ("busy", "unused", "empty", "barrier", "finished")
    counts = (*Rules.counts, "segment_joins")
    config: ZenaConfig

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        positions, reduction = self.product.values.shape
        return {"segment_joins": positions * len(self.product.weights) * -(-reduction // self.config.segment)}

    def weight_bits(self, outputs: Sequence[int], first_of_round: int) -> int:
        weights = self.original.weights[list(outputs)]
        return weights.size + int(np.count_nonzero(weights)) * self.config.weight_bits

    def input_bits(self, inputs: np.ndarray) -> int:
        return inputs.size + int(np.count_nonzero(inputs)) * self.config.activation_bits

    def output_bits(self, outputs: int) -> int:
        return len(self.product.values) * outputs * (1 + self.config.activation_bits)


def run(layer: Layer, config: ZenaConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(ZenaRules(layer, config), policy)
