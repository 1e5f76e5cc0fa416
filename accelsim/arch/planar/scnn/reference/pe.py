"""One PE: multiplies an activation vector by a weight vector a cycle, held back by its accumulator banks."""

from collections import Counter
from collections.abc import Iterator
from itertools import product

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.shared.reference.banks import AccumulatorBanks, BankHash
from accelsim.arch.planar.shared.reference.blocks import CompressedBlock, PlacedValue
from accelsim.arch.planar.shared.reference.convolution import Phase, PhasedConvolution
from accelsim.arch.planar.shared.reference.tiles import NOWHERE, Piece

Vector = list[PlacedValue]
Step = tuple[Vector, Vector]  # an activation vector and a weight vector


class ScnnPe:
    """Counts slot-cycles by stall and actions by name over its whole life."""

    def __init__(self, conv: PhasedConvolution, config: ScnnConfig) -> None:
        self.conv, self.config = conv, config
        self.lanes = config.activation_vector * config.weight_vector
        self.banks = AccumulatorBanks(config.banks)
        self.iaram: dict[tuple[int, Phase], CompressedBlock] = {}
        self.piece = NOWHERE
        self.stalls: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._steps: Iterator[Step] = iter(())
        self._next_step: Step | None = None

    def load(self, piece: Piece, iaram: dict[tuple[int, Phase], CompressedBlock]) -> None:
        """Hold a piece of the plane, compressed."""
        self.piece, self.iaram = piece, iaram

    def begin_round(self, filters: range, region: list[tuple[int, int]], bank_of: BankHash) -> None:
        """Turn to the other accumulator buffer, for the outputs of `filters` in the piece's region."""
        self.banks.begin([(k, p, q) for k in filters for p, q in region], bank_of)

    def begin_work(self, broadcast: list[tuple[int, Phase, list[Vector]]]) -> None:
        """Work up to the next barrier: the weight vectors of (channel, phase) blocks, in order."""
        self._steps = self._all_steps(broadcast)
        self._next_step = next(self._steps, None)

    def _all_steps(self, broadcast: list[tuple[int, Phase, list[Vector]]]) -> Iterator[Step]:
        for channel, phase, weights in broadcast:
            activations = self.iaram[channel, phase].vectors(self.config.activation_vector)
            fifo_entries = self.config.weight_fifo_entries or len(weights)
            for first in range(0, len(weights), max(1, fifo_entries)):
                fifo = weights[first:first + fifo_entries]
                self.counts["weight_fifo_writes"] += len(fifo)
                for activation_vector in activations:
                    self.counts["iaram_vector_reads"] += 1
                    for weight_vector in fifo:
                        yield activation_vector, weight_vector

    @property
    def working(self) -> bool:
        """False once the PE waits for the barrier: no step is left and every queue has drained."""
        return self._next_step is not None or self.banks.fullest > 0

    def tick(self) -> None:
        """One cycle: issue a step unless a bank has too many products waiting; then each bank makes an update."""
        waiting = self.banks.fullest
        if self.piece.empty:
            self.stalls["idle_tile"] += self.lanes
        elif waiting > self.config.bank_queue_entries:
            self.stalls["bank_conflict"] += self.lanes
        elif self._next_step is not None:
            self._multiply(*self._next_step)
            self._next_step = next(self._steps, None)
        elif waiting:
            self.stalls["drain"] += self.lanes
        else:
            self.stalls["barrier"] += self.lanes
        self.banks.tick()

    def _multiply(self, activations: Vector, weights: Vector) -> None:
        """Form all products; send the useful ones to their banks. Accounts for this cycle's slots."""
        rows, cols = self.conv.rows, self.conv.cols
        useful = outside = placeholder = 0
        for ((h, w), activation), ((k, r, s), weight) in product(activations, weights):
            if activation == 0 or weight == 0:
                placeholder += 1
                continue
            p, q = rows.landing(h, r), cols.landing(w, s)
            if 0 <= p < rows.outputs and 0 <= q < cols.outputs:
                useful += 1
                self.banks.send((k, p, q), activation * weight)
            else:
                outside += 1
        self.stalls["busy"] += useful
        self.stalls["outside"] += outside
        self.stalls["placeholder"] += placeholder
        self.stalls["fragmentation"] += self.lanes - len(activations) * len(weights)
        self.counts["steps"] += 1
        self.counts["weight_vector_reads"] += 1
        self.counts["multiplies"] += useful + outside
        self.counts["macs"] += useful
        self.counts["crossbar_transfers"] += useful
