"""From a layer and a mapping to the flat arrays that the kernels read.

Inputs lie as windows meet them: for every tap of a filter row the input of each output column, padding and stride done
with. Rows of one phase (of the row stride) follow each other, so that the windows of neighbouring output rows do, too.
"""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.columns import WeightColumns, columns_of, tile_words, words_of
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.layout import DesignScalars, strip_parts
from accelsim.arch.row_stationary.eyeriss.fast.streams import count_runs, sum_rows
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, iact_mask
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class MetInputs(NamedTuple):
    """iacts uint8 [group, tap, channel, phase, row x output column]: 1 for a non-zero; met int32 [group, tap, channel,
    phase, row]: how many of a row.

    An output row p of image n and filter row r are at phase filter_rows[r, 0] and row n x rows + p + filter_rows[r, 1].
    """

    iacts: np.ndarray
    met: np.ndarray
    filter_rows: np.ndarray
    rows: int


class LaneData(NamedTuple):
    """What the kernel of the lanes knows of the tensors: `MetInputs` as above, weights uint8 [group, filter tile,
    channel, row, tap]: words, entries and non-zeros of a column. strips: as `strip_parts` has them."""

    iacts: np.ndarray
    met: np.ndarray
    filter_rows: np.ndarray
    rows: int
    words: np.ndarray
    entries: np.ndarray
    nonzeros: np.ndarray
    strips: np.ndarray


class MovedBits(NamedTuple):
    """What the networks know of the tensors, int64: tile_bits [group, filter tile, strip]; bits and dram_bits of
    streams [group, channel block, tap block, image, row]."""

    tile_bits: np.ndarray
    stream_bits: np.ndarray
    stream_dram_bits: np.ndarray


class Lowered(NamedTuple):
    """A layer under a mapping. tile_words, stream_words: as their bits, of a PE's scratchpads."""

    lanes: LaneData
    moved: MovedBits
    tile_words: np.ndarray
    stream_words: np.ndarray


def design_of(config: EyerissConfig) -> DesignScalars:
    """What the kernels are told of a config."""
    return DesignScalars(
        config.rows, config.cols, config.pe_rows, config.pe_cols, config.cluster_rows, config.cluster_cols,
        config.macs_per_pe, config.exit_cycles, config.psum_words, config.psum_port_bits // config.psum_bits,
        config.psum_bits, config.glb_iact_banks, config.iact_port_bits, config.weight_port_bits, config.psum_port_bits,
        config.address_cycles, config.hop_cycles, config.network == "flat", config.psum_flush == "batch")


def lower(layer: Layer, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> Lowered:
    """Compress for this mapping; what the next design point on the layer can use is kept."""
    inputs = derived(layer, "eyeriss inputs", lambda: _met_inputs(iact_mask(layer, shape), shape))
    columns: WeightColumns = columns_of(layer, tiling.m0, config.count_bits)
    words = words_of(layer, tiling.m0, config.count_bits, config.macs_per_pe)
    strips = strip_parts(shape.channels, shape.rows, shape.taps, tiling.c0, tiling.s0)
    held, tile_bits = _tiles(layer, shape, tiling, config)
    stream_words, stream_bits, dram_bits = _streams(layer, shape, tiling, config)
    return Lowered(LaneData(*inputs, words, columns.entries, columns.nonzeros, strips),
                   MovedBits(*map(np.ascontiguousarray, (tile_bits, stream_bits, dram_bits))), held, stream_words)


def _met_inputs(mask: np.ndarray, shape: LayerShape) -> MetInputs:
    """From the mask of inputs [image, group, channel, row, column]."""
    offsets = np.arange(shape.rows) * shape.row_dilation - shape.row_padding  # input rows, of output row 0
    lowest = -shape.row_padding // shape.row_stride
    phases, phase = np.unique(offsets % shape.row_stride, return_inverse=True)
    below = offsets // shape.row_stride - lowest
    rows = shape.out_rows + int(below.max())
    iacts = np.zeros((shape.groups, shape.taps, shape.channels, len(phases), shape.images, rows, shape.out_cols),
                     np.uint8)
    by_group = mask.transpose(1, 2, 0, 3, 4)
    for tap in range(shape.taps):
        cols, x = _inside(shape.out_cols, shape.col_stride, tap * shape.col_dilation - shape.col_padding, shape.width)
        for number, first in enumerate(phases.tolist()):
            at, y = _inside(rows, shape.row_stride, lowest * shape.row_stride + first, shape.height)
            iacts[:, tap, :, number, :, at, cols] = by_group[..., y, x]
    flat = (*iacts.shape[:4], -1)
    return MetInputs(iacts.reshape(flat), sum_rows(iacts.reshape(-1, shape.out_cols)).reshape(flat),
                     np.stack([phase.reshape(-1), below], axis=1).astype(np.int64), rows)


def _inside(count: int, stride: int, offset: int, size: int) -> tuple[slice, slice]:
    """Which i of [0, count) have i x stride + offset in [0, size), and the positions that these are."""
    first = min(count, max(0, -(offset // stride)))
    end = max(first, min(count, -(-(size - offset) // stride)))
    start = first * stride + offset
    return slice(first, end), slice(start, start + (end - first) * stride, stride) if end > first else slice(0, 0)


def _tiles(layer: Layer, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> tuple[np.ndarray, np.ndarray]:
    """(words, bits) of every weight tile."""
    filters = _parts(shape.filters, tiling.m0)
    channels, taps = _parts(shape.channels, tiling.c0), _parts(shape.taps, tiling.s0)
    columns = np.repeat(channels[:, None] * taps, shape.rows, axis=0).reshape(-1)  # [strip]
    if tiling.compressed:
        words = tile_words(layer, (tiling.m0, tiling.c0, tiling.s0), config.count_bits, config.macs_per_pe)
        bits = words * config.macs_per_pe * (config.value_bits + config.count_bits) \
            + columns * config.weight_address_bits
        return words, bits
    whole = (shape.groups, tiling.filter_tiles, tiling.strips)
    words = -(-filters // config.macs_per_pe)[:, None] * columns
    bits = filters[:, None] * columns * config.value_bits
    return np.broadcast_to(words, whole).copy("C"), np.broadcast_to(bits, whole).copy("C")


def _streams(layer: Layer, shape: LayerShape, tiling: LoopTiling,
             config: EyerissConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words in a scratchpad, bits on the network, bits in DRAM) of every stream."""
    taps = _parts(shape.taps, tiling.s0)
    touched = _touched(shape, tiling)
    if tiling.compressed:
        words = _stream_nonzeros(layer, shape, touched, tiling)
        segments = shape.out_cols - 1 + -(-taps // shape.col_stride)
        bits = words * (config.value_bits + config.count_bits) \
            + (segments * config.iact_address_bits)[:, None, None]
    else:
        sizes = _parts(shape.channels, tiling.c0)[:, None] * touched.sum(axis=1)
        whole = (shape.groups, *sizes.shape, shape.images, shape.height)
        words = np.broadcast_to(sizes[:, :, None, None], whole).copy("C")
        bits = words * config.value_bits
    if config.dram_run_bits == 0:
        return words, bits, bits
    runs = count_runs(iact_mask(layer, shape), touched, tiling.c0, 1 << config.dram_run_bits)
    return words, bits, runs * (config.value_bits + config.dram_run_bits)


def _stream_nonzeros(layer: Layer, shape: LayerShape, touched: np.ndarray, tiling: LoopTiling) -> np.ndarray:
    """Non-zeros of every stream: of each channel's rows first, then of channel blocks."""
    def make() -> np.ndarray:
        mask = iact_mask(layer, shape).view(np.uint8)
        each = [mask if columns.all() else np.ascontiguousarray(mask[..., columns]) for columns in touched]
        rows = mask.size // shape.width
        counts = [sum_rows(one.reshape(rows, one.shape[-1])).reshape(mask.shape[:-1]) for one in each]
        return np.stack(counts, axis=3).transpose(1, 2, 3, 0, 4)  # [group, channel, tap block, image, row]

    counts = derived(layer, ("eyeriss input rows", tiling.s0), make)
    return np.add.reduceat(counts, np.arange(0, shape.channels, tiling.c0), axis=1, dtype=np.int64)


def _touched(shape: LayerShape, tiling: LoopTiling) -> np.ndarray:
    """bool [tap block, column]: input columns that some window reads."""
    touched = np.zeros((tiling.tap_blocks, shape.width), bool)
    starts = np.arange(shape.out_cols) * shape.col_stride - shape.col_padding
    for tap in range(shape.taps):
        x = starts + tap * shape.col_dilation
        touched[tap // tiling.s0, x[(x >= 0) & (x < shape.width)]] = True
    return touched


def _parts(size: int, tile: int) -> np.ndarray:
    """Sizes of the tiles of an axis; the last may be smaller."""
    starts = np.arange(0, size, tile)
    return np.minimum(tile, size - starts)
