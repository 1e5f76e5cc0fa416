"""Who works on what: tiles, strips, lanes, chunks and passes. Source: docs/machines/eyeriss.md, The mapping."""

from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.reference.convolution import GroupedConvolution

StreamKey = tuple[int, int, int, int, int]  # group, channel block, tap block, image, input row
TileKey = tuple[int, int, int]  # group, filter tile, strip


@dataclass(frozen=True)
class Strip:
    """Some channels and taps of one filter row: what a PE holds at a time."""

    number: int
    channel_block: int
    filter_row: int
    tap_block: int
    channels: range
    taps: range


@dataclass(frozen=True)
class PeColumn:
    """A column of PEs of the array, from `top_row` down, and its work in a pass: PE i has strips[i]."""

    top_row: int
    column: int
    group: int
    tile: int
    filters: range
    items: tuple[int, ...]
    strips: tuple[Strip, ...]

    def tile_key(self, strip: Strip) -> TileKey:
        return self.group, self.tile, strip.number

    @property
    def bottom_row(self) -> int:
        """Row of the last PE that is mapped."""
        return self.top_row + len(self.strips) - 1


@dataclass(frozen=True)
class ScheduledPass:
    """One step of a chunk. Weights stay for a pass."""

    first_step: bool
    last_step: bool
    lanes: tuple[PeColumn, ...]

    @property
    def mapped_pes(self) -> int:
        return sum(len(lane.strips) for lane in self.lanes)


class PassSchedule:
    """The passes of a layer under a mapping."""

    def __init__(self, conv: GroupedConvolution, mapping: RowStationaryMapping, config: EyerissConfig) -> None:
        self.conv, self.mapping, self.config = conv, mapping, config
        self.tiles = _cut(conv.filters, mapping.m0)
        self.strips = self._strips()
        self.steps = _cut(len(self.strips), mapping.column)
        self.chunks = _cut(conv.items, self._chunk_size())

    def _strips(self) -> list[Strip]:
        blocks = [(k, channels, r, b, taps) for k, channels in enumerate(_cut(self.conv.channels, self.mapping.c0))
                  for r in range(self.conv.rows.taps)
                  for b, taps in enumerate(_cut(self.conv.cols.taps, self.mapping.s0))]
        return [Strip(j, k, r, b, channels, taps) for j, (k, channels, r, b, taps) in enumerate(blocks)]

    def _chunk_size(self) -> int:
        """Items whose sums fit the global buffer side by side."""
        mapping, items = self.mapping, self.conv.items
        if len(self.steps) == 1:
            return items
        buffer_bits = 8 * self.config.glb_psum_bytes * self.config.cluster_rows * self.config.cluster_cols
        psums_of_an_item = self.conv.cols.outputs * mapping.filter_lanes * mapping.m0 * mapping.group_lanes
        room = buffer_bits // (self.config.psum_bits * psums_of_an_item)
        if room >= items:
            return items
        return room if room < mapping.row_lanes else room // mapping.row_lanes * mapping.row_lanes

    def passes(self) -> Iterator[ScheduledPass]:
        """All passes, in order."""
        for first_group in range(0, self.conv.groups, self.mapping.group_lanes):
            for first_tile in range(0, len(self.tiles), self.mapping.filter_lanes):
                for chunk in self.chunks:
                    for step in self.steps:
                        lanes = tuple(self._lanes(first_group, first_tile, chunk, step))
                        yield ScheduledPass(step.start == 0, step.stop == len(self.strips), lanes)

    def _lanes(self, first_group: int, first_tile: int, chunk: range, step: range) -> Iterator[PeColumn]:
        """The lanes with work."""
        mapping = self.mapping
        array_rows = self.config.cluster_rows * self.config.pe_rows
        array_cols = self.config.cluster_cols * self.config.pe_cols
        for number in range(array_rows // mapping.column * array_cols):
            band, column = divmod(number, array_cols)
            if mapping.inner == "rows":
                beyond, e = divmod(number, mapping.row_lanes)
                h, f = divmod(beyond, mapping.filter_lanes)
            else:
                beyond, f = divmod(number, mapping.filter_lanes)
                h, e = divmod(beyond, mapping.row_lanes)
            group, tile, items = first_group + h, first_tile + f, chunk[e::mapping.row_lanes]
            if h < mapping.group_lanes and group < self.conv.groups and tile < len(self.tiles) and items:
                yield PeColumn(band * mapping.column, column, group, tile, self.tiles[tile], tuple(items),
                           tuple(self.strips[j] for j in step))

    def stream_key(self, lane: PeColumn, strip: Strip, item: int) -> StreamKey | None:
        """The stream that a strip needs for an item; None when its input row is padding."""
        image, out_row = self.conv.image_and_row(item)
        in_row = self.conv.rows.met(out_row, strip.filter_row)
        if not 0 <= in_row < self.conv.rows.inputs:
            return None
        return lane.group, strip.channel_block, strip.tap_block, image, in_row


def _cut(size: int, piece: int) -> list[range]:
    """[0, size) in pieces, the last one clipped."""
    return [range(first, min(first + piece, size)) for first in range(0, size, piece)]
