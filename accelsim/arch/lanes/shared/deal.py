"""Which outputs a lane has in which round: what the policies of the family give. Rules: docs/machines/lanes.md."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.lanes.shared.schedule import Dispatch, Schedule
from accelsim.arch.machine import Policy
from accelsim.errors import ModelError

NOBODY = -1


class Deal(NamedTuple):
    """outputs int64 [round, span, lane, place]: numbers of the product's outputs, or NOBODY.

    span: 1, or the number of units, where lanes change their outputs from unit to unit. dispatch: how jobs come to
    sections; None = as the design says. union: outputs that break a shared index are taken with the union of theirs.
    """

    outputs: np.ndarray
    dispatch: Dispatch | None = None
    union: bool = False


def checked_deal(policy: Policy, nonzeros: np.ndarray, schedule: Schedule) -> Deal:
    """What `policy` gives for nonzeros int64 [output, unit]; ModelError unless each output has one place per span."""
    lanes, places = schedule.dealt_lanes, schedule.places or len(nonzeros)
    deal = policy(nonzeros, lanes, places)
    name = f"policy {getattr(policy, '__name__', policy)}"
    if not isinstance(deal, Deal):
        raise ModelError(f"{name}: returned {deal!r:.80}, wanted a Deal; correct the policy")
    outputs, (count, units) = np.asarray(deal.outputs), nonzeros.shape
    if (outputs.ndim != 4 or outputs.dtype.kind not in "iu" or outputs.shape[2] != lanes
            or outputs.shape[1] not in (1, units)):
        raise ModelError(f"{name}: outputs are {outputs.dtype} of shape {list(outputs.shape)}, wanted whole numbers "
                         f"[round, 1 or {units}, {lanes}, place]; correct the policy")
    if outputs.shape[3] > places and schedule.effectual not in ("weights", "both"):
        raise ModelError(f"{name}: gives a lane {outputs.shape[3]} places, the design has {places}; correct the policy")
    rounds_of = np.full((outputs.shape[1], count), NOBODY)
    for span in range(outputs.shape[1]):
        dealt = outputs[:, span].reshape(len(outputs), -1)
        turn, place = np.nonzero(dealt != NOBODY)
        numbers = dealt[turn, place]
        if not np.array_equal(np.sort(numbers), np.arange(count)):
            raise ModelError(f"{name}: does not give each of {count} outputs one place (span {span}); correct the "
                             "policy")
        rounds_of[span, numbers] = turn
    if (rounds_of != rounds_of[0]).any():
        raise ModelError(f"{name}: an output changes its round from span to span; correct the policy")
    if (outputs.reshape(len(outputs), -1) == NOBODY).all(axis=1).any():
        raise ModelError(f"{name}: a round has no output; correct the policy")
    return Deal(outputs.astype(np.int64), deal.dispatch, deal.union)
