"""The fast engine of column combining: products are packed, run as dense tiles, and accounted."""

from collections import Counter

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.fast.lowering import Packed, packed
from accelsim.arch.systolic.column_combining.fast.traffic import product_tiles
from accelsim.arch.systolic.column_combining.machine import ColumnCombining
from accelsim.arch.systolic.column_combining.notes import notes_of
from accelsim.arch.systolic.shared.fast.array import (
    ArrayDesign,
    multiplications,
    run_stationary,
    stationary_cycles,
    tiles_of,
)
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import kept_products

STALLS, COUNTS = names(ColumnCombining.stalls), names(ColumnCombining.counts)


def run(layer: Layer, config: ColumnCombiningConfig, policy: Policy) -> LayerRun:
    """Raises UnsupportedLayerError for weights whose conflicts the design refuses."""
    array = array_of(config)
    stalls, counts, mapping = (Counter(dict.fromkeys(found, 0)) for found in (STALLS, COUNTS, MAPPING))
    cycles, tiles, work = 0, [], []
    for index, product in enumerate(kept_products(layer)):
        found = packed(layer, index, product, config, policy)
        outputs, vectors = len(product.matrix), len(product.vectors)
        taken = _account(found, outputs, vectors, array, config, stalls, counts)
        _map(found, config, mapping)
        tiles.append(product_tiles(layer, found, (outputs, vectors), taken, array, config))
        cycles += taken
        work.append(multiplications(len(found.sizes), found.rows, vectors * config.cycles_per_vector, array, 1)
                    if found.left else (np.zeros(config.rows, np.int64), np.zeros(config.cols, np.int64)))
    return LayerRun(cycles, config.rows * config.cols, dict(stalls), dict(counts), notes_of(counts["pruned_weights"]),
                    dict(mapping), tiles=Tiles.joined(tiles), work=PeWork.of_products(work, ("busy", "ineffectual")))


MAPPING = ("columns", "groups", "packed_rows", "rows_last_section", "nonzeros_left", "array_tiles")


def array_of(config: ColumnCombiningConfig) -> ArrayDesign:
    """The array behind the packing, whose tiles are as high as it is."""
    return ArrayDesign(config.rows, config.cols, config.double_buffer, min)


def _account(found: Packed, outputs: int, vectors: int, array: ArrayDesign, config: ColumnCombiningConfig,
             stalls: Counter[str], counts: Counter[str]) -> int:
    """Adds a product's stalls and counts; its cycles."""
    groups, columns, rows = len(found.sizes), len(found.columns), found.rows
    counts.update(outputs_written=outputs * vectors, pruned_weights=found.pruned)
    if not groups:
        return 0
    stream = config.stream_cycles(vectors)
    on_array = run_stationary(groups, rows, stream, array)
    cells, each = groups * rows, config.cycles_per_vector
    busy = found.macs * each
    stalls.update(busy=busy, ineffectual=cells * vectors * each - busy,
                  empty_stream=cells * (stream - vectors * each), unused=on_array.unused, load=on_array.load,
                  fill=on_array.fill, drain=on_array.drain)
    row_tiles, col_tiles = tiles_of(groups, config.rows), tiles_of(rows, config.cols)
    counts.update(
        macs=found.macs, dense_macs=cells * vectors, mx_selects=int((found.sizes > 1).sum()) * rows * vectors,
        stationary_reads=cells, streaming_reads=columns * vectors * col_tiles, operand_moves=columns * vectors * rows,
        psum_moves=cells * vectors, accumulator_writes=row_tiles * rows * vectors,
        accumulator_reads=(row_tiles - 1) * rows * vectors,
        crossbar_words=0 if config.row_permutation else columns * vectors * col_tiles)
    return on_array.cycles


def _map(found: Packed, config: ColumnCombiningConfig, mapping: Counter[str]) -> None:
    groups, tiles = len(found.sizes), tiles_of(len(found.sizes), config.rows) * tiles_of(found.rows, config.cols)
    mapping.update(columns=len(found.columns), groups=groups, packed_rows=found.rows,
                   rows_last_section=found.last_rows, nonzeros_left=found.left, array_tiles=tiles)


def bound_cycles(layer: Layer, config: ColumnCombiningConfig, run: LayerRun) -> int:
    """Groups cannot be fewer than alpha allows, nor, where no weight may be lost, than the fullest row has weights."""
    cycles = 0
    for product in kept_products(layer):
        nonzero = product.matrix != 0
        columns, in_row = int(nonzero.any(axis=0).sum()), nonzero.sum(axis=1)
        if not columns:
            continue
        groups = max(-(-columns // config.alpha), int(in_row.max()) if config.conflicts == "refuse" else 0)
        height = min(groups, config.rows)
        array_tiles = tiles_of(groups, config.rows) * tiles_of(int((in_row > 0).sum()), config.cols)
        cycles += int(stationary_cycles(array_tiles, height, config.stream_cycles(len(product.vectors)), config.cols,
                                        config.double_buffer))
    return cycles
