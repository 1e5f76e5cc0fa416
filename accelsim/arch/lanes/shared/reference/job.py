"""A job: a round of outputs on a group of positions, by lanes that meet at the end of each scope."""

from collections.abc import Iterator, Sequence

from accelsim.arch.lanes.shared.reference.lane import Lane, Slots
from accelsim.arch.lanes.shared.reference.rules import Rules

Piece = tuple[int, int]  # the number of a position among the lane's own, and the unit


class LaneJob:
    """Its lanes, run tick by tick from 0. `cycles`, and `own_cycles[lane]` of each lane's own work, when it has run."""

    def __init__(self, rules: Rules, turn: int, positions: int, lanes: Sequence[Lane]) -> None:
        self.rules, self.turn, self.positions, self.lanes = rules, turn, positions, lanes
        self.cycles = 0
        self.own_cycles = [0] * len(lanes)

    def run(self) -> None:
        for pieces in self._scopes():
            self._scope(pieces)

    def _scopes(self) -> Iterator[list[Piece]]:
        """What each lane does from one meeting to the next."""
        places = range(max((len(lane.positions) for lane in self.lanes), default=0))
        units = range(max(1, *(len(lane.units) for lane in self.lanes)))
        if self.rules.schedule.joined:
            units = range(1)
        scope = self.rules.schedule.scope
        if scope == "unit" and self.rules.schedule.held > 1:
            yield from ([(place, unit) for place in places] for unit in units)
        elif scope == "unit":
            yield from ([(place, unit)] for place in places for unit in units)
        elif scope == "position":
            yield from ([(place, unit) for unit in units] for place in places)
        else:
            yield [(place, unit) for place in places for unit in units]

    def _scope(self, pieces: Sequence[Piece]) -> None:
        """All working lanes step until the last one is done; those that are done wait."""
        working = [lane for lane in self.lanes if lane.works]
        ticks = {lane: self._ticks(lane, pieces) for lane in working}
        begin = self.cycles
        while ticks:
            now = {lane: next(work, None) for lane, work in ticks.items()}
            ticks = {lane: work for lane, work in ticks.items() if now[lane] is not None}
            if not ticks:
                break
            self.cycles += 1
            for number, lane in enumerate(self.lanes):
                if not lane.works:
                    lane.slots["unused"] += self.rules.schedule.lane_slots
                elif (step := now.get(lane)) is not None:
                    lane.slots.update(step)
                    self.own_cycles[number] += 1
                else:
                    self._wait(lane)
        if working:
            self._fill_up(begin, pieces)

    def _wait(self, lane: Lane) -> None:
        if self.rules.schedule.scope != "product":  # there a lane goes on to its next job
            lane.slots["barrier"] += self.rules.schedule.lane_slots

    def _fill_up(self, begin: int, pieces: Sequence[Piece]) -> None:
        """A scope may have a least time."""
        floor = max(self.rules.schedule.costs.scope_floor,
                    self.rules.permute_cycles(self.turn, pieces[0][1], self.positions))
        while self.cycles - begin < floor:
            self.cycles += 1
            for lane in self.lanes:
                lane.slots["overhead" if lane.works else "unused"] += self.rules.schedule.lane_slots

    def _ticks(self, lane: Lane, pieces: Sequence[Piece]) -> Iterator[Slots]:
        for place, unit in pieces:
            if place < len(lane.positions):
                yield from lane.unit(lane.positions[place], unit)
