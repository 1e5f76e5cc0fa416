"""What no division of planes and output channels can beat on DCNN (our own)."""

import numpy as np

from accelsim.arch.planar.scnn.fast.bound import divisions
from accelsim.arch.planar.shared.fast.convolution import Convolution
from accelsim.hw.balance import least_fullest


def any_plane_policy_cycles(conv: Convolution, row_taps: np.ndarray, col_taps: np.ndarray, pes: int, dot_width: int
                            ) -> int:
    """Fewest cycles of all assignments, if every PE's memories held its tile; row_taps [h], col_taps [w]: taps that a
    position meets on each axis.

    A tile's work is that of its rows times that of its columns, so the best grid has the best cuts on both axes.
    """
    blocks = -(-conv.weight.shape[1] // dot_width)
    row_band, col_band = (least_fullest(taps, min(pes, len(taps))) for taps in (row_taps, col_taps))
    return conv.images * blocks * min(
        -(-conv.filters // parts) * int((row_band[rows] * col_band[cols]).min())
        for parts, rows, cols in divisions(pes, conv.filters, (len(row_taps), len(col_taps))))
