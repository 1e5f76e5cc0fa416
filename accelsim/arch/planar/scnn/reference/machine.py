"""The whole machine on one layer: barriers between PEs, accumulator buffers between compute and post-processing."""

from collections import Counter
from collections.abc import Generator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import simpy

from accelsim.arch.machine import LayerRun
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.reference.pe import ScnnPe, Vector
from accelsim.arch.planar.shared.notes import layout_notes
from accelsim.arch.planar.shared.reference.banks import BankHash, address_hash, xor_hash
from accelsim.arch.planar.shared.reference.blocks import activation_blocks, weight_block
from accelsim.arch.planar.shared.reference.convolution import Phase, PhasedConvolution, as_convolution
from accelsim.arch.planar.shared.reference.dram import RoundLedger
from accelsim.arch.planar.shared.reference.post import FinishedSums, PostRules, PostUnit
from accelsim.arch.planar.shared.reference.tiles import CutAxis, Piece, PlanePolicy, TilePlan, TilingRules, plan
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.planar import from_images

STALLS = ("busy", "fragmentation", "placeholder", "outside", "bank_conflict", "drain", "barrier", "idle_tile", "halo",
          "post")
COUNTS = ("macs", "multiplies", "steps", "crossbar_transfers", "accumulator_updates", "iaram_vector_reads",
          "weight_vector_reads", "weight_fifo_writes", "halo_entries", "oaram_writes", "dram_weight_bits",
          "dram_activation_bits", "dram_output_bits")

Broadcast = list[tuple[int, Phase, list[Vector]]]
Ticks = Generator[simpy.Event, Any, None]


def run(layer: Layer, config: ScnnConfig, policy: PlanePolicy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/scnn.md. policy(nz[H, W], rim, pe_rows, pe_cols, filters) gives
    (parts, row_cuts, col_cuts); it is not asked when the plane is one position.
    Raises TraceError for a pattern-only layer, UnsupportedLayerError when one position's partial sums exceed the
    accumulators or the operator is unknown, ModelError when the policy's cuts do not cover the plane.
    """
    conv = as_convolution(layer)
    rules = TilingRules(config.pe_rows, config.pe_cols, config.accumulator_entries, config.kc_max, config.tiling,
                        config.kc_rule)
    machine = ScnnChip(conv, config, plan(conv, rules, policy, partial(fits_iaram, conv, config)))
    machine.run()
    layout, counts, stalls = machine.plan, machine.counts(), machine.stalls()
    slots = config.pe_rows * config.pe_cols * config.activation_vector * config.weight_vector
    mapping = {"kc": layout.kc, "rounds": len(layout.rounds), "parts": layout.parts,
               "grid": [layout.rows.tiles, layout.cols.tiles],
               "temporal_tiles": [layout.rows.pieces, layout.cols.pieces],
               "oracle_cycles": -(-counts["macs"] // slots)}
    return LayerRun(machine.cycles, slots, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS}, mapping=mapping,
                    notes=layout_notes(len(layout.temporal_tiles), layout.activations_streamed),
                    output=from_images(layer, machine.post.output()), work=machine.work(),
                    tiles=machine.dram.tiles(machine.cycles, machine.outputs_fit))


def fits_iaram(conv: PhasedConvolution, config: ScnnConfig, rows: CutAxis, cols: CutAxis) -> bool:
    """Whether the compressed activations of every image's every piece, placeholders included, fit a PE's IARAM."""
    row_spans, col_spans = ([span for tile in cut.spans for span in tile] for cut in (rows, cols))
    return config.iaram_bits == 0 or all(
        sum(len(block.entries) for block in blocks.values()) * config.entry_bits <= config.iaram_bits
        for image, row, col in product(range(conv.images), row_spans, col_spans)
        for blocks in [activation_blocks(conv, image, row.inputs, col.inputs, config.index_bits)])


class ScnnChip:
    """A machine that runs one layer, once."""

    def __init__(self, conv: PhasedConvolution, config: ScnnConfig, plan: TilePlan) -> None:
        self.conv, self.config, self.plan = conv, config, plan
        self.pes = [ScnnPe(conv, config) for _ in plan.pes]
        self.spare_pes = [ScnnPe(conv, config) for _ in range(config.pe_rows * config.pe_cols - len(self.pes))]
        rules = PostRules(config.halo, config.halo_entries_per_cycle, config.post_entries_per_cycle)
        self.post = PostUnit(conv, rules, plan)
        self.cycles = 0
        self.dram = RoundLedger(plan)
        self._computing: set[int] = set()  # cycles
        self._post_activity: dict[int, str] = {}  # by cycle
        self._clock = simpy.Environment()
        self._to_post: simpy.Store = simpy.Store(self._clock)
        buffers = 2 if config.post == "overlapped" else 1
        self._free_buffers = simpy.Container(self._clock, capacity=buffers, init=buffers)

    def run(self) -> None:
        """Run the layer to the end of the last round's post-processing."""
        self._clock.process(self._compute())
        self._clock.process(self._post_process())
        self._clock.run()
        self.cycles = self._cycle

    @property
    def _cycle(self) -> int:
        return int(self._clock.now)

    def _compute(self) -> Ticks:
        for image in range(self.conv.images):
            for temporal_tile in self.plan.temporal_tiles:
                pieces = [self.plan.piece(i, j, temporal_tile) for _, i, j in self.plan.pes]
                for pe, piece in zip(self.pes, pieces, strict=True):
                    pe.load(piece, activation_blocks(self.conv, image, piece.rows.inputs, piece.cols.inputs,
                                                     self.config.index_bits))
                tile_bits = self._held_bits()
                for groups in self.plan.rounds:
                    yield self._free_buffers.get(1)
                    self.dram.begin(tile_bits)
                    yield from self._round(groups)
                    self.dram.end(len(self.dram.rounds) - 1, self._cycle)
                    yield self._to_post.put([
                        FinishedSums(image, part, piece, groups[part] or range(0), pe.banks.sums)
                        for (part, _, _), piece, pe in zip(self.plan.pes, pieces, self.pes, strict=True)])

    def _held_bits(self) -> int:
        """The activations in all IARAMs, those of each tile once: all parts have the same tiles."""
        blocks = [block for (part, _, _), pe in zip(self.plan.pes, self.pes, strict=True) if part == 0
                  for block in pe.iaram.values()]
        return sum(len(block.entries) for block in blocks) * self.config.entry_bits

    def _round(self, groups: list[range | None]) -> Ticks:
        """One round of all PEs, cycle by cycle, with a barrier wherever all wait for the slowest."""
        broadcasts = [self._weights(filters) for filters in groups]
        for pe, (part, _, _) in zip(self.pes, self.plan.pes, strict=True):
            filters = groups[part] or range(0)
            pe.begin_round(filters, pe.piece.region(), self._bank_hash(filters, pe.piece))
        channels = range(self.conv.channels)
        for between_barriers in [[c] for c in channels] if self.config.barrier == "channel" else [channels]:
            for pe, (part, _, _) in zip(self.pes, self.plan.pes, strict=True):
                work = [item for c in between_barriers for item in broadcasts[part].get(c, [])]
                pe.begin_work([] if pe.piece.empty else work)
            while any(pe.working for pe in self.pes):
                for pe in self.pes + self.spare_pes:
                    pe.tick()
                self._computing.add(self._cycle)
                yield self._clock.timeout(1)

    def _weights(self, filters: range | None) -> dict[int, Broadcast]:
        """The weight vectors of a group by channel, as they come from DRAM."""
        if filters is None:
            return {}
        broadcast: dict[int, Broadcast] = {c: [] for c in range(self.conv.channels)}
        for channel, items in broadcast.items():
            for phase in self.conv.worked_phases():
                block = weight_block(self.conv, filters, channel, phase, self.config.weight_order,
                                     self.config.index_bits)
                self.dram.fetch_weights(len(block.entries) * self.config.entry_bits)
                items.append((channel, phase, block.vectors(self.config.weight_vector)))
        return broadcast

    def _bank_hash(self, filters: range, piece: Piece) -> BankHash:
        if self.config.bank_hash == "xor":
            return xor_hash(self.config.banks)
        return address_hash(self.config.banks, filters.start, piece, self.plan.rows.widest_touched,
                            self.plan.cols.widest_touched)

    def _post_process(self) -> Ticks:
        for number in range(self.conv.images * len(self.plan.temporal_tiles) * len(self.plan.rounds)):
            finished: list[FinishedSums] = yield self._to_post.get()
            written_before = self.post.counts["oaram_writes"]
            for activity in self.post.process(finished):
                self._post_activity[self._cycle] = activity
                yield self._clock.timeout(1)
            if self.config.post == "serial":
                self.dram.end(number, self._cycle)
            self.dram.write(number, (self.post.counts["oaram_writes"] - written_before) * self.config.entry_bits)
            yield self._free_buffers.put(1)

    @property
    def outputs_fit(self) -> bool:
        """Whether every PE's OARAM holds what it owns of an image."""
        entries = self.post.largest_oaram_entries()
        return self.config.oaram_bits == 0 or entries * self.config.entry_bits <= self.config.oaram_bits

    def stalls(self) -> Counter[str]:
        """Slot-cycles by stall."""
        pes = self.pes + self.spare_pes
        total = sum((pe.stalls for pe in pes), Counter[str]())
        for cycle, activity in self._post_activity.items():
            if cycle not in self._computing:
                total[activity] += sum(pe.lanes for pe in pes)
        return total

    def work(self) -> PeWork:
        """Useful products of each PE."""
        useful = np.array([pe.stalls["busy"] for pe in self.pes + self.spare_pes], np.int64)
        return PeWork.of(useful.reshape(self.config.pe_rows, self.config.pe_cols))

    def counts(self) -> Counter[str]:
        """Everything counted, by the names of COUNTS."""
        total = sum((pe.counts for pe in self.pes), self.post.counts.copy())
        total["accumulator_updates"] = sum(pe.banks.updates for pe in self.pes)
        total.update(self.dram.counts(self.outputs_fit))
        return total
