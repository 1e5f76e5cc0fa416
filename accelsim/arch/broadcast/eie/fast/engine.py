"""The fast engine of eie: a layer is lowered, simulated and accounted."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.eie.fast import bound, kernel
from accelsim.arch.broadcast.eie.fast.traffic import column_blocks, product_tiles
from accelsim.arch.broadcast.eie.machine import Eie
from accelsim.arch.broadcast.eie.policies import assign_rows
from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

ONE_BLOCK = np.zeros(1, np.int64)
BATCH_WORK = 1 << 25  # work[step, pe] cells planned at once: bounds memory on convolutions
STALLS = names(Eie.stalls)
COUNTS = ("macs", "padding_entries", "broadcasts", "queue_writes", "pointer_reads", "spmat_row_reads",
          "activation_row_reads", "accumulator_writes", "arithmetic_slots", "pe_cycles")


def run(layer: Layer, config: EieConfig, policy: Policy) -> LayerRun:
    timing, totals, work = np.zeros(5, np.int64), np.zeros(4, np.int64), np.zeros(config.pes, np.int64)
    broadcasts = row_reads = vectors = peak_entries = 0
    tiles: list[Tiles] = []
    for key, product, encoded in encoded_products(layer, config, policy):
        blocks = column_blocks(layer, encoded, config) if config.loads_weights else ONE_BLOCK
        cycles_of: list[np.ndarray] = []
        for steps, reads in batches(layer, product, key, encoded, config.entries_per_row):
            parts, block_cycles = kernel.run_steps(steps, config.queue_entries, blocks)
            timing += parts
            cycles_of.append(block_cycles)
            totals += steps.totals
            work += steps.busy
            broadcasts += len(steps.leave)
            row_reads += reads
        tiles.append(product_tiles(layer, key[0], product, encoded, blocks, np.concatenate(cycles_of), config))
        vectors += len(product.vectors)
        peak_entries = max(peak_entries, int((encoded.first_entry[:, -1] + encoded.entries[:, -1]).max()))
    cycles, starved, back_pressure, barrier, drain = map(int, timing)
    busy, padding, empty, scanned = map(int, totals)
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
                      ) -> Iterator[tuple[tuple[Any, ...], MatrixProduct, kernel.Encoded]]:
    """Each matrix product of `layer` with its encoding, and the key under which what follows from both is kept."""
    products = kept_products(layer)
    for index, product in enumerate(products):
        key = (index, policy, config.pes, config.index_bits)
        yield key, product, derived(layer, ("eie encoded", *key), partial(encode, product, config, policy))


def encode(product: MatrixProduct, config: EieConfig, policy: Policy) -> kernel.Encoded:
    """The matrix (and bias) of `product` as the PEs hold it, rows given out by `policy`."""
    rows = len(product.matrix)
    rows_by_pe, first_row = rows_of_pes(product, config, policy)
    most_rows = int(np.diff(first_row).max(initial=0))
    narrow = next(t for t in (np.uint8, np.uint16, np.uint32) if most_rows <= np.iinfo(t).max)
    bias = bias_column(product)
    shape = (config.pes, product.matrix.shape[1] + bias.shape[1])
    address = np.int32 if rows * shape[1] < np.iinfo(np.int32).max else np.int64
    encoded = kernel.Encoded(np.zeros(shape, narrow), np.zeros(shape, narrow), np.zeros(shape, address))
    kernel.encode_matrix(product.matrix, bias, rows_by_pe, first_row, narrow(config.index_bits), encoded)
    return encoded


def rows_of_pes(product: MatrixProduct, config: EieConfig, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """PE p holds rows_by_pe[first_row[p]:first_row[p + 1]] of the matrix, in that order."""
    pe_of_row = assign_rows(policy, product.matrix, config.pes)
    first_row = np.concatenate(([0], np.cumsum(np.bincount(pe_of_row, minlength=config.pes))))
    return np.argsort(pe_of_row, kind="stable"), first_row


def bias_column(product: MatrixProduct) -> np.ndarray:
    """Non-zeros of the bias, bool [row, 1], or [row, 0] without one."""
    return np.zeros((len(product.matrix), 0), np.bool_) if product.bias is None else (product.bias != 0)[:, None]


def batches(layer: Layer, product: MatrixProduct, key: tuple[Any, ...], encoded: kernel.Encoded,
             entries_per_row: int) -> Iterator[tuple[kernel.Steps, int]]:
    """The steps of a product's vectors and their row reads, a bounded number at a time; one batch alone is kept."""
    has_bias, (count, cols) = product.bias is not None, product.vectors.shape
    size = max(1, BATCH_WORK // ((cols + has_bias) * len(encoded.entries)))
    if count <= size:
        steps = derived(layer, ("eie steps", *key), lambda: kernel.plan_steps(product.vectors, has_bias, encoded))
        reads = derived(layer, ("eie row reads", *key, entries_per_row),
                        lambda: int(kernel.count_row_reads(steps, encoded, entries_per_row)))
        yield steps, reads
        return
    for low in range(0, count, size):
        steps = kernel.plan_steps(product.vectors[low:low + size], has_bias, encoded)
        yield steps, int(kernel.count_row_reads(steps, encoded, entries_per_row))


def bound_cycles(layer: Layer, config: EieConfig, run: LayerRun) -> int:
    return bound.any_row_policy_cycles(layer, config.pes)
