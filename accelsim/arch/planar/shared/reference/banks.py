"""A PE's accumulator banks, each with a queue in front of it."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from accelsim.arch.planar.shared.reference.tiles import Piece

BankHash = Callable[[int, int, int], int]  # (k, p, q), counted over the whole layer -> bank


class PartialSum(NamedTuple):
    """A partial sum on its way to output (k, p, q)."""

    output: tuple[int, int, int]
    value: int


def xor_hash(banks: int) -> BankHash:
    """Low bits of the output's coordinates, the topmost an exclusive or [DNNsim]."""
    def bank(k: int, p: int, q: int) -> int:
        top = (k & 4) << 2 ^ (p & 2) << 3 ^ (q & 2) << 3
        return (top + ((p & 1) << 3) + ((q & 1) << 2) + (k & 3)) % banks
    return bank


def address_hash(banks: int, first_filter: int, piece: Piece, tile_rows: int, tile_cols: int) -> BankHash:
    """The address in a buffer of [filters of the group, tile_rows, tile_cols], over the banks in turn."""
    first_p, first_q = piece.rows.touched.start, piece.cols.touched.start

    def bank(k: int, p: int, q: int) -> int:
        return ((k - first_filter) * tile_rows * tile_cols + (p - first_p) * tile_cols + (q - first_q)) % banks
    return bank


class AccumulatorBanks:
    """Queues of products; each bank takes one product a cycle from its queue and adds it to its output's sum."""

    def __init__(self, banks: int) -> None:
        self.queues: list[deque[PartialSum]] = [deque() for _ in range(banks)]
        self.sums: dict[tuple[int, int, int], int] = {}
        self.updates = 0
        self._bank_of: BankHash = xor_hash(banks)

    def begin(self, outputs: list[tuple[int, int, int]], bank_of: BankHash) -> None:
        """Turn to an empty buffer for `outputs` (k, p, q); the previous buffer belongs to post-processing now."""
        self.sums = dict.fromkeys(outputs, 0)
        self._bank_of = bank_of

    def send(self, output: tuple[int, int, int], value: int) -> None:
        """A product leaves the crossbar."""
        self.queues[self._bank_of(*output)].append(PartialSum(output, value))

    @property
    def fullest(self) -> int:
        """Products in the fullest queue."""
        return max(map(len, self.queues))

    def tick(self) -> None:
        """Every bank with a waiting product makes one update."""
        for queue in self.queues:
            if queue:
                output, value = queue.popleft()
                self.sums[output] += value
                self.updates += 1
