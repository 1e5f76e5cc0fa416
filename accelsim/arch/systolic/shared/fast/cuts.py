"""Tiles of a dense array as the memory timeline wants them."""

import numpy as np


def cuts(extent: int, size: int) -> np.ndarray:
    """Where tiles of `size` begin, and the extent."""
    return np.append(np.arange(0, extent, size, dtype=np.int64), extent)


def in_periods(cycles: int, tiles: int, period: int) -> np.ndarray:
    """A period each; the last tile has what fills and empties the array besides."""
    taken = np.full(tiles, period, np.int64)
    taken[-1] = cycles - (tiles - 1) * period
    return taken


def stays(bits: int, kbytes: float | None) -> bool:
    """Whether a buffer of `kbytes`, None for any size, holds them."""
    return kbytes is None or bits <= kbytes * 8192


def planes_first_met(k_cuts: np.ndarray, taps: int) -> np.ndarray:
    """Channels per K tile whose first tap lies in the tile."""
    return np.diff(-(-k_cuts // taps))
