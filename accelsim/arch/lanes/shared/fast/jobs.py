"""Jobs of a product: what the kernel says of them, and which section has them when."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.lanes.shared.fast import kernel
from accelsim.arch.lanes.shared.fast.lowering import Dealt, IndexSets
from accelsim.arch.lanes.shared.schedule import Schedule

SCOPES = {"unit": kernel.UNIT, "position": kernel.POSITION, "job": kernel.JOB, "product": kernel.PRODUCT}
ONE_POSITION = np.array([0, 1], np.int64)


@dataclass(frozen=True, eq=False)
class Jobs:
    """groups [group + 1]: first positions; outcome: see the kernel. times: how many positions each job stands for,
    where all positions take the same time; else 1.
    """

    groups: np.ndarray
    outcome: kernel.JobTimes
    times: int

    @property
    def columns(self) -> int:
        """Positions side by side."""
        return self.outcome.steps.shape[1] // self.outcome.cycles.shape[1]


@dataclass(frozen=True, eq=False)
class Placed:
    """Jobs in sections: section and begin [round, group], ends [section], round_ends [round]: when the last job of it
    and of those before ends.
    """

    section: np.ndarray
    begin: np.ndarray
    ends: np.ndarray
    round_ends: np.ndarray


def jobs_of(operands: IndexSets, dealt: Dealt, schedule: Schedule, least: np.ndarray, permuted: int,
            log: np.ndarray | None = None) -> Jobs:
    """Runs the kernel. least [round, unit]: least cycles of a unit."""
    alike = schedule.effectual in ("all", "weights")
    values = np.broadcast_to(~np.uint64(0), (1, *operands.valid.shape)).copy() if alike else operands.values
    groups = ONE_POSITION if alike else groups_of(operands, schedule)
    joined = schedule.joined or _joinable(schedule)
    unit_words = operands.unit_words[[0, -1]] if joined else operands.unit_words
    rounds, units = len(dealt.slots), len(unit_words) - 1
    lanes, rows = dealt.slots.shape[3], (len(groups) - 1) * schedule.columns
    outcome = kernel.JobTimes(
        np.zeros((rounds, len(groups) - 1), np.int64), np.zeros((rounds, len(groups) - 1), np.int64),
        np.zeros((rounds, rows, lanes), np.int32), np.zeros((rounds, lanes), np.int64),
        np.zeros((rounds, lanes), np.int64))
    moved = np.zeros((rounds, units), np.int64) if joined or not permuted else dealt.moved
    one_by_one = schedule.effectual in ("weights", "both")
    passes = np.ones(rounds, np.int64) if one_by_one else -(-dealt.count // schedule.outputs)
    kernel.run_rounds(
        kernel.Rounds(dealt.slots, dealt.active, passes, least, moved), kernel.Inputs(values, unit_words, groups),
        extras(schedule, operands.lane_units if not joined else np.ones(1, np.int64), units, lanes),
        kernel.KernelRules(schedule.inputs, SCOPES[schedule.scope], schedule.columns,
                     int(schedule.held > 1 or schedule.columns > 1), schedule.costs.scope_floor, permuted),
        outcome, log)
    return Jobs(groups, outcome, operands.positions if alike else 1)


def groups_of(operands: IndexSets, schedule: Schedule) -> np.ndarray:
    """First positions of the groups, and the end of the last."""
    size = schedule.group_positions or -(-operands.positions // schedule.sections)
    row = operands.row if schedule.columns > 1 else operands.positions
    starts = np.add.outer(np.arange(0, operands.positions, row), np.arange(0, row, size)).reshape(-1)
    return np.append(starts, operands.positions).astype(np.int64)


def _joinable(schedule: Schedule) -> bool:
    """Whether cycles are matches alone, so that the units of a position need not be told apart."""
    costs = schedule.costs
    return (schedule.effectual == "both" and schedule.scope != "unit"
            and not (costs.empty or costs.unit or costs.last_unit or costs.join or costs.drain))


def extras(schedule: Schedule, lane_units: np.ndarray, units: int, lanes: int) -> kernel.Extras:
    """lane_units [lane, or 1 where lanes share their units]."""
    costs, unit = schedule.costs, np.arange(units)[:, None]
    exists, last = np.broadcast_arrays(unit < lane_units, unit == lane_units - 1)
    per_pass, once = (np.zeros((2, units, lanes), np.int64) for _ in range(2))
    per_pass[0], per_pass[1] = exists * costs.empty, last * costs.drain
    once[:] = np.where(last, costs.last_unit, exists * costs.unit)
    once[1] += costs.join
    once[:, -1] += costs.position  # behind the last unit, of every lane
    return kernel.Extras(per_pass, once)


def placed(jobs: Jobs, schedule: Schedule, dispatch: str) -> Placed:
    """Which section has which job; all scopes but `product`."""
    cycles = jobs.outcome.cycles * jobs.times
    rounds, groups = cycles.shape
    count, sections = cycles.size, schedule.sections
    owner = np.full(count, -1, np.int64)
    if sections == 1:
        owner[:] = 0
    elif dispatch == "positions":
        owner[:] = np.tile(_even_parts(groups, sections), rounds)
    elif dispatch == "outputs":
        owner[:] = _even_parts(count, sections)
    order = np.arange(count)
    if dispatch == "longest_first":
        order = np.argsort(-cycles.reshape(-1), kind="stable")
    section, begin, ends = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(sections, np.int64)
    kernel.dispatched(cycles.reshape(-1), order, owner, ends, section, begin)
    end = begin.reshape(rounds, groups) + cycles
    return Placed(section.reshape(rounds, groups), begin.reshape(rounds, groups), ends,
                  np.maximum.accumulate(end.max(axis=1)))


def _even_parts(count: int, parts: int) -> np.ndarray:
    """Part of each of `count` things: part s has floor(s count / parts) up to floor((s + 1) count / parts) - 1."""
    firsts = np.arange(parts + 1) * count // parts
    return np.repeat(np.arange(parts), np.diff(firsts))
