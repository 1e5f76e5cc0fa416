"""Where every slot-cycle of a product went. Rules: docs/machines/lanes.md, "Where every slot-cycle goes"."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY
from accelsim.arch.lanes.shared.fast.jobs import Jobs, Placed, placed
from accelsim.arch.lanes.shared.fast.kernel import add_work
from accelsim.arch.lanes.shared.fast.lowering import Dealt, IndexSets
from accelsim.arch.lanes.shared.schedule import Schedule


@dataclass(frozen=True, eq=False)
class LaneProducts:
    """What lanes did in the rounds, over all positions, each [round, lane].

    steps in one pass; found: effectual indices, in all passes; made: products; busy: products of two non-zeros;
    fillers: products of fillers; gated: those switched off; updates: sums added to; fragmented and idle: slot-cycles of
    steps without an index, without an output. empty and overhead: cycles on top of the steps; spent: all cycles.
    """

    steps: np.ndarray
    found: np.ndarray
    made: np.ndarray
    busy: np.ndarray
    fillers: np.ndarray
    gated: np.ndarray
    updates: np.ndarray
    fragmented: np.ndarray
    idle: np.ndarray
    empty: np.ndarray
    overhead: np.ndarray
    spent: np.ndarray


def products_of(operands: IndexSets, dealt: Dealt, jobs: Jobs, schedule: Schedule, gates: bool) -> LaneProducts:
    out = jobs.outcome
    steps, spent = out.steps.sum(axis=1, dtype=np.int64) * jobs.times, out.spent * jobs.times
    empty_units, nothing = out.empty * jobs.times, np.zeros_like(steps)
    outputs, passes = np.ones_like(dealt.count)[:, None], np.ones_like(dealt.count)[:, None]
    found, busy, fillers, idle = steps, steps, nothing, nothing
    if schedule.effectual == "weights":
        busy, fillers = _by_lane(dealt, operands.matches), _by_lane(dealt, operands.fillers) * jobs.times
        found = _by_lane(dealt, operands.nonzeros) * jobs.times + fillers
    elif schedule.effectual != "both":  # all outputs of the round meet what is found
        outputs = dealt.count[:, None]
        passes = -(-outputs // schedule.outputs)
        busy = np.stack([operands.matches[own[own != NOBODY]].sum(axis=0) for own in dealt.deal.outputs[:, 0]])
        idle = schedule.inputs * (passes * schedule.outputs - outputs) * steps
    if schedule.effectual == "all":
        found = np.full_like(steps, operands.positions * operands.reduction)
    elif schedule.effectual == "block":
        found = (dealt.kept @ operands.value_counts)[dealt.block][:, None]
    elif schedule.effectual == "activations":
        absent = len(operands.unit_words) - 1 - operands.lane_units
        empty_units = empty_units - absent * operands.positions
    gated = nothing
    if gates:
        gated = (operands.positions * operands.reduction - operands.value_counts.sum()) * outputs
    empty = empty_units * schedule.costs.empty * passes
    if schedule.effectual == "block":
        empty = spent - steps * passes  # a window that is scanned for longer, too
    return LaneProducts(steps, found * passes, found * outputs, busy, fillers, gated, steps * outputs,
                    (schedule.inputs * steps - found) * outputs, idle, empty, spent - steps * passes - empty, spent)


def _by_lane(dealt: Dealt, values: np.ndarray) -> np.ndarray:
    """[round, lane]: values[output, unit] (or [output]) of the outputs that a lane has, by unit where they change."""
    outputs = np.take_along_axis(dealt.deal.outputs, dealt.lane_of[:, None, :, None], axis=2)
    if outputs.shape[1] == 1:
        own = values if values.ndim == 1 else values.sum(axis=1)
        found = own[outputs]
    else:
        found = values[outputs, np.arange(outputs.shape[1])[:, None, None]] if values.ndim == 2 else (
            values[outputs] * (np.arange(outputs.shape[1]) == 0)[:, None, None])
    return np.where(outputs == NOBODY, 0, found).sum(axis=(1, 3))


@dataclass(frozen=True, eq=False)
class ProductRun:
    """A product on a design. stalls: all names of the family; round_ends [round]: when the last job of it and of those
    before ends; work [section, lane]: see the page. placed: None with scope `product`.
    """

    operands: IndexSets
    dealt: Dealt
    jobs: Jobs
    products: LaneProducts
    placed: Placed | None
    cycles: int
    stalls: dict[str, int]
    round_ends: np.ndarray
    work: np.ndarray


def accounted(operands: IndexSets, dealt: Dealt, jobs: Jobs, schedule: Schedule, gates: bool) -> ProductRun:
    """gates: products of activations that do not count are switched off."""
    did, width = products_of(operands, dealt, jobs, schedule, gates), schedule.lane_slots
    stalls = {"busy": int(did.busy.sum()), "zero_operand": int((did.made - did.busy - did.gated - did.fillers).sum()),
              "gated": int(did.gated.sum()), "filler": int(did.fillers.sum()),
              "fragmentation": int(did.fragmented.sum()),
              "unused": int(did.idle.sum()), "empty": int(did.empty.sum()) * width,
              "overhead": int(did.overhead.sum()) * width + schedule.costs.product * schedule.slots,
              "barrier": 0, "finished": 0}
    place = None
    if schedule.scope == "product":
        own = np.zeros((len(dealt.active), schedule.lanes), np.int64)
        np.put_along_axis(own, dealt.lane_of, did.spent, axis=1)
        round_ends = np.cumsum(own, axis=0).max(axis=1)
        cycles, lanes = int(round_ends[-1]), own.sum(axis=0)
        works = (dealt.deal.outputs != NOBODY).any(axis=(0, 1, 3))
        stalls["barrier"] += int((cycles - lanes[works]).sum()) * width
        stalls["unused"] += cycles * int((~works).sum()) * width
    else:
        place = placed(jobs, schedule, dealt.deal.dispatch or schedule.dispatch)
        round_ends, cycles = place.round_ends, int(place.ends.max())
        taking_part = dealt.active[:, None] * (np.diff(jobs.groups) if schedule.columns > 1 else 1)  # [round, group]
        time, longest = (array * jobs.times for array in (jobs.outcome.cycles, jobs.outcome.longest))
        stalls["barrier"] += (int((taking_part * longest).sum()) - int(did.spent.sum())) * width
        stalls["overhead"] += int((taking_part * (time - longest)).sum()) * width
        stalls["unused"] += int(((schedule.lanes - taking_part) * time).sum()) * width
        stalls["finished"] += int((cycles - place.ends).sum()) * schedule.lanes * width
    round_ends = round_ends.copy()
    round_ends[-1] = cycles + schedule.costs.product
    return ProductRun(operands, dealt, jobs, did, place, cycles + schedule.costs.product, stalls, round_ends,
                      _work(operands.matches, dealt, jobs, did, place, schedule))


def _work(matches: np.ndarray, dealt: Dealt, jobs: Jobs, did: LaneProducts, place: Placed | None,
          schedule: Schedule) -> np.ndarray:
    """[section, lane], or [1, output of the lane] where a single lane has all."""
    if schedule.effectual == "both" and place is not None:
        work = np.zeros((schedule.sections, schedule.lanes), np.int64)
        add_work(jobs.outcome.steps, place.section, dealt.lane_of, dealt.active, schedule.columns, work)
        return work
    if schedule.effectual in ("all", "block"):  # lanes in lock-step: what tells PEs apart are the outputs' places
        work = np.zeros((1, schedule.outputs), np.int64)
        rounds, places = np.nonzero(dealt.deal.outputs[:, 0, 0] != NOBODY)
        np.add.at(work[0], places % schedule.outputs, matches[dealt.deal.outputs[rounds, 0, 0, places]].sum(axis=1))
        return work
    work = np.zeros((1, schedule.lanes), np.int64)
    lane_of = dealt.lane_of if schedule.dealt_lanes > 1 else np.arange(schedule.lanes)[None].repeat(len(did.busy), 0)
    np.add.at(work[0], lane_of, did.busy)
    return work
