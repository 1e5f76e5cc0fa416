"""The list of weights, cut into tiles."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.reference.operands import Operands, Weight
from accelsim.errors import ModelError


class Slot(NamedTuple):
    """A multiplier's part of the list; no weight: the rest of a group. behind: mask bits of the list up to it."""

    owner: int
    weight: Weight | None
    behind: int


class WeightList(NamedTuple):
    """Tiles of at most N slots, owners without a weight, and mask bits of the layer."""

    tiles: list[list[Slot]]
    empty_owners: list[int]
    mask_bits: int


def weight_list(operands: Operands, config: EagerPruningConfig, policy: Policy) -> WeightList:
    """Raises ModelError when the policy loses an owner."""
    kept = [sum(weight is not None for weight in operands.weights_of(owner)) for owner in range(operands.owners)]
    order = [int(owner) for owner in policy(np.array(kept, np.int64))]
    if sorted(order) != list(range(operands.owners)):
        raise ModelError(f"the policy's order has {len(order)} kernels, wanted each of {operands.owners} once")
    slots: list[Slot] = []
    bits = 0
    for owner in order:
        for weight in operands.weights_of(owner):
            bits += 1
            if weight is not None:
                slots.append(Slot(owner, weight, bits))
        while config.gates == "fixed" and len(slots) % config.group:
            slots.append(Slot(owner, None, bits))
    tiles = [slots[i:i + config.multipliers] for i in range(0, len(slots), config.multipliers)]
    return WeightList(tiles, [owner for owner in order if kept[owner] == 0], bits)


def runs_of(tile: list[Slot], config: EagerPruningConfig, each_alone: bool) -> list[list[int]]:
    """Multipliers of each run: gates are closed within, open between. each_alone: all gates are open."""
    runs: list[list[int]] = []
    for m, slot in enumerate(tile):
        if slot.weight is None:
            continue
        at_edge = config.gates == "fixed" and m % config.group == 0
        if m == 0 or each_alone or at_edge or tile[m - 1].owner != slot.owner:
            runs.append([])
        runs[-1].append(m)
    return runs
