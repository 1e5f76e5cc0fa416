"""From a layer and a mapping to the flat arrays that the kernel reads."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout, streams
from accelsim.arch.row_stationary.eyeriss.fast.columns import columns_of, tile_words, words_of
from accelsim.arch.row_stationary.eyeriss.mapping import Tiling
from accelsim.arch.row_stationary.eyeriss.shape import Shape, iact_mask
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class Data(NamedTuple):
    """What the kernel knows of the tensors.

    iacts bool [group, image, row, column, channel]; columns int64 [group, filter tile, row, tap, channel]: words,
    entries and non-zeros of a weight column in bits 0, 8 and 36 on. tile_words, tile_bits int64 [group, filter tile,
    strip]. stream_words, stream_bits, stream_dram_bits int64 [group, channel block, tap block, image, row].
    met int32 [group, image, row, tap, channel]: as `streams.count_met` has them; empty where inputs are skipped.
    """

    iacts: np.ndarray
    columns: np.ndarray
    tile_words: np.ndarray
    tile_bits: np.ndarray
    stream_words: np.ndarray
    stream_bits: np.ndarray
    stream_dram_bits: np.ndarray
    met: np.ndarray


def design_of(config: EyerissConfig) -> layout.Design:
    """What the kernel is told of a config."""
    return layout.Design(
        config.rows, config.cols, config.pe_rows, config.pe_cols, config.cluster_rows, config.cluster_cols,
        config.macs_per_pe, config.pipeline_stages - 1, config.psum_words, config.psum_port_bits // config.psum_bits,
        config.psum_bits, config.glb_iact_banks, config.iact_port_bits, config.weight_port_bits, config.psum_port_bits,
        config.address_cycles, config.network == "flat")


def lower(layer: Layer, shape: Shape, tiling: Tiling, config: EyerissConfig) -> Data:
    """Compress for this mapping; what the next design point on the layer can use is kept."""
    iacts = derived(layer, "eyeriss iacts", lambda: iact_mask(layer, shape))
    columns = derived(layer, ("eyeriss packed", tiling.m0, config.count_bits, config.macs_per_pe),
                      lambda: _packed(layer, tiling.m0, config))
    words, bits = _tiles(layer, shape, tiling, config)
    met = np.zeros((0,) * 5, np.int32)
    if not tiling.compressed:
        met = derived(layer, "eyeriss met", lambda: streams.count_met(iacts, shape))
    return Data(iacts, columns, words, bits, *_streams(iacts, shape, tiling, config), met)


def _packed(layer: Layer, m0: int, config: EyerissConfig) -> np.ndarray:
    nonzeros, entries = columns_of(layer, m0, config.count_bits)
    return streams.pack(nonzeros, entries, config.macs_per_pe)


def _tiles(layer: Layer, shape: Shape, tiling: Tiling, config: EyerissConfig) -> tuple[np.ndarray, np.ndarray]:
    """(words, bits) of every weight tile."""
    filters = _parts(shape.filters, tiling.m0)
    channels, taps = _parts(shape.channels, tiling.c0), _parts(shape.taps, tiling.s0)
    columns = np.repeat(channels[:, None] * taps, shape.rows, axis=0).reshape(-1)  # [strip]
    if tiling.compressed:
        words = tile_words(words_of(layer, tiling.m0, config.count_bits, config.macs_per_pe), tiling.c0, tiling.s0)
        bits = words * config.macs_per_pe * (config.value_bits + config.count_bits) \
            + columns * config.weight_address_bits
        return words, bits
    whole = (shape.groups, tiling.filter_tiles, tiling.strips)
    words = -(-filters // config.macs_per_pe)[:, None] * columns
    bits = filters[:, None] * columns * config.value_bits
    return np.broadcast_to(words, whole).copy("C"), np.broadcast_to(bits, whole).copy("C")


def _streams(iacts: np.ndarray, shape: Shape, tiling: Tiling,
             config: EyerissConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words in a scratchpad, bits on the network, bits in DRAM) of every stream."""
    taps = _parts(shape.taps, tiling.s0)
    touched = _touched(shape, tiling)
    if tiling.compressed:
        words = streams.count_nonzeros(iacts, touched, tiling.c0)
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
    runs = streams.count_runs(iacts, touched, tiling.c0, 1 << config.dram_run_bits)
    return words, bits, runs * (config.value_bits + config.dram_run_bits)


def _touched(shape: Shape, tiling: Tiling) -> np.ndarray:
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
