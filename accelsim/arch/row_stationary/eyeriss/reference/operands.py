"""The weight tiles and input streams of a layer, each made when it is first asked for."""

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.compressed import Stream, WeightTile
from accelsim.arch.row_stationary.eyeriss.reference.convolution import GroupedConvolution
from accelsim.arch.row_stationary.eyeriss.reference.schedule import PeColumn, StreamKey, Strip, TileKey


class OffChipOperands:
    """What lies off chip."""

    def __init__(self, conv: GroupedConvolution, compressed: bool, config: EyerissConfig) -> None:
        self.conv, self.compressed, self.config = conv, compressed, config
        self._tiles: dict[TileKey, WeightTile] = {}
        self._streams: dict[StreamKey, Stream] = {}

    def tile(self, lane: PeColumn, strip: Strip) -> WeightTile:
        """The weights of a strip for a lane's filters."""
        key = lane.tile_key(strip)
        if key not in self._tiles:
            of_filters = self.conv.weight[lane.group, lane.filters.start:lane.filters.stop, :, strip.filter_row]
            weights = of_filters[:, strip.channels.start:strip.channels.stop, strip.taps.start:strip.taps.stop]
            self._tiles[key] = WeightTile.of(weights, self.compressed, self.config)
        return self._tiles[key]

    def stream(self, key: StreamKey, strip: Strip) -> Stream:
        """The inputs of stream `key`, which `strip` needs."""
        if key not in self._streams:
            group, _, _, image, in_row = key
            row = self.conv.iact[group, image, strip.channels.start:strip.channels.stop, in_row]
            self._streams[key] = Stream.of(row, strip.taps, self.conv.cols, self.compressed, self.config)
        return self._streams[key]
