"""EIE, tick by tick: the obvious twin, which moves real values through queues and pipeline registers.

Source: Han et al., ISCA 2016 [paper] and the authors' cycle simulator [authors' code]; the rules, one by one, are in
docs/machines/eie.md. Exact: every cycle, count and stall of those rules. Abstracted: weights are the integers of
the layer in accumulators of unlimited width, not 16-bit fixed point.

Data path of one run (one vector): Scanner -> a Queue per PE -> PtrRead -> Pipeline (SpmatRead, three arithmetic
stages) -> Accumulators. `blocks.py` has these blocks, `encode.py` the matrix format; the two-phase clock
and the queues are shared (`accelsim.parts`). Here they are put together, run and accounted for.
"""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.broadcast.eie.reference.blocks import WAITING, Pipeline, PtrRead, QueuedActivation, Scanner
from accelsim.arch.broadcast.eie.reference.encode import EncodedMatrix, encode
from accelsim.arch.broadcast.eie.reference.tiles import TileRow, as_tiles, column_blocks, vector_tiles
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import DeadlockError
from accelsim.parts.clock import Clock, Clocked
from accelsim.parts.queue import Queue
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "padding", "empty_column", "starved", "back_pressure", "barrier", "drain")
COUNTS = ("macs", "padding_entries", "broadcasts", "queue_writes", "pointer_reads", "spmat_row_reads",
          "activation_row_reads", "accumulator_writes", "arithmetic_slots", "pe_cycles")


def run(layer: Layer, config: Any, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: an EieConfig. policy: see the folder `policies`. Cycles, stalls and counts are sums over runs that follow
    one another, each from an empty machine (our assumption).
    Raises TraceError for a pattern-only layer, ModelError when the policy does not give each row a PE, DeadlockError
    when nothing moves any more.
    """
    layer.check_values()
    cycles, stalls, counts = 0, Counter[str](), Counter[str]()
    outputs = []
    tiles: list[TileRow] = []
    vectors = peak_entries = 0
    work = np.zeros((1, config.pes), np.int64)
    for index, product in enumerate(matrix_products(layer)):
        encoded = encode_product(product, config, policy)
        blocks = column_blocks(layer, product, encoded, config)
        results = []
        for number, vector in enumerate(product.vectors):
            machine = VectorRun(encoded, vector, product.bias is not None, config)
            try:
                cycles += machine.run()
            except DeadlockError as error:
                raise DeadlockError(f"layer {layer.name!r}: {error}") from None
            stalls += machine.stalls()
            counts += machine.counts()
            work += machine.work()
            results.append(machine.output())
            tiles += vector_tiles(layer, product, encoded, blocks, machine, config, (index, number))
        outputs.append(np.stack(results))
        vectors += len(results)
        peak_entries = max(peak_entries, *(len(memory.entries) for memory in encoded.memories))
    return LayerRun(cycles, config.pes, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS}, output=assemble(layer, outputs),
                    mapping={"vectors": vectors, "peak_entries_per_pe": peak_entries},
                    tiles=as_tiles(tiles),
                    work=PeWork.of(work))


def encode_product(product: MatrixProduct, config: Any, policy: Policy) -> EncodedMatrix:
    """The matrix [out, in] of a product as PE memories: columns filled up to whole activation rows, then the bias."""
    out, n_in = product.matrix.shape
    pe_of_row = assign_rows(policy, product.matrix, config.pes)
    columns = np.zeros((out, -(-n_in // config.pes) * config.pes), np.int64)
    columns[:, :n_in] = product.matrix
    if product.bias is not None:
        columns = np.column_stack([columns, product.bias.astype(np.int64)])
    return encode(columns, pe_of_row, config.pes, config.index_bits)


class VectorRun:
    """One run: one vector on one encoded matrix, on a machine that starts empty. Use it once."""

    def __init__(self, encoded: EncodedMatrix, vector: np.ndarray, has_bias: bool, config: Any) -> None:
        self.memories = encoded.memories
        self.queues: list[Queue[QueuedActivation]] = [Queue(config.queue_entries) for _ in self.memories]
        self.scanner = Scanner(vector, has_bias, self.queues)
        self.ptr_reads = [PtrRead(memory, queue, config.entries_per_row)
                          for memory, queue in zip(self.memories, self.queues, strict=True)]
        self.pipelines = [Pipeline(ptr_read, encoded.codebook, len(ptr_read.memory.global_rows))
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
