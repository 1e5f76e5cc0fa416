"""The fast engine of eie: a layer is lowered, simulated and accounted."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.fast import bound
from accelsim.arch.broadcast.eie.fast.traffic import column_blocks, product_tiles
from accelsim.arch.broadcast.eie.machine import Eie
from accelsim.arch.broadcast.shared.fast import encoding, kernel
from accelsim.arch.broadcast.shared.fast.encoding import Encoded
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.recurrences.broadcast import new_broadcast
from accelsim.result.work import PeWork
from accelsim.workload.counting import column_nonzeros, pattern
from accelsim.workload.derived import derived, kept
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

ONE_BLOCK = np.zeros(1, np.int64)
STALLS = names(Eie.stalls)
COUNTS = ("macs", "padding_entries", "broadcasts", "queue_writes", "pointer_reads", "spmat_row_reads",
          "activation_row_reads", "accumulator_writes", "arithmetic_slots", "pe_cycles")


class Timing(NamedTuple):
    """The sums of a product's vectors, and block_cycles[vector, block] (see `kernel.run_vectors`)."""

    sums: kernel.Sums
    block_cycles: np.ndarray


class Roomy(NamedTuple):
    """The timing of a run in which no queue of `queue_entries` was ever full."""

    queue_entries: int
    timing: Timing


def run(layer: Layer, config: EieConfig, policy: Policy) -> LayerRun:
    sums, work = np.zeros(len(kernel.Sums._fields), np.int64), np.zeros(config.pes, np.int64)
    padding = empty = occupied = broadcasts = row_reads = scanned = vectors = peak_entries = 0
    tiles: list[Tiles] = []
    for key, product, encoded in encoded_products(layer, config, policy):
        blocks = column_blocks(layer, encoded, config) if config.loads_weights else ONE_BLOCK
        timing = timed(layer, key, product, encoded, config.queue_entries, blocks)
        sums += timing.sums
        times = broadcasts_of(layer, key[0], product)
        shares = derived(layer, ("eie shares", *key), partial(kernel.share_columns, times, encoded))
        work += shares.busy
        padding, empty, occupied = padding + shares.padding, empty + shares.empty_column, occupied + shares.occupied
        broadcasts += int(times.sum())
        row_reads += derived(layer, ("eie row reads", *key, config.entries_per_row),
                             partial(count_row_reads, product, encoded, config.entries_per_row))
        scanned += len(product.vectors) * (-(-product.vectors.shape[1] // config.pes) + (product.bias is not None))
        tiles.append(product_tiles(layer, key[0], product, encoded, blocks, timing.block_cycles, config))
        vectors += len(product.vectors)
        peak_entries = max(peak_entries, int((encoded.first_entry[-1] + encoded.entries[-1]).max()))
    cycles, until_last, back_pressure, barrier, drain, _ = map(int, sums)
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
    parts = [pattern(product.matrix), bias_column(product)][:1 if product.bias is None else 2]
    lane = kernel.lane_type(sum(part.shape[1] for part in parts), int(np.diff(first_row).max()))
    return encoding.encode(parts, rows_by_pe, first_row, config.index_bits, lane)


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
          blocks: np.ndarray) -> Timing:
    """When all vectors of a product run. Where no queue was ever full, deeper ones change nothing."""
    own = ("eie timing", *key, blocks.tobytes())
    roomy = kept(layer, own)
    if roomy is not None and queue_entries >= roomy.queue_entries:
        return roomy.timing
    timing = derived(layer, (*own, queue_entries), partial(run_vectors, product, encoded, queue_entries, blocks))
    if timing.sums.delay == 0:
        derived(layer, own, lambda: Roomy(queue_entries, timing))
    return timing


def run_vectors(product: MatrixProduct, encoded: Encoded, queue_entries: int, blocks: np.ndarray) -> Timing:
    columns, pes = encoded.entries.shape
    state = new_broadcast(pes, queue_entries, columns, encoded.first_entry.dtype)
    block_cycles = np.empty((len(product.vectors), len(blocks)), np.int64)
    scan = kernel.room_for_scan(columns, pes, state.end.dtype)
    sums = kernel.run_vectors(pattern(product.vectors), product.bias is not None, encoded.entries, state, scan, blocks,
                              block_cycles)
    return Timing(sums, block_cycles)


def count_row_reads(product: MatrixProduct, encoded: Encoded, entries_per_row: int) -> int:
    columns, pes = encoded.entries.shape
    readers = kernel.room_for_readers(columns, pes, len(product.vectors))
    reads: int = kernel.count_row_reads(pattern(product.vectors), product.bias is not None, encoded, entries_per_row,
                                        readers)
    return reads


def bound_cycles(layer: Layer, config: EieConfig, run: LayerRun) -> int:
    return bound.any_row_policy_cycles(layer, config.pes)
