"""What DCNN moves from and to DRAM, round by round. Rules: docs/machines/dcnn.md, "DRAM"."""

import numpy as np

from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.lowering import DcnnWork
from accelsim.arch.planar.shared.fast.entries import kept_entries
from accelsim.arch.planar.shared.fast.traffic import entries_by_tile, outputs_stay, round_tiles
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.layer import Layer


def tiles(layer: Layer, work: DcnnWork, config: DcnnConfig) -> Tiles:
    """One for each round."""
    conv, plan = work.conv, work.plan
    weights = plan.channels_of.sum(axis=1) * conv.weight[0].size * config.value_bits
    return round_tiles(conv, plan, np.tile(work.round_cycles.reshape(-1), conv.images), weights,
                       activation_bits(layer, work, config), config.value_bits,
                       outputs_stay(plan, config.oaram_bits, config.value_bits))


def activation_bits(layer: Layer, work: DcnnWork, config: DcnnConfig) -> np.ndarray:
    """Bits of the input as it travels [image, temporal tile]."""
    conv, plan = work.conv, work.plan
    if config.compress_dram:
        entries = entries_by_tile(kept_entries(layer, conv, plan.rows, plan.cols, config.index_bits))
        return entries * (config.value_bits + config.index_bits)
    positions = plan.positions.sum(axis=1) * conv.channels * config.value_bits
    return np.tile(positions, (conv.images, 1))
