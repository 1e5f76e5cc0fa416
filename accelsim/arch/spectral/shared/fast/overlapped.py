"""Engines that overlap transforms with the multipliers, block by block.

Rules: docs/machines/spectral_cnn.md, "Time".
"""

from typing import Any

import numpy as np

from accelsim.arch.spectral.shared.fast.blocks import Blocks
from accelsim.arch.spectral.shared.fast.engine import Cycles, SpectralEngine
from accelsim.arch.spectral.shared.fast.lowering import LoweredGroup


class OverlappedEngine(SpectralEngine):
    """A block takes as long as its slowest part."""

    def other_cycles(self, group: LoweredGroup, blocks: Blocks, config: Any) -> Cycles:
        forth = blocks.tile_groups * group.channels * config.transform_cycles
        back = blocks.tile_groups * blocks.kernels * config.ifft_cycles_per_tile
        beyond = np.maximum(0, np.maximum(forth, back) - blocks.hadamard_cycles)
        fill = np.zeros_like(beyond)
        fill[0] = config.fill_cycles
        return {"fft": np.where(forth >= back, beyond, 0), "ifft": np.where(forth >= back, 0, beyond), "fill": fill}
