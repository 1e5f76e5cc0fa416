"""SqueezeFlow's tiles for the memory timeline. Rules: docs/machines/squeezeflow.md, "DRAM"."""

import numpy as np

from accelsim.arch.planar.squeezeflow.config import SqueezeFlowConfig
from accelsim.arch.planar.squeezeflow.fast.lowering import CutAxis, SqueezeWork
from accelsim.hw.memory.tiles import Tiles


def tiles(work: SqueezeWork, cycles: np.ndarray, config: SqueezeFlowConfig) -> Tiles:
    """cycles [image, tile]."""
    weights, inputs, outputs = (np.zeros(cycles.shape, np.int64) for _ in "wio")
    all_weights = work.entries * config.entry_bits
    weights[0, 0] = all_weights
    if not _holds(config.weight_buffer_kbytes, all_weights):
        weights[:] = all_weights
    image_words = work.conv.channels * _covered(work.rows) * _covered(work.cols)
    inputs[:, 0] = image_words
    if not _holds(config.input_buffer_kbytes, image_words * config.value_bits):
        inputs[:] = work.conv.channels * work.tile_inputs
    outputs[:] = work.conv.filters * work.tile_outputs
    return Tiles.of(cycles.ravel(), weights.ravel(), inputs.ravel() * config.value_bits,
                    outputs.ravel() * config.value_bits)


def _covered(axis: CutAxis) -> int:
    """Input positions that lie in the plane of any tile; both ends of the planes rise from tile to tile."""
    begin = np.maximum(axis.low, np.concatenate([[0], np.maximum.accumulate(axis.high)[:-1]]))
    return int(np.maximum(0, axis.high - begin).sum())


def _holds(kbytes: float | None, bits: int) -> bool:
    return kbytes is None or bits <= kbytes * 8192
