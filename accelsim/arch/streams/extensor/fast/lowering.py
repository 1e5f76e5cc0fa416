"""Operands as tiles: elements in loop order, and where fibers, PE tiles, rows of PE tiles and LLB tiles begin."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.shared.products import Fibers


class Tiled(NamedTuple):
    """All int64. k [element]; begins of fibers in elements, of PE tiles in fibers, of groups (the PE tiles of one m1 or
    n1 in an LLB tile) in PE tiles, of LLB tiles in groups, each with the end of the last. k1, bits [PE tile]: its place
    along K, and what it takes without the lists above it; outer [group]: m1 or n1; x2, k2 [LLB tile].
    """

    k: np.ndarray
    fibers: np.ndarray
    tiles: np.ndarray
    groups: np.ndarray
    llbs: np.ndarray
    k1: np.ndarray
    bits: np.ndarray
    outer: np.ndarray
    x2: np.ndarray
    k2: np.ndarray


def tiled(outer: np.ndarray, inner: np.ndarray, config: ExTensorConfig, multiplier: int, k_first: bool) -> Tiled:
    """Tiles of elements at (outer, inner) int64, whose LLB tiles are `multiplier` PE tiles wide along the outer side.

    k_first: LLB tiles are in order of K, then of the other side (A); else the other way round (B).
    """
    side, (_, k_multiplier, _) = config.pe_tile, config.multipliers
    x1, k1 = outer // side, inner // side
    x2, k2 = x1 // multiplier, k1 // k_multiplier
    keys = (k2, x2) if k_first else (x2, k2)
    order = np.lexsort((inner, outer, k1, x1, keys[1], keys[0]))
    outer, inner, x1, k1, x2, k2 = (array[order] for array in (outer, inner, x1, k1, x2, k2))
    llb = _changes(x2, k2)
    group = llb | _changes(x1)
    tile = group | _changes(k1)
    fiber = tile | _changes(outer)
    firsts = np.flatnonzero(fiber)
    lengths = np.diff(np.append(firsts, len(inner)))
    tile_fibers = _begins(tile[fiber])
    own = _lines(lengths, config.coordinate_bits, config) + _lines(lengths, config.value_bits, config)
    count = np.diff(tile_fibers)
    above = _lines(count, config.coordinate_bits, config) + _lines(count, config.pointer_bits, config)
    bits = above + np.diff(np.concatenate([[0], np.cumsum(own)])[tile_fibers])
    return Tiled(inner, _begins(fiber), tile_fibers, _begins(group[tile]), _begins(llb[group]), k1[tile], bits,
                 x1[group], x2[llb], k2[llb])


def _changes(*keys: np.ndarray) -> np.ndarray:
    """Where an element is the first of its kind."""
    first = np.zeros(len(keys[0]), bool)
    first[:1] = True
    for key in keys:
        first[1:] |= key[1:] != key[:-1]
    return first


def _begins(first: np.ndarray) -> np.ndarray:
    return np.append(np.flatnonzero(first), len(first)).astype(np.int64)


def _lines(count: np.ndarray, bits: int, config: ExTensorConfig) -> np.ndarray:
    """Bits of `count` numbers from the begin of a line."""
    return -(-count * bits // config.line_bits) * config.line_bits


def positions(fibers: Fibers) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each element, int64."""
    return np.repeat(np.arange(fibers.count), fibers.lengths), fibers.columns.astype(np.int64)
