"""One grid on all SMs.

Source: docs/machines/tensor_core.md, sections Scheduling, End and Counts.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import simpy

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.accounting import issued, sm_stalls
from accelsim.arch.gpu.tensor_core.reference.blocks import bytes_of
from accelsim.arch.gpu.tensor_core.reference.grid import CtaGrid
from accelsim.arch.gpu.tensor_core.reference.memory import MemoryPath
from accelsim.arch.gpu.tensor_core.reference.pipe import Pipe
from accelsim.arch.gpu.tensor_core.reference.sm import Device, Process, Sm, Step
from accelsim.result.work import PeWork


class GridRun:
    """One layer's run from an idle machine. Use it once: `run`, then read the rest."""

    def __init__(self, grid: CtaGrid, config: TensorCoreConfig) -> None:
        self.grid, self.config = grid, config
        self.env = simpy.Environment()
        self.counts: Counter[str] = Counter()
        shape = grid.shape
        self.results = np.zeros((shape.products, len(grid.slices), shape.m, shape.n), np.int64)
        self.memory = MemoryPath(self.env, config, self.counts)
        device = Device(self.env, grid, self.memory, self.results, self.counts)
        queue = iter(grid.ctas[config.sms * grid.occupancy:])
        self.sms = [Sm(number, device, queue) for number in range(config.sms)]
        self.cta_cycles = self.write_back_cycles = self.reduction_cycles = 0

    def run(self) -> None:
        """To the end of the last CTA, of what must be written back and, with slices, of their sum."""
        self.env.run(until=self.env.process(self._whole_run()))
        self._count()

    def _whole_run(self) -> Process:
        slots = [self.env.process(sm.slot(slot, self._first_cta(sm.number, slot)))
                 for sm in self.sms for slot in range(self.grid.occupancy)]
        yield self.env.all_of(slots)
        self.cta_cycles = int(self.env.now)
        self.write_back_cycles = max(0, self.memory.written_back_cycles - self.cta_cycles)
        yield self.env.timeout(self.write_back_cycles)
        if len(self.grid.slices) > 1:
            shape, config = self.grid.shape, self.config
            bits = len(self.grid.slices) * config.accumulator_bits + config.output_bits
            yield Pipe(self.env, 8 * config.l2_bytes_per_cycle).book(shape.products * shape.m * shape.n * bits)
            yield self.env.timeout(config.l2_latency_cycles)
            self.reduction_cycles = int(self.env.now) - self.cta_cycles - self.write_back_cycles

    def _first_cta(self, sm: int, slot: int) -> Any:
        number = slot * self.config.sms + sm
        return self.grid.ctas[number] if number < len(self.grid.ctas) else None

    @property
    def cycles(self) -> int:
        return int(self.config.launch_cycles) + self.cta_cycles + self.write_back_cycles + self.reduction_cycles

    @property
    def slots(self) -> int:
        """Multipliers of all tensor cores."""
        config = self.config
        per_core = config.mma_m * config.mma_n * config.mma_k // config.mma_issue_cycles
        return int(config.sms * config.sub_cores_per_sm * per_core)

    @property
    def steps(self) -> Sequence[Step]:
        """All steps, as the math units logged them."""
        return [step for sm in self.sms for step in sm.math.log]

    def outputs(self) -> np.ndarray:
        """The products' results [product, vector, row], slices added up."""
        return self.results.sum(axis=1).transpose(0, 2, 1)

    def stalls(self) -> Counter[str]:
        """Slot-cycles of all SMs by name."""
        stalls = Counter(launch=self.slots * self.config.launch_cycles, write_back=self.slots * self.write_back_cycles,
                         reduction=self.slots * self.reduction_cycles)
        for sm in self.sms:
            stalls.update(sm_stalls(sm, self.cta_cycles, self.config))
        return stalls

    def work(self) -> PeWork:
        """Slot-cycles of each SM in which its busiest tensor core issues."""
        cycles = np.array([[sum(step.issue_cycles for step in sm.math.log) for sm in self.sms]], np.int64)
        return PeWork.of(cycles * (self.slots // self.config.sms), ("busy", "operand_zero", "padding", "imbalance"))

    def _count(self) -> None:
        """What follows from the steps and slices, beside what was counted on the way."""
        config, form, shape = self.config, self.grid.form, self.grid.shape
        written_bytes = self.memory.written_bytes
        self.counts.update(l2_write_bytes=written_bytes, dram_write_bytes=self.memory.dram.in_bursts(written_bytes))
        for step in self.steps:
            assert step.work is not None
            own = issued(step.work, config)
            self.counts.update(macs=own["busy"], zero_multiplies=own["operand_zero"], padding_multiplies=own["padding"],
                               mma_instructions=step.work.instructions)
        instructions = self.counts["mma_instructions"]
        operand_values = config.mma_m * config.mma_k * form.keep + config.mma_n * config.mma_k * form.group  # x keep
        per_instruction = -(-operand_values * config.operand_bits // (8 * form.keep))
        self.counts.update(register_bytes=instructions * per_instruction,
                           accumulator_updates=instructions * config.mma_m * config.mma_n,
                           k_steps=len(self.steps), ctas=len(self.grid.ctas))
        if len(self.grid.slices) > 1:
            outputs = shape.products * shape.m * shape.n
            partials_bits = outputs * len(self.grid.slices) * config.accumulator_bits
            self.counts.update(l2_write_bytes=bytes_of(outputs * config.output_bits),
                               l2_reduction_bytes=bytes_of(partials_bits))
