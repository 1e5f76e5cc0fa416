"""Post-processing: partial sums go to the PEs that own their outputs, which add the bias and write the outputs."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from accelsim.arch.planar.shared.reference.banks import PartialSum
from accelsim.arch.planar.shared.reference.convolution import PhasedAxis, PhasedConvolution
from accelsim.arch.planar.shared.reference.tiles import Piece, TilePlan
from accelsim.errors import ModelError


@dataclass(frozen=True)
class PostRules:
    """What post-processing asks of a design; see docs/machines/scnn.md, "Parameters"."""

    halo: str
    halo_entries_per_cycle: int
    post_entries_per_cycle: int


class FinishedSums(NamedTuple):
    """What one PE hands over at the end of a round: the accumulator buffer, by (k, p, q), and whose it is."""

    image: int
    part: int
    piece: Piece
    filters: range
    sums: dict[tuple[int, int, int], int]


class PostUnit:
    """One for all PEs. `oaram[pe][image]` holds the outputs (k, p, q) that a PE owns."""

    def __init__(self, conv: PhasedConvolution, rules: PostRules, plan: TilePlan) -> None:
        self.conv, self.rules, self.plan = conv, rules, plan
        self.oaram: list[defaultdict[int, defaultdict[tuple[int, int, int], int]]] = [
            defaultdict(lambda: defaultdict(int)) for _ in plan.pes]
        self.counts: Counter[str] = Counter()

    def process(self, finished: list[FinishedSums]) -> Iterator[str]:
        """Post-process one round; yields what the unit does, once for each cycle it does it."""
        outboxes, to_write = [], []
        for pe, done in enumerate(finished):
            own = set(done.piece.own())
            outbox: deque[PartialSum] = deque()
            for (k, p, q), value in done.sums.items():
                if (p, q) in own:
                    self.oaram[pe][done.image][k, p, q] += value
                else:
                    outbox.append(PartialSum((k, p, q), value))
            outboxes.append(outbox)
            to_write.append(deque((k, p, q) for k in done.filters for p, q in done.piece.own()))
        yield from self._exchange(finished, outboxes)
        yield from self._write(finished, to_write)

    def _exchange(self, finished: list[FinishedSums], outboxes: list[deque[PartialSum]]) -> Iterator[str]:
        ticked = self.rules.halo == "exchange"
        while any(outboxes):
            for done, outbox in zip(finished, outboxes, strict=True):
                sent_now = min(len(outbox), self.rules.halo_entries_per_cycle) if ticked else len(outbox)
                for _ in range(sent_now):
                    (k, p, q), value = outbox.popleft()
                    self.oaram[self.plan.owner(done.part, p, q)][done.image][k, p, q] += value
                    self.counts["halo_entries"] += 1
            if ticked:
                yield "halo"
        if self.rules.halo == "widest_neighbour":
            for _ in range(self._widest_neighbour() * max(len(done.filters) for done in finished)):
                yield "halo"

    def _widest_neighbour(self) -> int:
        """Largest halo that one of the eight neighbours could send, for one filter [DNNsim]."""
        row_rim, col_rim = self.plan.rim
        heights = _halo_extents(self.conv.rows, row_rim, self.plan.rows.tiles, self.plan.rows.pieces)
        widths = _halo_extents(self.conv.cols, col_rim, self.plan.cols.tiles, self.plan.cols.pieces)
        return max(heights[a] * widths[b] for a, b in product(range(3), range(3)) if (a, b) != (1, 1))

    def _write(self, finished: list[FinishedSums], to_write: list[deque[tuple[int, int, int]]]) -> Iterator[str]:
        rate = self.rules.post_entries_per_cycle
        while any(to_write):
            for pe, (done, outputs) in enumerate(zip(finished, to_write, strict=True)):
                for _ in range(min(len(outputs), rate) if rate else len(outputs)):
                    output = outputs.popleft()
                    self.oaram[pe][done.image][output] += int(self.conv.bias[output[0]])
                    self.counts["oaram_writes"] += 1
            if rate:
                yield "post"

    def output(self) -> np.ndarray:
        """The convolution's output [N, K, P, Q] from the owners. Raises ModelError unless each output has one owner."""
        conv = self.conv
        result = np.zeros((conv.images, conv.filters, conv.rows.outputs, conv.cols.outputs), np.int64)
        owners = np.zeros_like(result)
        for images in self.oaram:
            for image, outputs in images.items():
                for (k, p, q), value in outputs.items():
                    result[image, k, p, q] = value
                    owners[image, k, p, q] += 1
        if (owners != 1).any():
            raise ModelError(f"layer {conv.name!r}: {int((owners != 1).sum())} outputs do not have exactly one owner")
        return result

    def largest_oaram_entries(self) -> int:
        """The most outputs of one image that a PE owns."""
        return max(len(outputs) for images in self.oaram for outputs in [{}, *images.values()])


def _halo_extents(axis: PhasedAxis, rim: int, tiles: int, pieces: int) -> tuple[int, int, int]:
    """Positions along one axis of what goes to the neighbours before, beside and after."""
    tile = -(-(axis.inputs + 2 * rim) // tiles)
    return max(0, (axis.taps - 1) * axis.dilation - axis.padding), -(-tile // pieces), axis.padding
