"""The whole machine on one layer: rounds of all PEs up to a barrier, and post-processing hidden behind them."""

from collections import Counter
from itertools import product

import numpy as np

from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.reference.pe import DcnnPe, WeightBlock, WeightVector
from accelsim.arch.planar.shared.notes import layout_notes
from accelsim.arch.planar.shared.reference.blocks import activation_blocks
from accelsim.arch.planar.shared.reference.convolution import Phase, PhasedConvolution, as_convolution
from accelsim.arch.planar.shared.reference.dram import RoundLedger
from accelsim.arch.planar.shared.reference.post import FinishedSums, PostRules, PostUnit
from accelsim.arch.planar.shared.reference.tiles import CutAxis, PlanePolicy, TilePlan, TilingRules, plan
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.planar import from_images

HIDDEN = PostRules(halo="none", halo_entries_per_cycle=0, post_entries_per_cycle=0)  # entries move, in no time
STALLS = ("busy", "zero_operand", "outside", "fragmentation", "barrier", "idle_tile")
COUNTS = ("macs", "multiplies", "gated_multiplies", "accumulator_updates", "activation_vector_reads",
          "weight_vector_reads", "weight_fifo_writes", "halo_entries", "oaram_writes", "dram_weight_bits",
          "dram_activation_bits", "dram_output_bits")


def run(layer: Layer, config: DcnnConfig, policy: PlanePolicy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/dcnn.md. policy(nz[H, W], rim, pe_rows, pe_cols, filters) gives
    (parts, row_cuts, col_cuts); it is not asked when the plane is one position.
    Raises TraceError for a pattern-only layer, UnsupportedLayerError when one position's partial sums exceed the
    accumulators or the operator is unknown, ModelError when the policy's cuts do not cover the plane.
    """
    conv = as_convolution(layer)
    machine = DcnnChip(conv, config, policy)
    machine.run()
    layout, stalls, counts = machine.plan, machine.stalls(), machine.counts()
    mapping = {"kc": layout.kc, "rounds": len(layout.rounds), "parts": layout.parts,
               "grid": [layout.rows.tiles, layout.cols.tiles],
               "temporal_tiles": [layout.rows.pieces, layout.cols.pieces]}
    return LayerRun(machine.cycles, config.pe_rows * config.pe_cols * config.dot_width,
                    {name: stalls[name] for name in STALLS}, {name: counts[name] for name in COUNTS}, mapping=mapping,
                    notes=layout_notes(len(layout.temporal_tiles), layout.activations_streamed),
                    output=from_images(layer, machine.post.output()), work=machine.work(),
                    tiles=machine.dram.tiles(machine.cycles, machine.outputs_fit))


class DcnnChip:
    """A machine that runs one layer, once."""

    def __init__(self, conv: PhasedConvolution, config: DcnnConfig, policy: PlanePolicy) -> None:
        def fits_iaram(rows: CutAxis, cols: CutAxis) -> bool:
            bits = rows.step * cols.step * conv.channels * config.value_bits
            return config.iaram_bits == 0 or bits <= config.iaram_bits

        rules = TilingRules(config.pe_rows, config.pe_cols, config.accumulator_entries, config.kc_max)
        self.conv, self.config = conv, config
        self.plan: TilePlan = plan(conv, rules, policy, fits_iaram)
        self.pes = [DcnnPe(conv, config) for _ in self.plan.pes]
        self.spare_pes = [DcnnPe(conv, config) for _ in range(config.pe_rows * config.pe_cols - len(self.pes))]
        self.post = PostUnit(conv, HIDDEN, self.plan)
        self.cycles = 0
        self.dram = RoundLedger(self.plan)

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
                finished = [FinishedSums(image, part, pe.piece, groups[part] or range(0), pe.sums)
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
