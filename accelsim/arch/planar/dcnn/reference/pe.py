"""One PE: an adder tree over the products of an activation vector and a weight vector each cycle."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.shared.reference.convolution import Phase, PhasedConvolution
from accelsim.arch.planar.shared.reference.tiles import NOWHERE, Piece


class WeightVector(NamedTuple):
    """The weights of one filter and tap, one for each channel of a channel vector."""

    k: int
    r: int
    s: int
    values: list[int]


class WeightBlock(NamedTuple):
    """The weight vectors that the activations of one phase and channel vector meet."""

    phase: Phase
    channels: range
    vectors: list[WeightVector]


class HeldVector(NamedTuple):
    """An activation vector in a PE's input register: up to D channels of the position (h, w)."""

    h: int
    w: int
    values: list[int]


class DcnnPe:
    """D multipliers and an adder tree. Counts slot-cycles by stall and actions by name over its whole life."""

    def __init__(self, conv: PhasedConvolution, config: DcnnConfig) -> None:
        self.conv, self.config, self.lanes = conv, config, config.dot_width
        self.piece = NOWHERE
        self.iaram: dict[tuple[int, int], list[int]] = {}  # by position, the values of all channels
        self.sums: dict[tuple[int, int, int], int] = {}  # the accumulators, by output (k, p, q)
        self.stalls: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._work: Iterator[tuple[HeldVector, WeightVector]] = iter(())
        self._next: tuple[HeldVector, WeightVector] | None = None

    def load(self, piece: Piece, image: int) -> None:
        """Hold a piece of an image's plane, zeros included."""
        self.piece = piece
        self.iaram = {(h, w): [int(value) for value in self.conv.activation[image, :, h, w]]
                      for h, w in product(piece.rows.inputs, piece.cols.inputs)}

    def begin_round(self, filters: range, broadcast: list[WeightBlock]) -> None:
        """Turn to empty accumulators for the outputs of `filters` in the piece's region; take the weights."""
        self.sums = {(k, p, q): 0 for k in filters for p, q in self.piece.region()}
        if not self.piece.empty:
            self.counts["weight_fifo_writes"] += sum(len(block.vectors) for block in broadcast)
        self._work = self._dot_products(broadcast)
        self._next = next(self._work, None)

    def _dot_products(self, broadcast: list[WeightBlock]) -> Iterator[tuple[HeldVector, WeightVector]]:
        """One for each cycle: an activation vector is read once and held while all its weights pass."""
        rows, cols = self.conv.rows, self.conv.cols
        for phase, channels, vectors in broadcast:
            for (h, w), values in self.iaram.items():
                if (rows.phase_of_input(h), cols.phase_of_input(w)) == phase:
                    self.counts["activation_vector_reads"] += 1
                    held = HeldVector(h, w, values[channels.start:channels.stop])
                    for weights in vectors:
                        yield held, weights

    @property
    def working(self) -> bool:
        """False once the PE waits for the barrier."""
        return self._next is not None

    def tick(self) -> None:
        """One cycle: one dot product, if there is one left in this round."""
        if self.piece.empty:
            self.stalls["idle_tile"] += self.lanes
        elif self._next is None:
            self.stalls["barrier"] += self.lanes
        else:
            self._multiply(*self._next)
            self._next = next(self._work, None)

    def _multiply(self, held: HeldVector, weights: WeightVector) -> None:
        """Sum the lanes' products into one accumulator. Accounts for this cycle's slots."""
        self.counts["weight_vector_reads"] += 1
        operands = list(zip(held.values, weights.values, strict=True))
        nonzero = [(a, b) for a, b in operands if a != 0 and b != 0]
        switching = nonzero if self.config.zero_gating else operands
        self.counts["multiplies"] += len(switching)
        self.counts["gated_multiplies"] += len(operands) - len(switching)
        self.stalls["fragmentation"] += self.lanes - len(operands)
        rows, cols = self.conv.rows, self.conv.cols
        p, q = rows.landing(held.h, weights.r), cols.landing(held.w, weights.s)
        if 0 <= p < rows.outputs and 0 <= q < cols.outputs:
            self.sums[weights.k, p, q] += sum(a * b for a, b in switching)
            self.counts["accumulator_updates"] += 1
            self.counts["macs"] += len(nonzero)
            self.stalls["busy"] += len(nonzero)
            self.stalls["zero_operand"] += len(operands) - len(nonzero)
        else:
            self.stalls["outside"] += len(operands)
