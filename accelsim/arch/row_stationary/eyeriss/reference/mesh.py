"""The hierarchical mesh of v2: routers, one by one. Source: docs/machines/eyeriss.md, Networks [paper]."""

from collections.abc import Iterable

from accelsim.arch.row_stationary.eyeriss.reference.compressed import Stream, WeightTile
from accelsim.arch.row_stationary.eyeriss.reference.schedule import PeColumn, StreamKey, TileKey
from accelsim.arch.row_stationary.eyeriss.reference.traffic import Cluster, Networks


class Mesh(Networks):
    """The mesh in one pass."""

    def send_stream(self, number: int, key: StreamKey, stream: Stream, destinations: Iterable[Cluster]) -> None:
        """From the bank of the home cluster to all destinations. number: place among the streams of the pass."""
        in_order = sorted(destinations)
        turn, plane = divmod(number, self.config.glb_iact_banks)
        home = in_order[turn % len(in_order)]
        self.iacts.carry(("bank", plane, home), stream.bits, hop=False)
        self._route(plane, home, home, key, stream, in_order)

    def _route(self, plane: int, home: Cluster, at: Cluster, key: StreamKey, stream: Stream,
               destinations: list[Cluster]) -> None:
        """One router: deliver here, and pass on what is for others: in the home's column north and south too."""
        row, col = at
        in_row = [(y, x) for y, x in destinations if y == row]
        onward = {(row, col - 1): [d for d in in_row if d[1] < col], (row, col + 1): [d for d in in_row if d[1] > col]}
        if col == home[1]:
            onward[row - 1, col] = [d for d in destinations if d[0] < row]
            onward[row + 1, col] = [d for d in destinations if d[0] > row]
        if at in destinations:
            self.iacts.carry(("cluster", plane, at), stream.bits, hop=True)
            self.inboxes[at].streams[key] = stream
        for neighbour, further in onward.items():
            if further:
                self.iacts.carry(("link", plane, at, neighbour), stream.bits, hop=True)
                self._route(plane, home, neighbour, key, stream, further)

    def send_weights(self, row: int, key: TileKey, tile: WeightTile, cluster_cols: Iterable[int]) -> None:
        """Into one row of the array, along its chain of routers."""
        destinations = set(cluster_cols)
        col, last = min(destinations), max(destinations)
        self.weights.carry(("off-chip", row, col), tile.bits, hop=False)
        while True:
            if col in destinations:
                self.weights.carry(("pes", row, col), tile.bits, hop=True)
                self.inboxes[row // self.config.pe_rows, col].tiles[row, key] = tile
            if col == last:
                return
            self.weights.carry(("link", row, col, col + 1), tile.bits, hop=True)
            col += 1

    def move_psums(self, lane: PeColumn, bits: int, from_buffer: bool) -> None:
        """`bits` out of the top of a lane's column and, `from_buffer`, as much from the bank there into its bottom."""
        top, bottom = lane.top_row // self.config.pe_rows, lane.bottom_row // self.config.pe_rows
        rows_passed = 1 + bottom - top
        self.psums.carry(("out", top, lane.column), bits, hop=False)
        self.psums.hop_bits += bits * rows_passed
        if from_buffer:
            self.psums.carry(("read", top, lane.column), bits, hop=False)
            self.psums.carry(("in", bottom, lane.column), bits, hop=False)
            self.psums.hop_bits += bits * rows_passed
