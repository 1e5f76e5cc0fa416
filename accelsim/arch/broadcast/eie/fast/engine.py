"""The fast engine of eie: a layer is lowered, simulated and accounted."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.fast import bound, encoding, kernel
from accelsim.arch.broadcast.eie.fast.encoding import Encoded
from accelsim.arch.broadcast.eie.fast.traffic import column_blocks, product_tiles
from accelsim.arch.broadcast.eie.machine import Eie
from accelsim.arch.broadcast.eie.policies import assign_rows
from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.loads import PeWork
from accelsim.recurrences.broadcast import new_broadcast
from accelsim.workload.counting import column_nonzeros, pattern
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

ONE_BLOCK = np.zeros(1, np.int64)
STALLS = names(Eie.stalls)
COUNTS = ("macs", "padding_entries", "broadcasts", "queue_writes", "pointer_reads", "spmat_row_reads",
          "activation_row_reads", "accumulator_writes", "arithmetic_slots", "pe_cycles")


def run(layer: Layer, config: EieConfig, policy: Policy) -> LayerRun:
    timing, work = np.zeros(5, np.int64), np.zeros(config.pes, np.int64)
    padding = empty = occupied = broadcasts = row_reads = scanned = vectors = peak_entries = 0
    tiles: list[Tiles] = []
    for key, product, encoded in encoded_products(layer, config, policy):
        blocks = column_blocks(layer, encoded, config) if config.loads_weights else ONE_BLOCK
        parts, block_cycles = timed(layer, key, product, encoded, config.queue_entries, blocks)
        timing += parts
        times = broadcasts_of(layer, key[0], product)
        shares = derived(layer, ("eie shares", *key), partial(kernel.share_columns, times, encoded))
        work += shares.busy
        padding, empty, occupied = padding + shares.padding, empty + shares.empty_column, occupied + shares.occupied
        broadcasts += int(times.sum())
        row_reads += derived(layer, ("eie row reads", *key, config.entries_per_row),
                             partial(count_row_reads, product, encoded, times, config.entries_per_row))
        scanned += len(product.vectors) * (-(-product.vectors.shape[1] // config.pes) + (product.bias is not None))
        tiles.append(product_tiles(layer, key[0], product, encoded, blocks, block_cycles, config))
        vectors += len(product.vectors)
        peak_entries = max(peak_entries, int((encoded.first_entry[-1] + encoded.entries[-1]).max()))
    cycles, until_last, back_pressure, barrier, drain = map(int, timing)
    busy, starved = int(work.sum()), until_last - occupied - back_pressure
    counts = (busy, padding, broadcasts, broadcasts * config.pes, broadcasts * config.pes, row_reads, scanned,
              busy, busy + padding, config.pes * cycles)
    return LayerRun(
        cycles=cycles, slots=config.pes,
        stalls=dict(zip(STALLS, (busy, padding, empty, starved, back_pressure, barrier, drain), strict=True)),
        counts=dict(zip(COUNTS, counts, strict=True)),
        mapping={"vectors": vectors, "peak_entries_per_pe": peak_entries},
        tiles=Tiles.joined(tiles),
        work=PeWork.of(work[None]),
    )


def encoded_products(layer: Layer, config: EieConfig, policy: Policy
                      ) -> Iterator[tuple[tuple[Any, ...], MatrixProduct, Encoded]]:
    """Each matrix product of `layer` with its encoding, and the key under which what follows from both is kept."""
    products = kept_products(layer)
    for index, product in enumerate(products):
        key = (index, policy, config.pes, config.index_bits)
        yield key, product, derived(layer, ("eie encoded", *key), partial(encode, product, config, policy))


def encode(product: MatrixProduct, config: EieConfig, policy: Policy) -> Encoded:
    """The matrix (and bias) of `product` as the PEs hold it, rows given out by `policy`."""
    rows_by_pe, first_row = rows_of_pes(product, config, policy)
    most_rows, bias = int(np.diff(first_row).max(initial=0)), bias_column(product)
    columns = product.matrix.shape[1] + bias.shape[1]
    encoded = encoding.empty_encoding(columns, config.pes, most_rows, kernel.lane_type(columns, most_rows))
    encoding.encode_matrix(pattern(product.matrix), bias, rows_by_pe, first_row,
                           encoded.entries.dtype.type(config.index_bits), encoded)
    return encoded


def rows_of_pes(product: MatrixProduct, config: EieConfig, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """PE p holds rows_by_pe[first_row[p]:first_row[p + 1]] of the matrix, in that order."""
    pe_of_row = assign_rows(policy, product.matrix, config.pes)
    first_row = np.concatenate(([0], np.cumsum(np.bincount(pe_of_row, minlength=config.pes))))
    return np.argsort(pe_of_row, kind="stable"), first_row


def bias_column(product: MatrixProduct) -> np.ndarray:
    """The pattern of the bias, [row, 1], or [row, 0] without one."""
    return pattern(np.zeros((len(product.matrix), 0), np.bool_) if product.bias is None else product.bias[:, None])


def broadcasts_of(layer: Layer, index: int, product: MatrixProduct) -> np.ndarray:
    """How many vectors broadcast each column of product `index`, bias last."""
    bias = np.full(0 if product.bias is None else 1, len(product.vectors), np.int64)
    return derived(layer, ("eie broadcasts", index), lambda: np.append(column_nonzeros(product.vectors), bias))


def timed(layer: Layer, key: tuple[Any, ...], product: MatrixProduct, encoded: Encoded, queue_entries: int,
          blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`kernel.run_vectors` of a product: its sums, and block_cycles[vector, block]."""

    def make() -> tuple[np.ndarray, np.ndarray]:
        columns, pes = encoded.entries.shape
        state = new_broadcast(pes, queue_entries, columns, encoded.first_entry.dtype)
        block_cycles = np.empty((len(product.vectors), len(blocks)), np.int64)
        sums = kernel.run_vectors(pattern(product.vectors), product.bias is not None, encoded.entries, state, blocks,
                                  block_cycles)
        return sums, block_cycles

    return derived(layer, ("eie timing", *key, queue_entries, blocks.tobytes()), make)


def count_row_reads(product: MatrixProduct, encoded: Encoded, times: np.ndarray, entries_per_row: int) -> int:
    """Sparse-matrix rows that all PEs read for the vectors of a product."""
    first, last = (np.empty_like(encoded.first_entry) for _ in range(2))
    covered = kernel.sram_rows(times, encoded, entries_per_row, first, last)
    register, repeats = (np.empty(first.shape[1], first.dtype) for _ in range(2))
    return int(covered - kernel.count_repeats(pattern(product.vectors), product.bias is not None, first, last, register,
                                              repeats))


def bound_cycles(layer: Layer, config: EieConfig, run: LayerRun) -> int:
    return bound.any_row_policy_cycles(layer, config.pes)
