"""What is counted over a layer, from what its inputs meet: every filter tile, strip and item is in one pass, once."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.lowering import LaneData, Lowered
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape


class Met(NamedTuple):
    """Over all windows and filter tiles of a layer: non-zero inputs, and what their columns hold."""

    inputs: int
    words: int
    entries: int
    products: int


def met_of(data: LaneData, shape: LayerShape, compressed: bool) -> Met:
    """The sums over the layer; of dense mode, where every filter of a tile has its entry and none is skipped, the words
    of non-zero inputs are not among them."""
    met = data.met.reshape(*data.met.shape[:4], shape.images, data.rows)
    inputs = np.stack([met[:, :, :, phase, :, row:row + shape.out_rows].sum(axis=(-2, -1), dtype=np.int64)
                       for phase, row in data.filter_rows.tolist()])  # [filter row, group, tap, channel]

    def total(values: np.ndarray) -> int:
        return int(np.einsum("rgsc,gcrs->", inputs, values.sum(axis=1, dtype=np.int64)))

    found, products = int(inputs.sum()), total(data.nonzeros)
    if not compressed:
        return Met(found, 0, found * shape.filters, products)
    return Met(found, total(data.words), total(data.entries), products)


def layer_counts(lowered: Lowered, met: Met, shape: LayerShape, tiling: LoopTiling,
                 config: EyerissConfig) -> dict[str, int]:
    """The counts of PEs and of the global buffer's partial sums, by name."""
    tiles, windows = tiling.filter_tiles, tiling.items * shape.out_cols
    positions = shape.channels * shape.rows * shape.taps * shape.groups * windows
    sums = shape.groups * shape.filters * windows
    tile_words = -(-tile_filters(shape, tiling) // config.macs_per_pe)  # of a column in dense mode
    loads = sum(min(tiling.row_lanes, items) for items in
                (min(tiling.chunk, tiling.items - first) for first in range(0, tiling.items, tiling.chunk)))
    segments = -(-np.minimum(tiling.s0, shape.taps - np.arange(0, shape.taps, tiling.s0)) // shape.col_stride)
    block_rows = shape.groups * tiling.channel_blocks * shape.rows
    reads = met.inputs * tiles if tiling.compressed else positions * tiles
    macs = met.products if tiling.compressed else met.entries
    gated = met.entries - met.products if tiling.compressed else positions * shape.filters - met.entries
    return {
        "macs": macs, "gated_macs": gated,
        "iact_address_reads": block_rows * tiles * int(segments.sum()) * windows if tiling.compressed else 0,
        "iact_reads": reads, "iact_writes": tiles * _stream_words(lowered.stream_words, shape),
        "weight_address_reads": reads if tiling.compressed else 0,
        "weight_reads": met.words if tiling.compressed else met.inputs * int(tile_words.sum()),
        "weight_writes": int(lowered.tile_words.sum()) * loads,
        "psum_reads": macs + sums * tiling.strips, "psum_writes": macs,
        "psum_passes": sums * (tiling.strips - tiling.steps),
        "glb_psum_reads": sums * (tiling.steps - 1), "glb_psum_writes": sums * (tiling.steps - 1)}


def issued(met: Met, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> tuple[int, int]:
    """(words, entries) that PEs issue: compressed those of non-zero inputs, dense all."""
    if tiling.compressed:
        return met.words, met.entries
    positions = shape.channels * shape.rows * shape.taps * shape.groups * tiling.items * shape.out_cols
    return (positions * int((-(-tile_filters(shape, tiling) // config.macs_per_pe)).sum()),
            positions * shape.filters)


def tile_filters(shape: LayerShape, tiling: LoopTiling) -> np.ndarray:
    """Filters of each tile."""
    return np.minimum(tiling.m0, shape.filters - np.arange(0, shape.filters, tiling.m0))


def _stream_words(words: np.ndarray, shape: LayerShape) -> int:
    """Words of the streams [..., row], each as often as an output row meets its input row."""
    y = np.arange(shape.out_rows)[:, None] * shape.row_stride \
        + np.arange(shape.rows) * shape.row_dilation - shape.row_padding
    met = np.bincount(y[(y >= 0) & (y < shape.height)], minlength=shape.height)
    return int(words.reshape(-1, shape.height).sum(axis=0) @ met)
