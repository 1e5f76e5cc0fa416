"""The blocks of the family's references: each a SimPy process that computes its next registered state once a cycle.

Source: [paper] for the blocks, [authors' code] for what is registered where; rules in
docs/machines/eie.md, "Cycles". A register is named after the stage that reads it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from accelsim.arch.broadcast.shared.reference.encode import PADDING_CODE, Entry, PeMemory
from accelsim.parts.clock import Block, Clock, Clocked, Register
from accelsim.parts.queue import Queue

WAITING = "waiting"  # what PtrRead records of an idle cycle: which stall it is shows when the run is over


class QueuedActivation(NamedTuple):
    """What the queues hold: an activation (see `VectorRun`) and its column of the matrix."""

    activation: Any
    column: int


class Scanner:
    """The scan of the activation rows and the fetch, which pushes one value a cycle into all queues.

    values: None where nothing is pushed.
    """

    def __init__(self, values: Sequence[Any], has_bias: bool, queues: list[Queue[QueuedActivation]]) -> None:
        self.queues = queues
        self.lanes = len(queues)
        nothing = [None] * self.lanes
        filled = [*values, *nothing][:-(-len(values) // self.lanes) * self.lanes]
        rows = [filled[low:low + self.lanes] for low in range(0, len(filled), self.lanes)]
        bias_row = [[1, *nothing[1:]]] if has_bias else []
        # Row 0 here is the row without values held at counter 0; the last one is the row Empty.
        self.rows: list[list[Any]] = [nothing, *rows, *bias_row, nothing]
        self.row = Register(0)
        self.last_lane = Register(0)
        self.row_reads = 0
        self.broadcasts = 0
        self.pushed: list[tuple[int, int]] = []  # counter value and column of each broadcast
        self.held: list[bool] = []  # per cycle: a value was found and a full queue kept it back

    @property
    def at_empty_row(self) -> bool:
        return self.row.now == len(self.rows) - 1

    @property
    def state(self) -> list[Clocked]:
        return [self.row, self.last_lane]

    def process(self, clock: Clock) -> Block:
        while True:
            yield clock.cycle
            values = self.rows[self.row.now]
            first = (self.last_lane.now + 1) % self.lanes
            lane = next((i for i in range(first, self.lanes) if values[i] is not None), None)
            blocked = lane is not None and any(queue.full for queue in self.queues)
            self.held.append(blocked)
            if blocked:
                continue
            if lane is not None:
                self._push(QueuedActivation(values[lane], (self.row.now - 1) * self.lanes + lane))
            self.last_lane.next = self.lanes - 1 if lane is None else lane
            if self.last_lane.next == self.lanes - 1:
                self._advance()

    def _push(self, broadcast: QueuedActivation) -> None:
        self.broadcasts += 1
        self.pushed.append((len(self.held) - 1, broadcast.column))
        for queue in self.queues:
            queue.push(broadcast)

    def _advance(self) -> None:
        if not self.at_empty_row:
            self.row.next = self.row.now + 1
            self.row_reads += self.row.next != len(self.rows) - 1  # Empty is a state, not a row that is read


class Held(NamedTuple):
    """The column in a PtrRead: the next entry is at `address`, the column ends before `end`."""

    activation: Any
    address: int
    end: int


class SpmatRow(NamedTuple):
    """The row register of the sparse-matrix SRAM."""

    number: int
    entries: tuple[Entry, ...]


class Selection(NamedTuple):
    """In SpmatRead: which entry of the row register to take."""

    offset: int
    activation: Any
    last_of_column: bool


class PtrRead:
    """Takes columns from the PE's queue and presents their entries, one a cycle, to the sparse-matrix SRAM."""

    def __init__(self, memory: PeMemory, queue: Queue[QueuedActivation], entries_per_row: int) -> None:
        self.memory = memory
        self.queue = queue
        self.entries_per_row = entries_per_row
        self.held: Register[Held | None] = Register(None)
        self.row: Register[SpmatRow | None] = Register(None)
        self.selection: Register[Selection | None] = Register(None)
        self.pointer_reads = 0
        self.row_reads = 0
        self.history: list[str] = []  # per cycle: the stall, or WAITING

    @property
    def state(self) -> list[Clocked]:
        return [self.held, self.row, self.selection]

    @property
    def idle(self) -> bool:
        """True when neither this stage nor SpmatRead behind it holds anything."""
        return self.held.now is None and self.selection.now is None

    def process(self, clock: Clock) -> Block:
        while True:
            yield clock.cycle
            held = self.held.now
            self.selection.next = None
            if held is None:
                self.history.append(WAITING)
            elif held.address == held.end:
                self.history.append("empty_column")
            else:
                self._present(held)
            if held is not None and held.address + 1 < held.end:
                self.held.next = held._replace(address=held.address + 1)
            else:
                self.held.next = self._take()

    def _present(self, held: Held) -> None:
        entries = self.memory.entries
        number, offset = divmod(held.address, self.entries_per_row)
        if self.row.now is None or self.row.now.number != number:
            start = number * self.entries_per_row
            self.row.next = SpmatRow(number, entries[start:start + self.entries_per_row])
            self.row_reads += 1
        self.selection.next = Selection(offset, held.activation, held.address + 1 == held.end)
        # The hardware does not know yet which of the two it is; only the accounting looks ahead.
        self.history.append("padding" if entries[held.address].code == PADDING_CODE else "busy")

    def _take(self) -> Held | None:
        if self.queue.empty:
            return None
        broadcast = self.queue.pop()
        self.pointer_reads += 1  # both pointers at once: they lie in different banks
        start, end = self.memory.pointers[broadcast.column:broadcast.column + 2]
        return Held(broadcast.activation, start, end)


class Accumulators:
    """The PE's destination registers; a sum written in a cycle is in its register from the next cycle on."""

    def __init__(self, rows: int) -> None:
        self.sums: list[Any] = [0] * rows
        self.writes = 0
        self.written = False  # a write was registered at the last edge
        self._write: tuple[int, Any] | None = None

    def write(self, row: int, total: Any) -> None:
        self._write = (row, total)

    def commit(self) -> bool:
        self.written = self._write is not None
        if self._write is not None:
            row, self.sums[row] = self._write
            self.writes += 1
        self._write = None
        return self.written


class Fetched(NamedTuple):
    """In the first arithmetic stage: an entry whose row and weight are still to be decoded."""

    entry: Entry
    activation: Any
    last_of_column: bool


class ArithmeticInput(NamedTuple):
    """In the second arithmetic stage."""

    code: int
    weight: int
    activation: Any
    row: int


class Addition(NamedTuple):
    """In the third arithmetic stage: row's old sum and what is added to it."""

    row: int
    product: Any
    old_sum: Any


class Pipeline:
    """SpmatRead and the three arithmetic stages of a PE; each method computes one stage from its register."""

    def __init__(self, ptr_read: PtrRead, codebook: tuple[int, ...], rows: int) -> None:
        self.ptr_read = ptr_read
        self.codebook = codebook
        self.next_row = Register(0)  # the running address: local row behind the entry before
        self.first: Register[Fetched | None] = Register(None)
        self.second: Register[ArithmeticInput | None] = Register(None)
        self.third: Register[Addition | None] = Register(None)
        self.accumulators = Accumulators(rows)

    @property
    def state(self) -> list[Clocked]:
        return [self.next_row, self.first, self.second, self.third, self.accumulators]

    @property
    def drained(self) -> bool:
        """True when no arithmetic stage holds an entry and no write is registered."""
        stages = (self.first.now, self.second.now, self.third.now)
        return all(stage is None for stage in stages) and not self.accumulators.written

    def process(self, clock: Clock) -> Block:
        while True:
            yield clock.cycle
            self.first.next = self._spmat_read()
            self.second.next = self._decode()
            self.third.next = self._multiply()
            self._add()

    def _spmat_read(self) -> Fetched | None:
        selection, row = self.ptr_read.selection.now, self.ptr_read.row.now
        if selection is None or row is None:
            return None
        return Fetched(row.entries[selection.offset], selection.activation, selection.last_of_column)

    def _decode(self) -> ArithmeticInput | None:
        fetched = self.first.now
        if fetched is None:
            return None
        row = self.next_row.now + fetched.entry.zeros_before
        self.next_row.next = 0 if fetched.last_of_column else row + 1
        return ArithmeticInput(fetched.entry.code, self.codebook[fetched.entry.code], fetched.activation, row)

    def _multiply(self) -> Addition | None:
        operands, ahead = self.second.now, self.third.now
        if operands is None or operands.code == PADDING_CODE:
            return None
        if ahead is not None and ahead.row == operands.row:
            old_sum = ahead.old_sum + ahead.product  # bypass: the register does not hold this sum before the edge
        else:
            old_sum = self.accumulators.sums[operands.row]
        return Addition(operands.row, operands.weight * operands.activation, old_sum)

    def _add(self) -> None:
        addition = self.third.now
        if addition is not None:
            self.accumulators.write(addition.row, addition.old_sum + addition.product)
