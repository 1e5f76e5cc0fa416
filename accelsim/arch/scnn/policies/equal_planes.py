"""Equal planes: every PE gets a rectangle of the same size (published)."""

import numpy as np

from accelsim.arch.scnn.planes import Assignment


def equal_planes(nonzeros: np.ndarray, rim: tuple[int, int], grid: tuple[int, int], filters: int) -> Assignment:
    """Tiles of ceil(extent / PEs) rows and columns, the last ones smaller or empty."""
    rows, cols = (_cuts(size, lead, pes) for size, lead, pes in zip(nonzeros.shape, rim, grid, strict=True))
    return Assignment(rows, cols)


def _cuts(size: int, lead: int, pes: int) -> tuple[int, ...]:
    tile = -(-(size + 2 * lead) // pes)
    return tuple(min(max(i * tile - lead, 0), size) for i in range(pes + 1))
