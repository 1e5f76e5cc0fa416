"""The array in one pass: weights come in, then all columns work, then all meet.

Source: docs/machines/eyeriss.md, Time of a pass and Where every slot-cycle goes.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.bus import Buses
from accelsim.arch.row_stationary.eyeriss.reference.column import Column
from accelsim.arch.row_stationary.eyeriss.reference.fetching import Streams, network_bits
from accelsim.arch.row_stationary.eyeriss.reference.global_buffer import PsumBanks
from accelsim.arch.row_stationary.eyeriss.reference.mesh import Mesh
from accelsim.arch.row_stationary.eyeriss.reference.operands import OffChipOperands
from accelsim.arch.row_stationary.eyeriss.reference.pe import LaneSetting, Pe
from accelsim.arch.row_stationary.eyeriss.reference.schedule import (
    PassSchedule,
    PeColumn,
    ScheduledPass,
    StreamKey,
    Strip,
)
from accelsim.arch.row_stationary.eyeriss.reference.traffic import Cluster


class PassDone(NamedTuple):
    """What a pass took: its cycles, the first `load_cycles` of them for its weights, the streams that it needed, and
    the bits of its weights and of what it puts out.
    """

    cycles: int
    load_cycles: int
    streams: Streams
    weight_bits: int
    output_bits: int


class PeArray:
    """The PEs with all that outlives a pass. sums [G, M, N, P, Q]: the layer's output without bias."""

    def __init__(self, schedule: PassSchedule, operands: OffChipOperands, config: EyerissConfig) -> None:
        self.schedule, self.operands, self.config = schedule, operands, config
        self.conv = schedule.conv
        self.stalls: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        clusters = config.cluster_rows * config.cluster_cols
        self.psum_banks = PsumBanks(8 * config.glb_psum_bytes * clusters // config.psum_bits)
        self.sums = np.zeros((self.conv.groups, self.conv.filters, self.conv.images, self.conv.rows.outputs,
                              self.conv.cols.outputs), np.int64)

    @property
    def slots(self) -> int:
        """Multipliers."""
        config = self.config
        return int(config.cluster_rows * config.cluster_cols * config.pe_rows * config.pe_cols * config.macs_per_pe)

    def run(self, one: ScheduledPass) -> PassDone:
        """One pass, from its weights to the barrier."""
        network = Buses(self.config) if self.config.network == "flat" else Mesh(self.config)
        streams = self._send_streams(one, network)
        weight_bits = self._send_weights(one, network)
        output_bits = sum(self._move_psums(one, lane, network) for lane in one.lanes)
        columns = [self._column(one, lane, network) for lane in one.lanes]
        for lane, column in zip(one.lanes, columns, strict=True):
            self._work(one, lane, column)
        for kind, links in (("iact", network.iacts), ("weight", network.weights), ("psum", network.psums)):
            self.counts[f"{kind}_hop_bits"] += links.hop_bits
        cycles = self._account(one, columns, network)
        return PassDone(cycles, network.weights.cycles, streams, weight_bits, output_bits)

    def configured(self, first: PassDone) -> PassDone:
        """The layer's first pass behind the configuration, in which its weights may come in as well."""
        wait = self.config.config_cycles
        self.stalls["config"] += self.slots * wait
        return first._replace(cycles=first.cycles + wait, load_cycles=first.load_cycles + wait)

    def _send_streams(self, one: ScheduledPass, network: Mesh | Buses) -> Streams:
        """Returns all needed streams."""
        needed: defaultdict[StreamKey, set[Cluster]] = defaultdict(set)
        strip_of: dict[StreamKey, Strip] = {}
        for lane in one.lanes:
            for i, strip in enumerate(lane.strips):
                for item in lane.items:
                    key = self.schedule.stream_key(lane, strip, item)
                    if key is not None:
                        needed[key].add(self._cluster(lane, i))
                        strip_of[key] = strip
        streams = {key: self.operands.stream(key, strip_of[key]) for key in sorted(needed)}
        for number, (key, stream) in enumerate(streams.items()):
            network.send_stream(number, key, stream, needed[key])
        self.counts["glb_iact_read_bits"] += network_bits(streams)
        return streams

    def _send_weights(self, one: ScheduledPass, network: Mesh | Buses) -> int:
        """Returns the bits of all distinct tiles, which come from DRAM."""
        destinations = defaultdict(set)
        tiles = {}
        for lane in one.lanes:
            for i, strip in enumerate(lane.strips):
                key = lane.tile_key(strip)
                destinations[lane.top_row + i, key].add(lane.column // self.config.pe_cols)
                tiles[key] = self.operands.tile(lane, strip)
        for (row, key), cluster_cols in destinations.items():
            network.send_weights(row, key, tiles[key], cluster_cols)
        return sum(tile.bits for tile in tiles.values())

    def _move_psums(self, one: ScheduledPass, lane: PeColumn, network: Mesh | Buses) -> int:
        """Returns the bits that a lane puts out of the chip."""
        sums = len(lane.items) * self.conv.cols.outputs * len(lane.filters)
        network.move_psums(lane, sums * self.config.psum_bits, from_buffer=not one.first_step)
        return sums * self.config.value_bits if one.last_step else 0

    def _cluster(self, lane: PeColumn, pe: int) -> Cluster:
        return (lane.top_row + pe) // self.config.pe_rows, lane.column // self.config.pe_cols

    def _column(self, one: ScheduledPass, lane: PeColumn, network: Mesh | Buses) -> Column:
        """A lane's PEs, with what their clusters received for them."""
        setting = LaneSetting(self.operands.compressed, self.conv.cols, len(lane.filters), self.schedule.mapping.m0)
        pes = []
        for i, strip in enumerate(lane.strips):
            inbox = network.inboxes[self._cluster(lane, i)]
            keys = [self.schedule.stream_key(lane, strip, item) for item in lane.items]
            pe = Pe(self.config, setting, strip, self.stalls, self.counts)
            pe.load(inbox.tiles[lane.top_row + i, lane.tile_key(strip)],
                    [None if key is None else inbox.streams[key] for key in keys])
            pes.append(pe)

        def incoming(window: int) -> list[int]:
            if one.first_step:
                return [0] * len(lane.filters)
            return [self.psum_banks.read((lane.group, m, *self._place(lane, window))) for m in lane.filters]

        return Column(pes, len(lane.filters), incoming, self.counts)

    def _place(self, lane: PeColumn, window: int) -> tuple[int, int]:
        """(item, output column) of a window."""
        number, q = divmod(window, self.conv.cols.outputs)
        return lane.items[number], q

    def _work(self, one: ScheduledPass, lane: PeColumn, column: Column) -> None:
        for window, sums in column.run():
            item, q = self._place(lane, window)
            image, p = self.conv.image_and_row(item)
            for m, psum in zip(lane.filters, sums, strict=True):
                if one.last_step:
                    self.sums[lane.group, m, image, p, q] = psum
                else:
                    self.psum_banks.write((lane.group, m, item, q), psum)

    def _account(self, one: ScheduledPass, columns: list[Column], network: Mesh | Buses) -> int:
        """The pass's cycles, and where those went in which no column worked."""
        simd, weight_cycles = self.config.macs_per_pe, network.weights.cycles
        compute_cycles = max(column.cycles for column in columns)
        flow_cycles = max(compute_cycles, network.iacts.cycles, network.psums.cycles)
        waits_for = "psum" if network.psums.cycles > network.iacts.cycles else "iact"
        for column in columns:
            slots = simd * len(column.pes)
            self.stalls["weight"] += slots * weight_cycles
            self.stalls["barrier"] += slots * (compute_cycles - column.cycles)
            self.stalls[waits_for] += slots * (flow_cycles - compute_cycles)
        cycles = weight_cycles + flow_cycles
        self.stalls["fragmentation"] += (self.slots - simd * one.mapped_pes) * cycles
        return cycles
