"""Output channels first: PEs divide the filters, and the plane only as far as filters run out."""

import math

import numpy as np

from accelsim.arch.planar.shared.assignment import Assignment
from accelsim.arch.planar.shared.policies.equal_planes import equal_planes


def output_channels_first(nonzeros: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int,
                          filters: int) -> Assignment:
    """As many parts as divide the PEs and do not exceed the filters; each part has all of the plane's tiles."""
    pes = pe_rows * pe_cols
    parts = max(d for d in range(1, min(pes, filters) + 1) if pes % d == 0)
    rest = pes // parts
    rows = max(d for d in range(1, math.isqrt(rest) + 1) if rest % d == 0)
    return equal_planes(nonzeros, rim, rows, rest // rows, filters)._replace(parts=parts)
