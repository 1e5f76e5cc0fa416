"""DCNN, tick by tick: the obvious twin, which moves real values through dot products, accumulators and halo exchanges.

Source: the dense baseline of Parashar et al., ISCA 2017 [paper]; the rules, with what is our assumption, are in
docs/machines/dcnn.md. Exact: every cycle, count and stall of those rules. Abstracted: sums have unlimited width,
weights arrive in time, post-processing is hidden behind compute, and DRAM traffic is counted but takes no time here.

Planar tiles, owners, output-channel groups and post-processing are SCNN's, so they are the parts of SCNN's reference.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.shared.reference.blocks import activation_blocks
from accelsim.arch.planar.shared.reference.convolution import Convolution, Phase, as_convolution
from accelsim.arch.planar.shared.reference.dram import Dram
from accelsim.arch.planar.shared.reference.post import Finished, PostUnit
from accelsim.arch.planar.shared.reference.tiles import NOWHERE, CutAxis, Piece, Plan, PlanePolicy, plan
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.planar import from_images

STALLS = ("busy", "zero_operand", "outside", "fragmentation", "barrier", "idle_tile")
COUNTS = ("macs", "multiplies", "gated_multiplies", "accumulator_updates", "activation_vector_reads",
          "weight_vector_reads", "weight_fifo_writes", "halo_entries", "oaram_writes", "dram_weight_bits",
          "dram_activation_bits", "dram_output_bits")


def run(layer: Layer, config: Any, policy: PlanePolicy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/dcnn.md. policy(nz[H, W], rim, pe_rows, pe_cols, filters) gives
    (parts, row_cuts, col_cuts); it is not asked when the plane is one position.
    Raises TraceError for a pattern-only layer, UnsupportedLayerError when one position's partial sums exceed the
    accumulators or the operator is unknown, ModelError when the policy's cuts do not cover the plane.
    """
    conv = as_convolution(layer)
    machine = Dcnn(conv, config, policy)
    machine.run()
    layout, stalls, counts = machine.plan, machine.stalls(), machine.counts()
    mapping = {"kc": layout.kc, "rounds": len(layout.rounds), "parts": layout.parts,
               "grid": [layout.rows.tiles, layout.cols.tiles],
               "temporal_tiles": [layout.rows.pieces, layout.cols.pieces]}
    return LayerRun(machine.cycles, config.pe_rows * config.pe_cols * config.dot_width,
                    {name: stalls[name] for name in STALLS}, {name: counts[name] for name in COUNTS}, mapping=mapping,
                    output=from_images(layer, machine.post.output()), work=machine.work(),
                    tiles=machine.dram.tiles(machine.cycles, machine.outputs_fit))


@dataclass(frozen=True)
class ScnnChoices:
    """What SCNN's tiles and post-processing ask of a config, with the choices DCNN makes."""

    pe_rows: int
    pe_cols: int
    accumulator_entries: int
    kc_max: int
    tiling: str = "input_plane"
    kc_rule: str = "accumulators"
    halo: str = "none"  # entries still move; they take no cycles
    post_entries_per_cycle: int = 0  # 0: outputs are written in no time


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


class PE:
    """D multipliers and an adder tree. Counts slot-cycles by stall and actions by name over its whole life."""

    def __init__(self, conv: Convolution, config: Any) -> None:
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


class Dcnn:
    """A machine that runs one layer, once."""

    def __init__(self, conv: Convolution, config: Any, policy: PlanePolicy) -> None:
        def fits_iaram(rows: CutAxis, cols: CutAxis) -> bool:
            bits = rows.step * cols.step * conv.channels * config.value_bits
            return config.iaram_bits == 0 or bits <= config.iaram_bits

        choices = ScnnChoices(config.pe_rows, config.pe_cols, config.accumulator_entries, config.kc_max)
        self.conv, self.config = conv, config
        self.plan: Plan = plan(conv, choices, policy, fits_iaram)
        self.pes = [PE(conv, config) for _ in self.plan.pes]
        self.spare_pes = [PE(conv, config) for _ in range(config.pe_rows * config.pe_cols - len(self.pes))]
        self.post = PostUnit(conv, choices, self.plan)
        self.cycles = 0
        self.dram = Dram(self.plan)

    def run(self) -> None:
        """Run the layer to the end of the last round."""
        for image, temporal_tile in product(range(self.conv.images), self.plan.temporal_tiles):
            for pe, (_, i, j) in zip(self.pes, self.plan.pes, strict=True):
                pe.load(self.plan.piece(i, j, temporal_tile), image)
            tile_bits = self._held_bits(image, temporal_tile)
            for groups in self.plan.rounds:
                self.dram.begin(tile_bits)
                self._round(groups)
                self.dram.end(len(self.dram.rounds) - 1, self.cycles)
                finished = [Finished(image, part, pe.piece, groups[part] or range(0), pe.sums)
                            for (part, _, _), pe in zip(self.plan.pes, self.pes, strict=True)]
                written_before = self.post.counts["oaram_writes"]
                for _ in self.post.process(finished):
                    pass  # whatever cycles it takes are hidden (our assumption)
                written = self.post.counts["oaram_writes"] - written_before
                self.dram.write(len(self.dram.rounds) - 1, written * self.config.value_bits)

    def _round(self, groups: list[range | None]) -> None:
        """One round of all PEs, cycle by cycle, up to the barrier where all wait for the slowest."""
        broadcasts = [self._weights(filters or range(0)) for filters in groups]
        for pe, (part, _, _) in zip(self.pes, self.plan.pes, strict=True):
            pe.begin_round(groups[part] or range(0), broadcasts[part])
        while any(pe.working for pe in self.pes):
            for pe in self.pes + self.spare_pes:
                pe.tick()
            self.cycles += 1

    def _weights(self, filters: range) -> list[WeightBlock]:
        """The weights of a group of filters, as they come from DRAM; D channels of one conv group to a vector."""
        conv, per_group = self.conv, self.conv.weight.shape[1]
        blocks = []
        for first in range(0, conv.channels, per_group):
            met = conv.met(first, filters)
            starts = range(first, first + per_group, self.config.dot_width)
            for phase, start in product(conv.worked_phases(), starts) if met else ():
                channels = range(start, min(start + self.config.dot_width, first + per_group))
                blocks.append(WeightBlock(phase, channels, [
                    WeightVector(k, r, s, [conv.tap_weight(k, channel, r, s) for channel in channels])
                    for r, s in self._taps(phase) for k in met]))
        values = sum(len(vector.values) for block in blocks for vector in block.vectors)
        self.dram.fetch_weights(values * self.config.value_bits)
        return blocks

    def _taps(self, phase: Phase) -> list[tuple[int, int]]:
        rows, cols = self.conv.rows, self.conv.cols
        return [(r, s) for r, s in product(range(rows.taps), range(cols.taps))
                if (rows.phase_of_tap(r), cols.phase_of_tap(s)) == phase]

    def _held_bits(self, image: int, temporal_tile: tuple[int, int]) -> int:
        """What the tiles' pieces take in DRAM. All parts have the same tiles and get them in one transfer."""
        pieces = [self.plan.piece(i, j, temporal_tile) for part, i, j in self.plan.pes if part == 0]
        inputs = [(piece.rows.inputs, piece.cols.inputs) for piece in pieces]
        if not self.config.compress_dram:
            return sum(len(rows) * len(cols) for rows, cols in inputs) * self.conv.channels * self.config.value_bits
        blocks = [block for rows, cols in inputs for block in
                  activation_blocks(self.conv, image, rows, cols, self.config.index_bits).values()]
        return sum(len(block.entries) for block in blocks) * (self.config.value_bits + self.config.index_bits)

    @property
    def outputs_fit(self) -> bool:
        """Whether every PE's OARAM holds what it owns of an image."""
        bits = self.post.largest_oaram_entries() * self.config.value_bits
        return bool(self.config.oaram_bits == 0 or bits <= self.config.oaram_bits)

    def stalls(self) -> Counter[str]:
        """Slot-cycles by stall."""
        return sum((pe.stalls for pe in self.pes + self.spare_pes), Counter[str]())

    def work(self) -> PeWork:
        """Products that each PE forms."""
        stalls = ("busy", "zero_operand", "outside")
        formed = np.array([sum(pe.stalls[name] for name in stalls) for pe in self.pes + self.spare_pes], np.int64)
        return PeWork.of(formed.reshape(self.config.pe_rows, self.config.pe_cols), stalls)

    def counts(self) -> Counter[str]:
        """Everything counted, by the names of COUNTS."""
        total = sum((pe.counts for pe in self.pes), self.post.counts.copy())
        total.update(self.dram.counts(self.outputs_fit))
        return total
