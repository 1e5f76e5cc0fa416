"""One SM: slots that CTAs run on, and the math unit they share.

Source: docs/machines/tensor_core.md, sections Scheduling, A CTA, Time of a step. Slots, CTAs and the math unit are
SimPy processes; each says in order what the page says of it.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import simpy

from accelsim.arch.gpu.tensor_core.reference import phases
from accelsim.arch.gpu.tensor_core.reference.blocks import bytes_of
from accelsim.arch.gpu.tensor_core.reference.cores import InstructionWork, Stage, work_off
from accelsim.arch.gpu.tensor_core.reference.grid import Cta, CtaGrid, StepBlocks
from accelsim.arch.gpu.tensor_core.reference.memory import MemoryPath
from accelsim.arch.gpu.tensor_core.reference.tiles import shared_cycles, shared_traffic_bytes
from accelsim.errors import ModelError

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Device:
    """What all SMs share. results: [product, slice, row, column]."""

    env: simpy.Environment
    grid: CtaGrid
    memory: MemoryPath
    results: np.ndarray
    counts: Counter[str]


@dataclass
class Step:
    """One step of one CTA, from the CTA's start to the step's end on the math unit; cycles."""

    index: int
    cta_start: int
    previous_end: int
    values_arrived: int
    ready: int
    slot: int
    shared_cycles: int
    started: simpy.Event
    start: int = 0
    work: InstructionWork | None = None

    @property
    def issue_cycles(self) -> int:
        """Issue time of the busiest tensor core."""
        assert self.work is not None
        return max(self.work.issue_cycles)

    @property
    def hold_cycles(self) -> int:
        """How long the step takes the SM."""
        return max(self.issue_cycles, self.shared_cycles)


class MathUnit:
    """Works on one ready step at a time, the one that has been ready longest."""

    def __init__(self, env: simpy.Environment, grid: CtaGrid) -> None:
        self.env, self.grid = env, grid
        self.ready: list[tuple[Step, Stage, np.ndarray]] = []
        self.called = env.event()
        self.log: list[Step] = []  # in the order of their starts
        env.process(self._process())

    def submit(self, step: Step, stage: Stage, sums: np.ndarray) -> None:
        """Offer a step that is ready from this cycle on; `step.started` fires when it starts."""
        self.ready.append((step, stage, sums))
        if not self.called.triggered:
            self.called.succeed()

    def _process(self) -> Process:
        while True:
            if not self.ready:
                self.called = self.env.event()
                yield self.called
            yield phases.choice(self.env)
            chosen = min(self.ready, key=lambda offer: (offer[0].ready, offer[0].slot))
            self.ready.remove(chosen)
            step, stage, sums = chosen
            step.start = int(self.env.now)
            step.work = work_off(self.grid, stage, sums)
            step.started.succeed()
            self.log.append(step)
            yield self.env.timeout(step.hold_cycles)


class Sm:
    """One SM and its slots. `queue`: the CTAs that no slot starts with, shared by all SMs."""

    def __init__(self, number: int, device: Device, queue: Iterator[Cta]) -> None:
        self.number, self.device, self.queue = number, device, queue
        self.math = MathUnit(device.env, device.grid)
        self.cta_ends: list[int] = []

    def slot(self, slot: int, first: Cta | None) -> Process:
        """A slot's life: one CTA after the other until none is left."""
        place = self.number * self.device.grid.occupancy + slot
        yield phases.turn(self.device.env, place)
        cta = first
        while cta is not None:
            yield from CtaRun(cta, self, slot, place).process()
            self.cta_ends.append(int(self.device.env.now))
            yield phases.turn(self.device.env, place)
            cta = next(self.queue, None)


def _latest(arrivals: list[simpy.Event]) -> int:
    """The cycle of the last of events that have their cycle as value; 0 when there is none."""
    return max((int(event.value or 0) for event in arrivals), default=0)


class CtaRun:
    """One CTA on a slot."""

    def __init__(self, cta: Cta, sm: Sm, slot: int, place: int) -> None:
        self.cta, self.sm, self.slot, self.place = cta, sm, slot, place
        self.device, self.grid = sm.device, sm.device.grid
        tile = self.grid.tile
        self.sums = np.zeros((tile.m, tile.n), np.int64)
        self.buffers: list[Stage | None] = [None] * tile.stages
        self.arrivals: dict[int, tuple[list[simpy.Event], list[simpy.Event]]] = {}  # of values, of metadata, per step

    def process(self) -> Process:
        """From the slot's turn to the end of the write."""
        env, steps, stages = self.device.env, len(self.cta.steps), self.grid.tile.stages
        cta_start = end = int(env.now)
        for index in range(min(stages - 1, steps)):
            self._copy(index)
        for index in range(steps):
            values, metadata = self.arrivals.pop(index)
            yield env.all_of(values + metadata)
            step = Step(index, cta_start, end, _latest(values), int(env.now), self.slot,
                        self._shared_cycles(index), env.event())
            stage = self.buffers[index % stages]
            assert stage is not None
            self.sm.math.submit(step, stage, self.sums)
            yield step.started
            yield phases.turn(env, self.place)
            if index + stages - 1 < steps:
                self._copy(index + stages - 1)
            yield env.timeout(step.hold_cycles)
            self.buffers[index % stages] = None
            yield env.timeout(max(0, self.grid.chain_cycles - step.hold_cycles))
            end = int(env.now)
        yield env.timeout(self.grid.config.mma_latency_cycles)
        yield phases.turn(env, self.place)
        yield self._write()

    def _blocks(self, index: int) -> StepBlocks:
        return self.grid.step_blocks(self.cta, self.cta.steps[index])

    def _copy(self, index: int) -> None:
        """Book the transfers of a step's blocks into the buffer that is its turn."""
        cta, blocks, buffer = self.cta, self._blocks(index), index % len(self.buffers)
        if self.buffers[buffer] is not None:
            raise ModelError(f"tensor core: a copy into stage {buffer}, which is still in use")
        stage = self.buffers[buffer] = Stage(len(cta.rows), len(cta.cols), len(blocks.k))
        values, metadata = self.arrivals.setdefault(index, ([], []))
        a, b, share = blocks.a, blocks.b, self.grid.operands.b_share
        for kind, tile_index, payload, size_bytes, l2_share, events in (
                ("A", cta.tile_row, a.values, a.values_bytes, Fraction(1), values),
                ("B", cta.tile_col, b.values, b.values_bytes, share, values),
                ("EA", cta.tile_row, a.metadata, a.metadata_bytes, Fraction(1), metadata),
                ("EB", cta.tile_col, b.metadata, b.metadata_bytes, share, metadata)):
            deliver = partial(stage.payloads.__setitem__, kind)
            if size_bytes == 0:
                deliver(payload)  # nothing to move
                continue
            name = cta.product, kind, tile_index, cta.steps[index]
            events.append(self.device.memory.transfer(name, payload, size_bytes, l2_share, self.sm.number, deliver))
        self.device.counts["metadata_bytes"] += a.metadata_bytes + b.metadata_bytes

    def _shared_cycles(self, index: int) -> int:
        blocks = self._blocks(index)
        written, read = shared_traffic_bytes(self.grid.tile, blocks.a, blocks.b, self.grid.config)
        self.device.counts.update(shared_write_bytes=written, shared_read_bytes=read)
        return shared_cycles(written + read, self.grid.config)

    def _write(self) -> simpy.Event:
        cta, config = self.cta, self.grid.config
        inside = self.sums[:len(cta.rows), :len(cta.cols)]
        self.device.results[cta.product, cta.slice, cta.rows.start:cta.rows.stop, cta.cols.start:cta.cols.stop] = inside
        bits = config.accumulator_bits if len(self.grid.slices) > 1 else config.output_bits
        return self.device.memory.write(bytes_of(inside.size * bits), self.sm.number)
