"""Cambricon-S tick by tick. Rules: docs/machines/cambricon_s.md."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from accelsim.arch.lanes.cambricon_s.config import CambriconSConfig
from accelsim.arch.lanes.cambricon_s.index import shared_index
from accelsim.arch.lanes.shared.deal import NOBODY, Deal
from accelsim.arch.lanes.shared.products import LaneProduct
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class CambriconSRules(Rules):
    """Neighbouring outputs of the deal share the index of what is kept."""

    stalls = ("busy", "zero_operand", "fragmentation", "unused", "empty")
    counts = (*Rules.counts, "selector_scans", "kept_positions")
    lock_step = True
    config: CambriconSConfig

    def begin(self, product: LaneProduct, original: LaneProduct, number: int, deal: Deal) -> None:
        super().begin(product, original, number, deal)
        dealt = [int(output) for output in deal.outputs[:, 0].reshape(-1)]
        order = [output for output in dealt if output != NOBODY]
        self.kept = shared_index(self.layer.name, number, product.weights[order], self.config.block_outputs,
                                 deal.union)
        self.block_of = {output: place // self.config.block_outputs for place, output in enumerate(order)}

    def kept_of(self, output: int) -> np.ndarray:
        """kept [reduction] for the block of an output."""
        kept: np.ndarray = self.kept[self.block_of[output]]
        return kept

    def effectual(self, output: int, position: int, indices: Sequence[int]) -> list[int]:
        kept, values = self.kept_of(output), self.product.values[position]
        return [index for index in indices if kept[index] and values[index] != 0]

    def least_unit_cycles(self, indices: Sequence[int], outputs: Sequence[int]) -> int:
        if not self.config.scan_weights:
            return 0
        return -(-int(self.kept_of(outputs[0])[list(indices)].sum()) // self.config.scan_weights)

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        positions, reduction = self.product.values.shape
        return {"selector_scans": positions * rounds * reduction, "kept_positions": int(self.kept.sum())}

    def weight_bits(self, outputs: Sequence[int], first_of_round: int) -> int:
        """Kept weights of the outputs, and the index of a block with the first round that lies in it."""
        stored = sum(int(self.kept_of(output).sum()) for output in outputs) * self.config.weight_bits
        begins = first_of_round % self.config.block_outputs == 0
        return stored + (self.product.weights.shape[1] if begins else 0)


def run(layer: Layer, config: CambriconSConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(CambriconSRules(layer, config), policy)
