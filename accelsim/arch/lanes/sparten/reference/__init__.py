"""SparTen tick by tick. Rules: docs/machines/sparten.md."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.shared.reference.units import reduction_units
from accelsim.arch.lanes.sparten.config import SpartenConfig
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class SpartenRules(Rules):
    """Chunks of both operands are joined; sums may change their unit from chunk to chunk."""

    stalls = ("busy", "unused", "empty", "barrier", "overhead", "finished")
    counts = ("macs", "multiplies", "joins", "operand_reads", "filter_chunks", "input_chunks", "permuted_sums",
              "unit_cycles", "outputs_written")
    config: SpartenConfig

    def moved_sums(self, turn: int, unit: int) -> int:
        """Filters of the round whose unit is not that of the chunk before."""
        spans = self.deal.outputs[turn]
        if unit == 0 or len(spans) == 1:
            return 0
        before, now = (_unit_of(spans[u]) for u in (unit - 1, unit))
        return sum(now[output] != before[output] for output in now)

    def permute_cycles(self, turn: int, unit: int, positions: int) -> int:
        width = self.config.permute_words_per_cycle
        if not width or self.config.barrier != "chunk":
            return 0
        return -(-self.moved_sums(turn, unit) * positions // width)

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        positions, chunks = len(self.product.values), len(reduction_units(self.product, self.schedule))
        moved = sum(self.moved_sums(turn, unit) for turn in range(rounds) for unit in range(chunks))
        return {"filter_chunks": len(self.product.weights) * chunks * groups,
                "input_chunks": positions * rounds * chunks, "permuted_sums": positions * moved}

    def counted(self, slots: Counter[str], takes: Counter[str]) -> dict[str, int]:
        common = super().counted(slots, takes)
        return common | dict.fromkeys(("joins", "operand_reads"), slots["busy"])

    def _map_bits(self, maps: int) -> int:
        return maps * (self.config.chunk + self.config.pointer_bits)

    def weight_bits(self, outputs: Sequence[int], first_of_round: int) -> int:
        chunks = len(reduction_units(self.product, self.schedule))
        stored = int(np.count_nonzero(self.original.weights[list(outputs)]))
        return self._map_bits(len(outputs) * chunks) + stored * self.config.weight_bits

    def input_bits(self, inputs: np.ndarray) -> int:
        count, channels, places = inputs.shape
        maps = count * places * -(-channels // self.config.chunk)
        return self._map_bits(maps) + int(np.count_nonzero(inputs)) * self.config.activation_bits

    def output_bits(self, outputs: int) -> int:
        positions = len(self.product.values)
        maps = positions * -(-outputs // self.config.chunk)
        return self._map_bits(maps) + positions * outputs * self.config.activation_bits


def _unit_of(lanes: np.ndarray) -> dict[int, int]:
    """The unit that has each filter, from filters [unit, place]."""
    return {int(output): unit for unit, places in enumerate(lanes) for output in places if output != NOBODY}


def run(layer: Layer, config: SpartenConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(SpartenRules(layer, config), policy)
