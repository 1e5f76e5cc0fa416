"""What SCNN moves from and to DRAM, round by round. Rules: docs/machines/scnn.md, "DRAM"."""

import numpy as np

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.lowering import ScnnWork
from accelsim.arch.planar.shared.fast.traffic import entries_by_tile, outputs_stay, round_tiles
from accelsim.hw.memory.tiles import Tiles


def tiles(layer: ScnnWork, config: ScnnConfig, round_cycles: np.ndarray) -> Tiles:
    """One for each round; round_cycles [round in time]."""
    plan = layer.plan
    by_group = layer.weights.counts.sum(axis=(1, 2)) * config.entry_bits
    by_round = np.add.reduceat(by_group, np.arange(0, len(by_group), plan.assignment.parts))
    return round_tiles(layer.conv, plan, round_cycles, by_round, entries_by_tile(layer.entries) * config.entry_bits,
                       config.entry_bits, outputs_stay(plan, config.oaram_bits, config.entry_bits))
