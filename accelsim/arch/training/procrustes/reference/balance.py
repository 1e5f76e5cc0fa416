"""Who multiplies which weight of a set: the policy says how many, and everyone keeps what it owns while it can."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.loops import Weight
from accelsim.arch.training.procrustes.reference.sets import WeightSet
from accelsim.arch.training.procrustes.reference.tiling import PeTiling
from accelsim.errors import ModelError


@dataclass(frozen=True)
class Share:
    """weights[pe] that each PE multiplies in a set; displaced lanes and swaps as the policy counts them."""

    weights: list[list[Weight]]
    displaced: int = 0
    swaps: int = 0


def shares(sets: Sequence[WeightSet], tiling: PeTiling, config: ProcrustesConfig, policy: Policy) -> list[Share]:
    """The share of every PE in every set (none of them empty). Raises ModelError when the policy loses work."""
    if not config.sparse or config.dataflow == "pq" or not sets:
        return [Share(one.weights) for one in sets]
    by_lane = not policy_lanes_are_depth(tiling, config)
    work = np.stack([_work(one, tiling.lanes if by_lane else tiling.depth, by_lane) for one in sets])
    load, displaced, swaps = (np.asarray(part) for part in policy(work.copy()))
    _check(policy, work, load, displaced, swaps)
    return [Share(_dealt(one.weights, [int(n) for n in load[i]]), int(displaced[i]), int(swaps[i]))
            for i, one in enumerate(sets)]


def policy_lanes_are_depth(tiling: PeTiling, config: ProcrustesConfig) -> bool:
    """`ck` balances along channels when a tile has more of them than filters."""
    return bool(config.dataflow == "ck" and tiling.lanes < tiling.depth)


def _work(one: WeightSet, lanes: int, by_lane: bool) -> np.ndarray:
    """Mask bits [pe, lane] of each PE's own tile; lanes that it lacks have none."""
    work = np.zeros((len(one.tiles), lanes), np.int64)
    for pe, (tile, weights) in enumerate(zip(one.tiles, one.weights, strict=True)):
        for weight in weights:
            lane = one.lane_of(weight) - tile.lanes.start if by_lane else one.depth_of(weight) - tile.depth.start
            work[pe, lane] += 1
    return work


def _dealt(owned: list[list[Weight]], load: list[int]) -> list[list[Weight]]:
    """Every PE keeps its own weights up to its load; what is over goes, in order, to the PEs with room."""
    over = [weight for weights, n in zip(owned, load, strict=True) for weight in weights[n:]]
    dealt = []
    for weights, n in zip(owned, load, strict=True):
        room = max(0, n - len(weights))
        dealt.append(weights[:n] + over[:room])
        over = over[room:]
    return dealt


def _check(policy: Policy, work: np.ndarray, load: np.ndarray, displaced: np.ndarray, swaps: np.ndarray) -> None:
    name, sets = getattr(policy, "__name__", policy), len(work)
    for what, array, shape in (("load", load, work.shape[:2]), ("displaced", displaced, (sets,)),
                               ("swaps", swaps, (sets,))):
        if array.shape != shape or array.dtype.kind not in "iu" or (array < 0).any():
            raise ModelError(f"policy {name}: {what} is {array!r:.80}, wanted whole numbers from 0 up of shape "
                             f"{list(shape)}; correct the policy")
    bits = work.sum(axis=(1, 2))
    for i in np.flatnonzero(load.sum(axis=1) != bits):
        raise ModelError(f"policy {name}: the loads of set {i} sum to {load[i].sum()}, wanted its {bits[i]} mask bits, "
                         "each to exactly one PE; correct the policy")
