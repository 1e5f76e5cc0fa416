"""Rounds of a planar machine as tiles for the memory timeline. Rules: docs/machines/scnn.md, "DRAM". DCNN's too."""

import numpy as np

from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.plan import PlanarPlan
from accelsim.hw.memory.tiles import MayStay, Tiles


def round_tiles(conv: PatternConvolution, plan: PlanarPlan, round_cycles: np.ndarray, weight_bits: np.ndarray,
                activation_bits: np.ndarray, output_entry_bits: int, outputs_stay: bool) -> Tiles:
    """One tile per round, in time: image, temporal tile, round.

    round_cycles [round in time]; weight_bits [round]; activation_bits [image, temporal tile] of the input as it
    travels; outputs_stay: the output RAM holds the layer's.
    """
    shape = (conv.images, plan.temporal_tiles, plan.rounds)
    weights, activations, outputs = (np.zeros(shape, np.int64) for _ in range(3))
    weights[:] = weight_bits
    activations[:, :, :plan.rounds if plan.streamed else 1] = activation_bits[:, :, None]
    outputs[:] = np.outer(plan.own.sum(axis=1), plan.channels_of.sum(axis=1)) * output_entry_bits
    return Tiles.of(round_cycles, weights.ravel(), activations.ravel(), outputs.ravel(),
                    may_stay=MayStay(inputs=plan.resident, outputs=outputs_stay))


def entries_by_tile(entries: np.ndarray) -> np.ndarray:
    """[image, temporal tile] from [channel, phase, image, row piece, col piece, tile row, tile col]."""
    return entries.sum(axis=(0, 1, 5, 6)).reshape(entries.shape[2], -1)


def outputs_stay(plan: PlanarPlan, oaram_bits: int, entry_bits: int) -> bool:
    """Does every PE's output RAM hold what the layer leaves there?"""
    part_outputs = int(plan.own.sum(axis=0).max() * plan.channels_of.sum(axis=0).max())
    return oaram_bits == 0 or part_outputs * entry_bits <= oaram_bits
