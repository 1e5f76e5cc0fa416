"""Rounds of a planar machine as tiles for the memory timeline. Rules: docs/machines/scnn.md, "DRAM". DCNN's too."""

import numpy as np

from accelsim.arch.scnn.convolution import Convolution
from accelsim.arch.scnn.plan import Plan
from accelsim.config import ArchConfig
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import Tiles

DRAM_COUNTS = {"dram_weight_bits": "weight", "dram_activation_bits": "activation", "dram_output_bits": "output"}


def round_tiles(conv: Convolution, plan: Plan, config: ArchConfig, round_cycles: np.ndarray, weight_bits: np.ndarray,
                activation_bits: np.ndarray, output_entry_bits: int, outputs_stay: bool) -> Tiles:
    """One tile per round, in time: image, temporal tile, round.

    round_cycles [round in time]; weight_bits [round]; activation_bits [image, temporal tile] of the input as it
    travels; outputs_stay: the output RAM holds the layer's.
    """
    shape = (conv.images, plan.temporal_tiles, plan.rounds)
    weights, activations, outputs = (np.zeros(shape, np.int64) for _ in range(3))
    if not config.resident_weights:
        weights[:] = weight_bits
    if not (plan.resident and config.resident_activations):
        activations[:, :, :plan.rounds if plan.streamed else 1] = activation_bits[:, :, None]
    if not (outputs_stay and config.resident_activations):
        outputs[:] = np.outer(plan.own.sum(axis=1), plan.channels_of.sum(axis=1)) * output_entry_bits
    return Tiles.of(round_cycles, weights.ravel(), activations.ravel(), outputs.ravel())


def entries_by_tile(entries: np.ndarray) -> np.ndarray:
    """[image, temporal tile] from [channel, phase, image, row piece, col piece, tile row, tile col]."""
    return entries.sum(axis=(0, 1, 5, 6)).reshape(entries.shape[2], -1)


def outputs_stay(plan: Plan, oaram_bits: int, entry_bits: int) -> bool:
    """Does every PE's output RAM hold what the layer leaves there?"""
    part_outputs = int(plan.own.sum(axis=0).max() * plan.channels_of.sum(axis=0).max())
    return oaram_bits == 0 or part_outputs * entry_bits <= oaram_bits


def dram_actions(config: ArchConfig) -> dict[str, Action]:
    """What the machine's own DRAM counts cost; with `dram` the timeline's bursts cost instead."""
    return {} if config.dram else {name: Action("dram", 1, data) for name, data in DRAM_COUNTS.items()}
