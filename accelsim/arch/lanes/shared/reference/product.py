"""One product on all sections: jobs are made, run and dispatched; then every slot-cycle is accounted for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY
from accelsim.arch.lanes.shared.reference.job import LaneJob
from accelsim.arch.lanes.shared.reference.lane import Lane
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.lanes.shared.reference.units import group_positions, lane_units


@dataclass
class Done:
    """What a product took and gave. round_ends[round]: the latest end of any job of that round or one before.

    work [row, column]: products of two non-zeros of each PE.
    """

    cycles: int
    slots: Counter[str]
    takes: Counter[str]
    round_ends: list[int]
    groups: int
    sums: np.ndarray
    work: np.ndarray
    outputs: list[list[int]] = field(default_factory=list)  # of each round, in the order of the deal


class SectionsAtWork:
    """The sections at work on one product."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.schedule, self.product = rules, rules.schedule, rules.product
        self.sums = np.zeros((len(self.product.values), len(self.product.weights)), np.int64)
        self.groups = group_positions(self.product, self.schedule)
        self.dealt = rules.deal.outputs.tolist()  # [round][span][lane][place]
        self.units = [lane_units(self.product, self.schedule, part) for part in range(self.schedule.reduction_lanes)]
        self.rounds = len(rules.deal.outputs)
        self.waits: Counter[str] = Counter()
        self.jobs = [self._job(turn, group) for turn in range(self.rounds) for group in self.groups]
        self.section_of = [0] * len(self.jobs)

    def run(self) -> Done:
        for job in self.jobs:
            job.run()
        if self.schedule.scope == "product":
            cycles, ends = self._without_meetings()
        else:
            cycles, ends = self._in_sections()
        cycles += self.schedule.costs.product
        slots, takes = Counter[str](), Counter[str]()
        for job in self.jobs:
            for lane in job.lanes:
                slots.update(lane.slots)
                takes.update(lane.takes)
        slots["overhead"] += self.schedule.slots * self.schedule.costs.product
        return Done(cycles, slots + self.waits, takes, ends, len(self.groups), self.sums, self._work(),
                    [self._outputs_of(turn) for turn in range(self.rounds)])

    def _job(self, turn: int, group: Sequence[int]) -> LaneJob:
        lanes = []
        for dealt in range(self.schedule.dealt_lanes):
            outputs = [[o for o in span[dealt] if o != NOBODY] for span in self.dealt[turn]]
            for part in range(self.schedule.reduction_lanes):
                units = self.units[part]
                for column in range(self.schedule.columns):
                    own = group[column:column + 1] if self.schedule.columns > 1 else group
                    of_units = outputs * max(1, len(units)) if len(outputs) == 1 else outputs
                    lanes.append(Lane(self.rules, of_units, own, units, self.sums))
        return LaneJob(self.rules, turn, len(group), lanes)

    def _outputs_of(self, turn: int) -> list[int]:
        return [int(output) for output in self.rules.deal.outputs[turn][0].reshape(-1) if output != NOBODY]

    def _round_ends(self, ends: Sequence[int]) -> list[int]:
        """From the end of each job."""
        latest, found = 0, []
        for turn in range(self.rounds):
            latest = max(latest, *ends[turn * len(self.groups):(turn + 1) * len(self.groups)])
            found.append(latest)
        return found

    def _in_sections(self) -> tuple[int, list[int]]:
        """Jobs follow one another in their sections; sections that are done wait for the last one."""
        clock, ends = [0] * self.schedule.sections, [0] * len(self.jobs)
        for number, given in self._dispatched():
            section = clock.index(min(clock)) if given is None else given
            clock[section] += self.jobs[number].cycles
            ends[number] = clock[section]
            self.section_of[number] = section
        width = self.schedule.lanes * self.schedule.lane_slots
        self.waits["finished"] += sum(max(clock) - own for own in clock) * width
        return max(clock), self._round_ends(ends)

    def _dispatched(self) -> list[tuple[int, int | None]]:
        """(job, section) in order; None: the section that is free first."""
        dispatch, sections = self.rules.deal.dispatch or self.schedule.dispatch, self.schedule.sections
        jobs, groups = range(len(self.jobs)), len(self.groups)
        if dispatch == "positions":
            return [(job, _part_of(job % groups, groups, sections)) for job in jobs]
        if dispatch == "outputs":
            return [(job, _part_of(job, len(self.jobs), sections)) for job in jobs]
        if dispatch == "longest_first":
            return [(job, None) for job in sorted(jobs, key=lambda job: (-self.jobs[job].cycles, job))]
        return [(job, None) for job in jobs]

    def _without_meetings(self) -> tuple[int, list[int]]:
        """Lanes never wait before the product's end: each adds up its own cycles."""
        totals, ends = np.zeros(self.schedule.lanes, np.int64), []
        for job in self.jobs:
            totals += job.own_cycles
            ends.append(int(totals.max()))
        cycles, width = int(totals.max()), self.schedule.lane_slots
        for number, total in enumerate(totals.tolist()):
            has_any = any(any(job.lanes[number].outputs) for job in self.jobs)
            self.waits["barrier" if has_any else "unused"] += (cycles - total) * width
        for job in self.jobs:  # what idle lanes were said to do in jobs of their own is said above
            for lane in job.lanes:
                if not lane.works:
                    lane.slots.clear()
        return cycles, self._round_ends(ends)

    def _work(self) -> np.ndarray:
        """Grid of sections x lanes; or 1 x places of a lane whose places are its PEs."""
        if self.rules.lock_step:
            work = np.zeros((1, self.schedule.outputs), np.int64)
            for job in self.jobs:
                for lane in job.lanes:
                    places = {output: place for place, output in enumerate(lane.outputs[0])}
                    for output, products in lane.by_place.items():
                        work[0, places[output] % self.schedule.outputs] += products
            return work
        work = np.zeros((self.schedule.sections, self.schedule.lanes), np.int64)
        for job, section in zip(self.jobs, self.section_of, strict=True):
            for number, one in enumerate(job.lanes):
                work[section, number] += one.slots["busy"]
        return work


def _part_of(number: int, count: int, parts: int) -> int:
    """The part that `number` lies in, when part p has floor(p count / parts) .. floor((p + 1) count / parts) - 1."""
    return next(p for p in range(parts) if p * count // parts <= number < (p + 1) * count // parts)
