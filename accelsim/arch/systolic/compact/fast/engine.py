"""The fast engine of CompAct: streams are coded, products run as dense tiles, and both are accounted."""

from collections import Counter

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.compact.config import CompactConfig
from accelsim.arch.systolic.compact.fast.coding import Coded, coded
from accelsim.arch.systolic.compact.machine import Compact
from accelsim.arch.systolic.compact.runs import changes_note
from accelsim.arch.systolic.shared.fast.array import (
    ArrayDesign,
    ProductWork,
    multiplications,
    run_stationary,
    stationary_period,
    tiles_of,
)
from accelsim.arch.systolic.shared.fast.cuts import cuts, in_periods, planes_first_met, stays
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

STALLS, COUNTS = names(Compact.stalls), names(Compact.counts)
SHARED = ("dense_macs", "stationary_reads", "operand_moves", "psum_moves", "accumulator_writes", "accumulator_reads")


def run(layer: Layer, config: CompactConfig, policy: Policy) -> LayerRun:
    """Raises UnsupportedLayerError for a pattern-only layer under a code that depends on values."""
    array = ArrayDesign(config.rows, config.cols, config.double_buffer, min)
    stalls, counts, mapping = (Counter(dict.fromkeys(found, 0)) for found in (STALLS, COUNTS, ("gemms", "runs")))
    cycles, tiles, shares = 0, [], []
    for index, product in enumerate(kept_products(layer)):
        codes = coded(layer, index, product, config, policy)
        (outputs, inputs), vectors = product.matrix.shape, len(product.vectors)
        work = run_stationary(inputs, outputs, vectors, array)
        stalls.update(busy=codes.macs, ineffectual=work.dense_macs - codes.macs, unused=work.unused, load=work.load,
                      fill=work.fill, drain=work.drain)
        counts.update(_counts(codes, work, product, config))
        mapping.update(gemms=1, runs=codes.runs)
        tiles.append(_tiles(layer, product, work, codes.bits, array, config))
        shares.append(multiplications(inputs, outputs, vectors, array, 1))
        cycles += work.cycles
    return LayerRun(cycles, config.rows * config.cols, dict(stalls), dict(counts),
                    changes_note(counts["changed_values"]), dict(mapping), tiles=Tiles.joined(tiles),
                    work=PeWork.of_products(shares, ("busy", "ineffectual")))


def bound_cycles(layer: Layer, config: CompactConfig, run: LayerRun) -> int:
    """No code changes a cycle."""
    return run.cycles


def _counts(codes: Coded, work: ProductWork, product: MatrixProduct, config: CompactConfig) -> dict[str, int]:
    passes = tiles_of(len(product.matrix), config.cols)
    snooze = codes.snooze_cycles * passes
    return {name: getattr(work, name) for name in SHARED} | {
        "macs": codes.macs, "code_reads": codes.codes * passes, "code_bits_read": codes.bits * passes,
        "values_streamed": product.vectors.size * passes, "codes_written": codes.codes,
        "code_bits_written": codes.bits, "snooze_bank_cycles": snooze,
        "awake_bank_cycles": config.rows * work.cycles - snooze,
        "outputs_written": len(product.matrix) * len(product.vectors), "changed_values": codes.changed}


def _tiles(layer: Layer, product: MatrixProduct, work: ProductWork, code_bits: int, array: ArrayDesign,
           config: CompactConfig) -> Tiles:
    """Column tile by column tile, within it ascending K: docs/machines/compact.md, "DRAM"."""
    (outputs, inputs), vectors = product.matrix.shape, len(product.vectors)
    k_cuts, col_cuts = cuts(inputs, min(inputs, config.rows)), cuts(outputs, min(outputs, config.cols))
    depth, width = np.diff(k_cuts), np.diff(col_cuts)
    needed, written = (np.zeros((len(width), len(depth)), np.int64) for _ in "io")
    needed[:] = depth * vectors
    if isinstance(layer, Conv2d):
        images, _, height, across = layer.activation.shape
        taps = layer.weight.shape[2] * layer.weight.shape[3]
        needed[:] = planes_first_met(k_cuts, taps) * (images * height * across)
    if stays(code_bits, config.activation_buffer_kbytes):
        needed[1:] = 0
    written[:, -1] = width * vectors
    period = int(stationary_period(int(depth[0]), vectors, array.cols, array.double_buffer))
    weights, inputs_moved, moved = (words.ravel() * config.value_bits for words in (np.outer(width, depth), needed,
                                                                                   written))
    return Tiles.of(in_periods(work.cycles, needed.size, period), weights, inputs_moved, moved)
