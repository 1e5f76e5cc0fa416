"""Minerva tick by tick. Rules: docs/machines/minerva.md."""

from collections import Counter
from typing import Any

from accelsim.arch.lanes.minerva.config import MinervaConfig
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class MinervaRules(Rules):
    """Products of small activations are switched off."""

    stalls = ("busy", "zero_operand", "gated", "unused", "overhead")
    counts = ("macs", "multiplies", "gated_multiplies", "weight_reads", "activation_reads", "threshold_compares",
              "sum_updates", "outputs_written")
    lock_step = True
    config: MinervaConfig

    def __init__(self, layer: Layer, config: MinervaConfig) -> None:
        super().__init__(layer, config)
        self.threshold = self._threshold()

    def _threshold(self) -> int:
        """The smallest magnitude that counts."""
        if self.config.kept_share is not None:
            magnitudes = sorted((abs(int(value)) for value in self.layer.activation.flat), reverse=True)
            found = 1
            while sum(m >= found + 1 for m in magnitudes) >= self.config.kept_share * len(magnitudes):
                found += 1
            return found
        if isinstance(self.config.threshold, int):
            return self.config.threshold
        return self.config.threshold.get(self.layer.name, 0)

    def slot(self, weight: int, value: int) -> str:
        return "gated" if abs(value) < self.threshold else super().slot(weight, value)

    def counted(self, slots: Counter[str], takes: Counter[str]) -> dict[str, int]:
        common = super().counted(slots, takes)
        return common | {"sum_updates": common["multiplies"], "gated_multiplies": slots["gated"],
                         "threshold_compares": common["activation_reads"]}

    def mapping(self) -> dict[str, Any]:
        return {"threshold": self.threshold}


def run(layer: Layer, config: MinervaConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, that of the pruned activations."""
    return engine.run(MinervaRules(layer, config), policy)
