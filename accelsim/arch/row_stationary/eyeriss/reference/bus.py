"""The flat network of v1: one bus for each kind of data, which everyone listens to.

Source: docs/machines/eyeriss.md, Networks [v1].
"""

from collections.abc import Iterable

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.compressed import Stream, WeightTile
from accelsim.arch.row_stationary.eyeriss.reference.schedule import PeColumn, StreamKey, TileKey
from accelsim.arch.row_stationary.eyeriss.reference.traffic import Cluster, Networks


class Buses(Networks):
    """The buses in one pass."""

    def __init__(self, config: EyerissConfig) -> None:
        super().__init__(config)
        self._sent: set[TileKey] = set()

    def send_stream(self, number: int, key: StreamKey, stream: Stream, destinations: Iterable[Cluster]) -> None:
        """To all destinations at once."""
        self.iacts.carry("bus", stream.bits, hop=True)
        for cluster in destinations:
            self.inboxes[cluster].streams[key] = stream

    def send_weights(self, row: int, key: TileKey, tile: WeightTile, cluster_cols: Iterable[int]) -> None:
        """A tile crosses once, whichever rows it is for."""
        if key not in self._sent:
            self._sent.add(key)
            self.weights.carry("bus", tile.bits, hop=True)
        for col in cluster_cols:
            self.inboxes[row // self.config.pe_rows, col].tiles[row, key] = tile

    def move_psums(self, lane: PeColumn, bits: int, from_buffer: bool) -> None:
        """`bits` to the global buffer and, `from_buffer`, as much back on the other bus."""
        self.psums.carry("to the buffer", bits, hop=True)
        if from_buffer:
            self.psums.carry("from the buffer", bits, hop=True)
