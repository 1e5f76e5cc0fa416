"""SIGMA's GEMMs as tiles for the memory timeline: one per fold. Rules: docs/machines/sigma.md, "DRAM"."""

import numpy as np

from accelsim.arch.flexible.sigma.config import SUM_BITS, WORD_BITS, SigmaConfig
from accelsim.hw.memory.tiles import Tiles


def gemm_tiles(stationary_is_weight: bool, per_k: tuple[np.ndarray, np.ndarray], rows: tuple[int, int],
               folds: tuple[np.ndarray, np.ndarray, np.ndarray], outputs: int, tile_width: int,
               config: SigmaConfig) -> Tiles:
    """Tiles of one GEMM. Of (stationary, streaming): per_k non-zeros of each k, rows. folds: first_fold[tile + 1],
    values[fold] and cycles[fold] of those that are not empty. outputs: set bits of the output bitmap.
    """
    first_fold, values, cycles = folds
    kept = np.flatnonzero(values > 0)
    starts = np.arange(0, len(per_k[0]), tile_width)
    widths = np.diff(starts, append=len(per_k[0]))
    first = np.searchsorted(kept, first_fold[:len(starts)])  # per K tile: the first fold in it or behind it
    home = np.minimum(first, max(0, len(kept) - 1))
    count = max(1, len(kept))
    held = np.zeros(count, np.int64)
    held[:len(kept)] = values[kept] * WORD_BITS
    in_tile = np.add.reduceat(per_k[0], starts) * WORD_BITS
    filled = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))[first_fold[:len(starts) + 1]]
    np.add.at(held, home, in_tile - np.diff(filled) * WORD_BITS + rows[0] * widths)
    operand = np.add.reduceat(per_k[1], starts) * WORD_BITS + rows[1] * widths
    streamed = np.zeros(count, np.int64)
    np.add.at(streamed, home, operand)
    if config.data_sram_kbytes is not None:
        again = np.searchsorted(kept, first_fold[1:len(starts) + 1]) - first - 1  # folds of the tile but the first
        for tile in np.flatnonzero((operand > config.data_sram_kbytes * 8192) & (again > 0)):
            streamed[first[tile] + 1:first[tile] + 1 + again[tile]] += operand[tile]
    written = np.zeros(count, np.int64)
    written[-1] = outputs * SUM_BITS + rows[0] * rows[1]
    sides = (held, streamed) if stationary_is_weight else (streamed, held)
    return Tiles.of(cycles if len(kept) else np.zeros(1, np.int64), *sides, written)
