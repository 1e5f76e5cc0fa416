"""One vector on one matrix, tick by tick: the blocks put together, run and accounted for.

Scanner -> a Queue per PE -> PtrRead -> Pipeline (SpmatRead, three arithmetic stages) -> Accumulators. Rules:
docs/machines/eie.md, "Cycles". The two-phase clock and the queues are shared by all machines (`accelsim.parts`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from accelsim.arch.broadcast.shared.reference.blocks import WAITING, Pipeline, PtrRead, QueuedActivation, Scanner
from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix
from accelsim.parts.clock import Clock, Clocked
from accelsim.parts.queue import Queue


class VectorRun:
    """One run: one vector on one encoded matrix, on PEs that start empty. Use it once.

    values[column]: what is broadcast, None where nothing is: numbers, or what adds and multiplies as numbers do.
    """

    arithmetic: ClassVar[type[Pipeline]] = Pipeline

    def __init__(self, encoded: EncodedMatrix, values: Sequence[Any], has_bias: bool, config: Any) -> None:
        self.memories = encoded.memories
        self.queues: list[Queue[QueuedActivation]] = [Queue(config.queue_entries) for _ in self.memories]
        self.scanner = Scanner(values, has_bias, self.queues)
        self.ptr_reads = [PtrRead(memory, queue, config.entries_per_row)
                          for memory, queue in zip(self.memories, self.queues, strict=True)]
        self.pipelines = [self.arithmetic(ptr_read, encoded.codebook, len(ptr_read.memory.global_rows))
                          for ptr_read in self.ptr_reads]
        self.cycles = 0

    def run(self) -> int:
        """The run's cycles. Raises DeadlockError with every queue."""
        clock = Clock()
        blocks = [self.scanner.process(clock)]
        state: list[Clocked] = [*self.scanner.state, *self.queues]
        for ptr_read, pipeline in zip(self.ptr_reads, self.pipelines, strict=True):
            blocks += [ptr_read.process(clock), pipeline.process(clock)]
            state += [*ptr_read.state, *pipeline.state]
        self.cycles = clock.run(blocks, state, self._done, self._dump)
        return self.cycles

    def _done(self) -> bool:
        return (self.scanner.at_empty_row and all(queue.empty for queue in self.queues)
                and all(ptr_read.idle for ptr_read in self.ptr_reads)
                and all(pipeline.drained for pipeline in self.pipelines))

    def _dump(self) -> str:
        scanner = self.scanner
        lines = [f"scanner: row {scanner.row.now} of {len(scanner.rows)}, last lane {scanner.last_lane.now}"]
        lines += [f"PE {pe}: queue {list(queue.items)} of {queue.entries}, PtrRead {ptr_read.held.now}"
                  for pe, (queue, ptr_read) in enumerate(zip(self.queues, self.ptr_reads, strict=True))]
        return "\n".join(lines)

    def stalls(self) -> Counter[str]:
        """PE-cycles by state."""
        return attribute([ptr_read.history for ptr_read in self.ptr_reads], self.scanner.held)

    def work(self) -> list[int]:
        """Busy cycles of each PE."""
        return [ptr_read.history.count("busy") for ptr_read in self.ptr_reads]

    def counts(self) -> Counter[str]:
        """Everything counted, by the names of COUNTS."""
        presented = Counter(state for ptr_read in self.ptr_reads for state in ptr_read.history)
        return Counter(macs=presented["busy"], padding_entries=presented["padding"],
                       broadcasts=self.scanner.broadcasts, queue_writes=sum(q.pushes for q in self.queues),
                       pointer_reads=sum(p.pointer_reads for p in self.ptr_reads),
                       spmat_row_reads=sum(p.row_reads for p in self.ptr_reads),
                       activation_row_reads=self.scanner.row_reads,
                       accumulator_writes=sum(p.accumulators.writes for p in self.pipelines),
                       arithmetic_slots=presented["busy"] + presented["padding"],
                       pe_cycles=len(self.memories) * self.cycles)

    def output(self) -> np.ndarray:
        """The product's output [out], int64."""
        output = np.zeros(sum(len(memory.global_rows) for memory in self.memories), np.int64)
        for memory, pipeline in zip(self.memories, self.pipelines, strict=True):
            output[list(memory.global_rows)] = pipeline.accumulators.sums
        return output


def attribute(history: list[list[str]], held: list[bool]) -> Counter[str]:
    """PE-cycles by stall, from each PE's states `history[pe][cycle]` and the cycles in which the scanner was held.

    All PEs receive the same columns, so a waiting PE has had its last column exactly when it holds none later.
    """
    finish = [max((cycle + 1 for cycle, state in enumerate(states) if state != WAITING), default=0)
              for states in history]
    all_finished = max(finish)
    stalls: Counter[str] = Counter()
    for states, own_finish in zip(history, finish, strict=True):
        for cycle, state in enumerate(states):
            if state != WAITING:
                stalls[state] += 1
            elif cycle < own_finish:
                stalls["back_pressure" if cycle > 0 and held[cycle - 1] else "starved"] += 1
            else:
                stalls["barrier" if cycle < all_finished else "drain"] += 1
    return stalls
