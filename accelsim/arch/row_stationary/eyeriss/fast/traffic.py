"""What moves between DRAM and the chip, pass by pass."""

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.hw.memory.tiles import Tiles


def fetched(tiling: LoopTiling, config: EyerissConfig, loads: np.ndarray) -> np.ndarray:
    """int64 [pass, (network's form, DRAM's form)]: bits of inputs that each pass fetches."""
    if loads[:, layout.NEW_BITS].sum() <= config.glb_iact_bits:
        return loads[:, [layout.NEW_BITS, layout.NEW_DRAM_BITS]]
    chunks = loads[:, layout.CHUNK_BITS].reshape(-1, tiling.steps).sum(axis=1)
    stays = np.repeat(chunks <= config.glb_iact_bits, tiling.steps)[:, None]
    return np.where(stays, loads[:, [layout.CHUNK_BITS, layout.CHUNK_DRAM_BITS]],
                    loads[:, [layout.STREAM_BITS, layout.STREAM_DRAM_BITS]])


def tiles(cycles: tuple[np.ndarray, np.ndarray], loads: np.ndarray, iact_bits: np.ndarray,
          output_bits: np.ndarray) -> Tiles:
    """A tile is a pass; cycles = (all, the first of them in which weights may come in)."""
    return Tiles.of(cycles[0], loads[:, layout.WEIGHT_BITS], iact_bits, output_bits, cycles[1])
