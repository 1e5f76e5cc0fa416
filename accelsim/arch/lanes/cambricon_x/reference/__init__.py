"""Cambricon-X tick by tick. Rules: docs/machines/cambricon_x.md."""

from collections import Counter
from collections.abc import Sequence

from accelsim.arch.lanes.cambricon_x.config import CambriconXConfig
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import FILLER, Rules
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class CambriconXRules(Rules):
    """Stored weights are non-zeros, and fillers where a step is too long for its index."""

    stalls = ("busy", "zero_operand", "filler", "fragmentation", "unused", "empty", "barrier")
    counts = (*Rules.counts, "index_reads", "fillers")
    config: CambriconXConfig

    def stored(self, output: int) -> list[int]:
        """The row of an output as `step4` stores it: indices in order, FILLER where a step would overflow."""
        row, before = [], -1
        for index, weight in enumerate(self.product.weights[output]):
            if weight != 0:
                row += [FILLER] * ((index - before - 1) // 2**self.config.index_bits) + [index]
                before = index
        return row

    def effectual(self, output: int, position: int, indices: Sequence[int]) -> list[int]:
        return self.stored(output) if self.config.index == "step4" else super().effectual(output, position, indices)

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        return {"fillers": sum(self.stored(output).count(FILLER) for output in range(len(self.product.weights)))
                if self.config.index == "step4" else 0}

    def counted(self, slots: Counter[str], takes: Counter[str]) -> dict[str, int]:
        common = super().counted(slots, takes)
        return common | {"index_reads": common["weight_reads"]}

    def weight_bits(self, outputs: Sequence[int], first_of_round: int) -> int:
        entries = sum(len(self.stored(output)) for output in outputs)
        return entries * (self.config.weight_bits + self.config.index_bits)


def run(layer: Layer, config: CambriconXConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(CambriconXRules(layer, config), policy)
