"""What no division of planes and output channels can beat on DCNN (our own)."""

from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.lowering import meeting_taps
from accelsim.arch.planar.shared.fast.convolution import PatternConvolution
from accelsim.arch.planar.shared.fast.divisions import divisions
from accelsim.hw.balance import least_fullest


def any_plane_policy_cycles(conv: PatternConvolution, config: DcnnConfig) -> int:
    """Fewest cycles of all assignments, if every PE's memories held its tile.

    A tile's work is that of its rows times that of its columns, so the best grid has the best cuts on both axes.
    """
    blocks = -(-conv.weight.shape[1] // config.dot_width)
    row_taps, col_taps = meeting_taps(conv.rows), meeting_taps(conv.cols)
    row_band, col_band = (least_fullest(taps, min(config.pes, len(taps))) for taps in (row_taps, col_taps))
    return conv.images * blocks * min(
        -(-conv.filters // parts) * int((row_band[rows] * col_band[cols]).min())
        for parts, rows, cols in divisions(config.pes, conv.filters, (len(row_taps), len(col_taps))))
