"""The memory timeline as processes and resources on SimPy: the obvious twin of `timeline`. Rules: docs/memory.md.

Time is counted in ticks, of which a cycle has a whole number, so that the channel's exact ratio needs no fractions.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

Process = Generator[simpy.Event, Any, None]
NAMES = ("weights", "activations", "outputs")  # also the order in which requests of the same time are served
AFTER_ALL_ELSE = 2  # SimPy's own events of the same time have priorities 0 and 1


@dataclass(frozen=True)
class TileJob:
    """One tile: bits (in whole bursts) by name, cycles, and the tiles it waits for (None: nothing to wait for).

    load_cycles: the first of its compute_cycles, in which its weights come in; 0: they are there before.
    """

    bits: dict[str, int]
    compute_cycles: int
    load_cycles: int
    needs: int | None  # must be written before the activations are asked for
    gate: int | None  # must have computed before the weights are asked for


@dataclass
class Request:
    """A transfer that the channel is asked for."""

    asked: int
    name: str
    tile: int
    bits: int
    moved: simpy.Event
    begun: int = 0


@dataclass
class Record:
    """What happened to one tile, in cycles; waits by cause. Of its requests by name: when asked, when the data are
    there (a write: when written), and from when to when they are moved, in ticks.

    loaded: end of its load, `start` if it does not load; load_wait: what the load took beyond load_cycles.
    """

    start: int = 0
    loaded: int = 0
    load_wait: int = 0
    end: int = 0
    written: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    moved: dict[str, tuple[int, int]] = field(default_factory=dict)
    waits: dict[str, int] = field(default_factory=dict)


class Memory:
    """The DRAM: one request at a time, by time asked, then by name, then by tile."""

    def __init__(self, env: simpy.Environment, channel: Any) -> None:
        self.env = env
        self.channel = channel
        self.waiting: list[Request] = []
        self.arrival = env.event()
        self.next_bit = dict.fromkeys(NAMES, 0)
        self.open_row: dict[int, tuple[str, int]] = {}  # bank -> (stream, row)

    def ask(self, name: str, tile: int, bits: int) -> Request:
        """Queue a transfer; its event `moved` is its end."""
        request = Request(int(self.env.now), name, tile, bits, self.env.event())
        self.waiting.append(request)
        if not self.arrival.triggered:
            self.arrival.succeed()
        return request

    def serve(self) -> Process:
        while True:
            if not self.waiting:
                self.arrival = self.env.event()
                yield self.arrival
            yield self._all_of_this_moment_asked()
            request = min(self.waiting, key=lambda r: (r.asked, NAMES.index(r.name), r.tile))
            self.waiting.remove(request)
            request.begun = int(self.env.now)
            yield self.env.timeout(self._duration(request))
            request.moved.succeed()

    def _all_of_this_moment_asked(self) -> simpy.Event:
        """Requests of one time may be asked in any order of processes; choose when all are there."""
        event = self.env.event()
        event._ok, event._value = True, None
        self.env.schedule(event, priority=AFTER_ALL_ELSE)  # type: ignore[arg-type]  # SimPy takes any integer
        return event

    def _duration(self, request: Request) -> int:
        transfer = request.bits * self.channel.bit_ticks
        if not self.channel.row_bits:
            return transfer
        standstill, previous = 0, 0
        for row, bits in self._rows(request):
            hidden = previous if self.channel.banks > 1 else 0
            standstill += max(0, self._open(request.name, row) - hidden)
            previous = bits * self.channel.bit_ticks
        return transfer + standstill

    def _rows(self, request: Request) -> list[tuple[int, int]]:
        """The rows of the request and how many of its bits lie in each."""
        first = self.next_bit[request.name]
        self.next_bit[request.name] = first + request.bits
        size = self.channel.row_bits
        rows = range(first // size, (first + request.bits - 1) // size + 1)
        return [(row, min(first + request.bits, (row + 1) * size) - max(first, row * size)) for row in rows]

    def _open(self, name: str, row: int) -> int:
        bank = row % self.channel.banks
        before = self.open_row.get(bank)
        self.open_row[bank] = (name, row)
        if before == (name, row):
            return 0
        return self.channel.activate_ticks + (0 if before is None else self.channel.precharge_ticks)


class Accelerator:
    """Three DMA queues and the computing part, which hand over tiles through buffers."""

    def __init__(self, jobs: Sequence[TileJob], channel: Any, buffering: int) -> None:
        self.env = simpy.Environment()
        self.jobs, self.channel = jobs, channel
        self.memory = Memory(self.env, channel)
        self.records = [Record() for _ in jobs]
        self.free = {name: simpy.Container(self.env, buffering, buffering) for name in NAMES}
        self.there = {name: [self.env.event() for _ in jobs] for name in ("weights", "activations")}
        self.computed = [self.env.event() for _ in jobs]
        self.written = [self.env.event() for _ in jobs]

    def run(self) -> list[Record]:
        for process in (self.memory.serve(), self.compute(), self.write_back(),
                        self.fetch("weights"), self.fetch("activations")):
            self.env.process(process)
        self.env.run(until=self.env.all_of(self.written))
        return self.records

    def fetch(self, name: str) -> Process:
        for tile, job in enumerate(self.jobs):
            yield self.free[name].get(1)
            if name == "weights" and job.gate is not None:
                yield self.computed[job.gate]
            if name == "activations" and job.needs is not None:
                yield self.written[job.needs]
            self.env.process(self.arrive(name, tile, job.bits[name]))  # the queue goes on to the next tile

    def arrive(self, name: str, tile: int, bits: int) -> Process:
        if bits:
            yield from self.move(name, tile, bits)
            yield self.env.timeout(self.channel.latency_cycles * self.channel.cycle_ticks)
        self.records[tile].there[name] = self.cycle()
        self.there[name][tile].succeed()
        yield from ()

    def compute(self) -> Process:
        for tile, job in enumerate(self.jobs):
            waiting_since = self.cycle()
            if not job.load_cycles:
                yield self.there["weights"][tile]
            yield self.there["activations"][tile]
            yield self.free["outputs"].get(1)
            record = self.records[tile]
            record.start = self.cycle()
            self.explain_wait(tile, waiting_since)
            yield from self.load(tile, job.load_cycles)
            yield self.env.timeout((job.compute_cycles - job.load_cycles) * self.channel.cycle_ticks)
            record.end = self.cycle()
            yield self.free["weights"].put(1)
            yield self.free["activations"].put(1)
            self.computed[tile].succeed()

    def load(self, tile: int, load_cycles: int) -> Process:
        """The part of a tile in which its weights come in: it ends when they are there, too."""
        if load_cycles:
            yield self.env.timeout(load_cycles * self.channel.cycle_ticks) & self.there["weights"][tile]
        record = self.records[tile]
        record.loaded = self.cycle()
        record.load_wait = record.loaded - record.start - load_cycles

    def write_back(self) -> Process:
        for tile, job in enumerate(self.jobs):
            yield self.computed[tile]
            self.env.process(self.leave(tile, job.bits["outputs"]))

    def leave(self, tile: int, bits: int) -> Process:
        if bits:
            yield from self.move("outputs", tile, bits)
        if tile > 0:
            yield self.written[tile - 1]
        self.records[tile].written = self.records[tile].there["outputs"] = self.cycle()
        yield self.free["outputs"].put(1)
        self.written[tile].succeed()

    def move(self, name: str, tile: int, bits: int) -> Process:
        """A transfer, up to the next whole cycle after it."""
        self.records[tile].asked[name] = self.cycle()
        request = self.memory.ask(name, tile, bits)
        yield request.moved
        self.records[tile].moved[name] = (request.begun, int(self.env.now))
        yield self.next_cycle()

    def explain_wait(self, tile: int, since: int) -> None:
        """Look at every cycle of the wait before the start, and name the first reason that holds."""
        job, record = self.jobs[tile], self.records[tile]
        record.waits = dict.fromkeys(("weights", "handover", "activations", "writeback"), 0)
        for cycle in range(since, record.start):
            if not job.load_cycles and cycle < record.there["weights"]:
                record.waits["weights"] += 1
            elif job.needs is not None and job.bits["activations"] and cycle < self.records[job.needs].written:
                record.waits["handover"] += 1
            elif cycle < record.there["activations"]:
                record.waits["activations"] += 1
            else:
                record.waits["writeback"] += 1

    def cycle(self) -> int:
        """The present time, which is a whole cycle."""
        cycles, rest = divmod(self.env.now, self.channel.cycle_ticks)
        assert rest == 0
        return int(cycles)

    def next_cycle(self) -> simpy.Event:
        """Now when a cycle begins now, else when the next one does."""
        return self.env.timeout(-self.env.now % self.channel.cycle_ticks)
