"""The fast engine of sparsenn: masks of all vectors at once, phase W by the kernels of the family."""

from collections import Counter
from functools import partial

import numpy as np

from accelsim.arch.broadcast.shared.fast import kernel
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.broadcast.sparsenn.config import SparsennConfig
from accelsim.arch.broadcast.sparsenn.machine import Sparsenn
from accelsim.arch.broadcast.sparsenn.predictor import Factors, factors
from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.recurrences.broadcast import new_broadcast
from accelsim.result.work import PeWork
from accelsim.workload.counting import pattern
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

STALLS, COUNTS = names(Sparsenn.stalls), names(Sparsenn.counts)
VALUE_BITS = 16
ONE_BLOCK = np.zeros(1, np.int64)


def run(layer: Layer, config: SparsennConfig, policy: Policy) -> LayerRun:
    total, work, cycles, predicted = Counter[str](), np.zeros(config.pes, np.int64), 0, 0
    tiles = []
    for index, product in enumerate(kept_products(layer)):
        made = derived(layer, ("sparsenn factors", index, config.predictor, config.rank, config.least_rows),
                       partial(factors, product.matrix, config))
        pe_of_row = assign_rows(policy, product.matrix, config.pes)
        kept = _kept(product, made)
        taken = np.zeros(len(kept), np.int64)
        if made is not None:
            predicted += 1
            taken += _predict(product, made, pe_of_row, config, total)
        work += _rows(product, kept, pe_of_row, config, total, taken)
        cycles += int(taken.sum())
        stored = product.matrix.size + (0 if made is None else made.u.size + made.v.size)
        weights = np.zeros(len(taken), np.int64)
        weights[0] = stored * VALUE_BITS
        inputs, outputs = (np.full(len(taken), VALUE_BITS * n) for n in (product.matrix.shape[1], len(product.matrix)))
        tiles.append(Tiles.of(taken, weights, inputs, outputs))
        total["wrong_zeros"] += _wrong_zeros(product, kept)
    return LayerRun(cycles, config.pes, {name: total[name] for name in STALLS}, {name: total[name] for name in COUNTS},
                    mapping={"predicted": predicted}, tiles=Tiles.joined(tiles), work=PeWork.of(work[None]))


def _kept(product: MatrixProduct, made: Factors | None) -> np.ndarray:
    """[vector, row]: what the predictor keeps."""
    if made is None:
        return np.ones((len(product.vectors), len(product.matrix)), np.bool_)
    kept: np.ndarray = (product.vectors.astype(np.int64) @ made.v.T) @ made.u.T > 0
    return kept


def _predict(product: MatrixProduct, made: Factors, pe_of_row: np.ndarray, config: SparsennConfig,
             total: Counter[str]) -> np.ndarray:
    """Cycles [vector] of phases V and U."""
    rank, pes = len(made.v), config.pes
    present = product.vectors != 0
    own = np.stack([present[:, pe::pes].sum(axis=1) for pe in range(min(pes, present.shape[1]))], axis=1)
    rows = int(np.bincount(pe_of_row).max())
    cycles: np.ndarray = rank * own.max(axis=1) + rank + rank * rows + 2 * config.network_hops
    multiplies = rank * (int(own.sum()) + len(present) * len(pe_of_row))
    total.update({"predict": multiplies, "predictor_macs": multiplies,
                  "predict_wait": pes * int(cycles.sum()) - multiplies})
    return cycles


def _rows(product: MatrixProduct, kept: np.ndarray, pe_of_row: np.ndarray, config: SparsennConfig,
          total: Counter[str], taken: np.ndarray) -> np.ndarray:
    """Phase W: adds to taken[vector] and the totals; multiplications of two non-zeros of each PE."""
    columns, pes = product.matrix.shape[1], config.pes
    lane = kernel.lane_type(columns, len(pe_of_row))
    scan, entries = kernel.room_for_scan(columns, pes, lane), np.empty((columns, pes), np.uint32)
    state = new_broadcast(pes, config.queue_entries, columns, lane)
    cycles = np.empty((1, 1), np.int64)
    useful = np.zeros(pes, np.int64)
    nonzero = product.matrix != 0
    for number, vector in enumerate(pattern(product.vectors)):
        rows = np.bincount(pe_of_row[kept[number]], minlength=pes)
        entries[:] = rows
        sums = kernel.run_vectors(vector[None], False, entries, state, scan, ONE_BLOCK, cycles)
        sent = int(np.count_nonzero(vector))
        presented, empty = sent * int(rows.sum()), sent * int(np.count_nonzero(rows == 0))
        pairs = nonzero[:, vector != 0].sum(axis=1) * kept[number]
        useful += np.bincount(pe_of_row, pairs, minlength=pes).astype(np.int64)
        taken[number] += int(sums.cycles)
        total.update({"empty_column": empty, "starved": int(sums.until_last - sums.back_pressure) - presented - empty,
                      "back_pressure": int(sums.back_pressure), "barrier": int(sums.barrier), "drain": int(sums.drain),
                      "multiplies": presented, "weight_reads": presented, "broadcasts": sent,
                      "zero_weight": presented - int(pairs.sum()), "busy": int(pairs.sum()), "macs": int(pairs.sum()),
                      "kept_rows": int(rows.sum())})
    return useful


def _wrong_zeros(product: MatrixProduct, kept: np.ndarray) -> int:
    exact = product.vectors.astype(np.int64) @ product.matrix.T.astype(np.int64)
    if product.bias is not None:
        exact += product.bias
    return int(np.count_nonzero((exact > 0) & ~kept))
