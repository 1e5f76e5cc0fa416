"""The mapper's search: the weight tiles that fit a PE, each with all lanes, ranked by an estimate.

Tiles are judged by the real non-zeros; see `estimate` for the ranking. The engines use neither.
"""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.columns import tile_words, words_of
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.estimate import TileSizes, estimate, sides_of
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, shape_of
from accelsim.errors import CapacityError
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

M0_EIGHTHS = (8, 6, 4, 3, 2, 1)  # sizes of filter tiles that are tried, in eighths of the psum scratchpad; and those
# of which the psum port takes all sums in a cycle, or one
C0_TRIED = 4  # channel blocks that are tried, the largest first


class TileChoice(NamedTuple):
    """A weight tile that fits a PE, and means over the layer: cycles of a window, bits of a weight tile and a stream.

    All but `compressed` are floats and ints for the search.
    """

    compressed: bool
    m0: int
    c0: int
    s0: int
    window_cycles: float
    tile_bits: float
    stream_bits: float


class Candidate(NamedTuple):
    """A mapping with what it was made from."""

    mapping: RowStationaryMapping
    tile: TileChoice


def candidates(layer: Layer, config: EyerissConfig, most_pes: bool, length: int) -> list[Candidate]:
    """The first `length` of: of every tile choice the best two mappings, one of each `inner`, the fewest estimated
    cycles first. With `most_pes` only those that map the most PEs.

    Raises CapacityError when not even one weight of one filter fits.
    """
    shape = shape_of(layer)
    choices = _tile_choices(layer, shape, config)
    tiles = TileSizes(*np.array([choice[1:] for choice in choices], float).T[:, :, None])
    sides = sides_of(tiles, shape, config)
    cycles = estimate(tiles, sides, shape, config)
    if not np.isfinite(cycles).any():
        per_row, have = shape.out_cols, config.glb_psums
        raise CapacityError(f"layer {layer.name!r}: no mapping fits {config.name!r}: the partial sums of one output "
                            f"row of one filter are {per_row:,} words, the global buffer holds {have:,} (short of "
                            f"{max(0, per_row - have):,}); raise glb_psum_bytes, or give a narrower layer")
    if most_pes:
        pes = np.where(np.isfinite(cycles), sides.pes, 0)
        cycles = np.where(pes == pes.max(), cycles, np.inf)
    whole = np.broadcast_arrays(*sides, cycles[0])[:4]
    place = cycles.argmin(axis=2).T  # [tile choice, inner rows]
    fewest = cycles.min(axis=2).T
    order = np.argsort(fewest, axis=None, kind="stable")[:min(length, np.isfinite(fewest).sum())]
    return [Candidate(_mapping(choices[i], [int(one[i, place[i, inner]]) for one in whole], bool(inner)), choices[i])
            for i, inner in zip(*np.unravel_index(order, fewest.shape), strict=True)]


def _mapping(tile: TileChoice, side: list[int], inner_rows: bool) -> RowStationaryMapping:
    column, row_lanes, filter_lanes, group_lanes = side
    return RowStationaryMapping(
        compressed=tile.compressed, m0=tile.m0, c0=tile.c0, s0=tile.s0, column=column, row_lanes=row_lanes,
        filter_lanes=filter_lanes, group_lanes=group_lanes, inner="rows" if inner_rows else "filters")


def _tile_choices(layer: Layer, shape: LayerShape, config: EyerissConfig) -> list[TileChoice]:
    modes = [False] + [True] * (config.pe == "skip" and not shape.depthwise)
    heights = [config.psum_words * eighths // 8 for eighths in M0_EIGHTHS]
    heights += [config.psum_port_bits // config.psum_bits, 1]
    sizes = {_even(shape.filters, max(1, min(shape.filters, config.psum_words, height))) for height in heights}
    share = derived(layer, "eyeriss iact share", lambda: np.count_nonzero(layer.activation) / layer.activation.size)
    choices = []
    for compressed in modes:
        taps = min(shape.taps, config.iact_words, config.weight_words)
        if compressed:
            taps = min(taps, config.weight_addresses, config.iact_addresses * shape.col_stride)
            if shape.col_stride > 1 << config.count_bits:
                taps = min(taps, 1 << config.count_bits)
        s0 = _even(shape.taps, taps)
        for m0 in sorted(sizes, reverse=True):
            if compressed and m0 <= 2 < max(sizes):
                continue  # columns of so few weights: never better than taller ones, and costly to look at
            choices += _choices_of(layer, shape, config, (compressed, m0, s0), float(share))
    return choices


def _choices_of(layer: Layer, shape: LayerShape, config: EyerissConfig, start: tuple[bool, int, int],
                share: float) -> list[TileChoice]:
    """The channel blocks that go with (compressed, m0, s0), at most C0_TRIED."""
    compressed, m0, s0 = start
    limit = min(shape.channels, config.iact_words // s0)
    if compressed:
        limit = min(limit, config.weight_addresses // s0, (1 << config.count_bits) // min(shape.col_stride, s0))
    sizes = sorted({_even(shape.channels, c) for c in range(1, limit + 1)}, reverse=True)
    touched = min(shape.width, shape.out_cols * min(s0, shape.col_stride) + max(0, s0 - shape.col_stride))
    if compressed:
        segments = shape.out_cols - 1 + -(-s0 // shape.col_stride)
        return [TileChoice(True, m0, c0, s0, share * cycles * c0 * s0, bits,
                           share * touched * c0 * (config.value_bits + config.count_bits)
                           + segments * config.iact_address_bits)
                for c0, cycles, bits in _compressed_tiles(layer, config, (m0, s0), sizes)]
    words = -(-m0 // config.macs_per_pe)
    fits = [c0 for c0 in sizes if c0 * s0 * words <= config.weight_words]
    return [TileChoice(False, m0, c0, s0, float(c0 * s0 * words), float(m0 * c0 * s0 * config.value_bits),
                       float(touched * c0 * config.value_bits)) for c0 in fits[:C0_TRIED]]


def _compressed_tiles(layer: Layer, config: EyerissConfig, tile: tuple[int, int],
                      sizes: list[int]) -> list[tuple[int, float, float]]:
    """(c0, mean cycles of an input, mean bits of a weight tile) of the first C0_TRIED `sizes` that fit with (m0, s0).
    """
    m0, s0 = tile

    def make() -> list[tuple[int, float, float]]:
        words = words_of(layer, m0, config.count_bits, config.macs_per_pe)
        groups, filter_tiles, channels, rows, taps = words.shape
        total, found = int(words.sum(dtype=np.int64)), []
        cycles = int(np.maximum(words, config.address_cycles).sum(dtype=np.int64)) / words.size
        bits = total * config.macs_per_pe * (config.value_bits + config.count_bits)
        most = int(words.max(initial=0))
        for c0 in sizes:
            tiles = groups * filter_tiles * rows * -(-taps // s0) * -(-channels // c0)
            if most * c0 * s0 <= config.weight_words or (
                    total <= tiles * config.weight_words and config.weight_words >= int(tile_words(
                        layer, (m0, c0, s0), config.count_bits, config.macs_per_pe).max())):
                found.append((c0, cycles, (bits + words.size * config.weight_address_bits) / tiles))
            if len(found) == C0_TRIED:
                break
        return found

    key = ("eyeriss tiles", tile, tuple(sizes), config.count_bits, config.macs_per_pe, config.weight_words,
           config.value_bits, config.weight_address_bits, config.address_cycles)
    found: list[tuple[int, float, float]] = derived(layer, key, make)
    return found


def _even(size: int, largest: int) -> int:
    """The smallest tile that needs no more tiles than one of `largest` does."""
    return -(-size // -(-size // largest))
