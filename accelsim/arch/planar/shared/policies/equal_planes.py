"""Equal planes: every PE gets a rectangle of the same size (published)."""

import numpy as np

from accelsim.arch.planar.shared.assignment import Assignment


def equal_planes(nonzeros: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int, filters: int) -> Assignment:
    """Tiles of ceil(extent / PEs) rows and columns, the last ones smaller or empty."""
    rows, cols = nonzeros.shape
    return Assignment(1, _cuts(rows, rim[0], pe_rows), _cuts(cols, rim[1], pe_cols))


def _cuts(size: int, lead: int, pes: int) -> tuple[int, ...]:
    tile = -(-(size + 2 * lead) // pes)
    return tuple(min(max(i * tile - lead, 0), size) for i in range(pes + 1))
