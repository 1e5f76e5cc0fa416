"""What a policy of SCNN (or DCNN) decides; shared by policies and both engines."""

from typing import NamedTuple

import numpy as np

from accelsim.result.work import PeWork


class Assignment(NamedTuple):
    """What a policy decides: in how many parts the output channels are divided, and the plane's cuts.

    There are parts x (len(row_cuts) - 1) x (len(col_cuts) - 1) PEs; every part has all tiles. Tile (i, j) is rows
    row_cuts[i] .. row_cuts[i+1] - 1 and columns likewise, of the input plane without padding.
    """

    parts: int
    row_cuts: tuple[int, ...]
    col_cuts: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, int]:
        """Tiles as (rows, columns)."""
        return len(self.row_cuts) - 1, len(self.col_cuts) - 1

    @property
    def pes(self) -> int:
        """PEs that the assignment uses."""
        return self.parts * self.grid[0] * self.grid[1]

    def on_mesh(self, work: np.ndarray, mesh: tuple[int, int], stalls: tuple[str, ...] = ("busy",)) -> PeWork:
        """work [part, tile] as PEs of the mesh (rows, columns), row by row; those without a tile come last."""
        padded = np.zeros(mesh[0] * mesh[1], np.int64)
        padded[:self.pes] = work.reshape(-1)
        return PeWork.of(padded.reshape(mesh), stalls)
