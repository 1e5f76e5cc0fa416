"""SparseNN, tick by tick, on real values. Rules: docs/machines/sparsenn.md."""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix, Entry, PeMemory
from accelsim.arch.broadcast.shared.reference.vector_run import VectorRun
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.broadcast.sparsenn.predictor import Factors, factors
from accelsim.arch.broadcast.sparsenn.reference.phases import PhaseU, PhaseV
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "zero_weight", "predict", "predict_wait", "empty_column", "starved", "back_pressure", "barrier",
          "drain")
COUNTS = ("macs", "weight_reads", "predictor_macs", "multiplies", "broadcasts", "kept_rows", "wrong_zeros")


class _Sums:
    """What adds up over the vectors of a layer."""

    def __init__(self, config: Any) -> None:
        self.config, self.cycles = config, 0
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.work = np.zeros(config.pes, np.int64)
        self.tiles: list[list[int]] = []


def run(layer: Layer, config: Any, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, with the predictor's zeros."""
    layer.check_values()
    sums, outputs, predicted = _Sums(config), [], 0
    for product in matrix_products(layer):
        made, pe_of_row = factors(product.matrix, config), assign_rows(policy, product.matrix, config.pes)
        predicted += made is not None
        stored = product.matrix.size + (0 if made is None else made.u.size + made.v.size)
        results = []
        for number, vector in enumerate(product.vectors):
            since = sums.cycles
            results.append(_vector(product, vector, made, pe_of_row, sums))
            sums.tiles.append([sums.cycles - since, 16 * stored * (number == 0), 16 * len(vector), 16 * len(pe_of_row)])
        outputs.append(np.array(results, np.int64))
    return LayerRun(sums.cycles, config.pes, {name: sums.stalls[name] for name in STALLS},
                    {name: sums.counts[name] for name in COUNTS}, output=assemble(layer, outputs),
                    mapping={"predicted": predicted}, tiles=Tiles.of(*map(list, zip(*sums.tiles, strict=True))),
                    work=PeWork.of(sums.work[None]))


def _vector(product: MatrixProduct, vector: np.ndarray, made: Factors | None, pe_of_row: np.ndarray,
            sums: _Sums) -> list[int]:
    """The phases of one vector; its outputs."""
    config, values = sums.config, [int(value) for value in vector]
    kept = [True] * len(pe_of_row)
    if made is not None:
        first = PhaseV(made.v.tolist(), values, config)
        first.run()
        second = PhaseU(made.u.tolist(), first.sums, pe_of_row.tolist(), config)
        second.run()
        kept = [total > 0 for total in second.sums]
        for phase in (first, second):
            sums.cycles += phase.cycles
            sums.stalls["predict"] += phase.multiplies
            sums.stalls["predict_wait"] += config.pes * phase.cycles - phase.multiplies
            sums.counts["predictor_macs"] += phase.multiplies
    machine = VectorRun(_kept_rows(product.matrix, pe_of_row, kept, config.pes), [v or None for v in values], False,
                        config)
    sums.cycles += machine.run()
    stalls, own = machine.stalls(), machine.counts()
    useful = _useful(machine)
    sums.work += useful
    stalls["zero_weight"] = stalls["busy"] - sum(useful)
    stalls["busy"] = sum(useful)
    sums.stalls += stalls
    sums.counts += Counter(macs=sum(useful), weight_reads=own["spmat_row_reads"], multiplies=own["macs"],
                           broadcasts=own["broadcasts"], kept_rows=sum(kept))
    bias = [0] * len(kept) if product.bias is None else product.bias.tolist()
    exact = [sum(int(w) * v for w, v in zip(row, values, strict=True)) for row in product.matrix]
    sums.counts["wrong_zeros"] += sum(not k and e + b > 0 for k, e, b in zip(kept, exact, bias, strict=True))
    totals = {row: total for memory, pipeline in zip(machine.memories, machine.pipelines, strict=True)
              for row, total in zip(memory.global_rows, pipeline.accumulators.sums, strict=True)}
    return [totals[row] + bias[row] if k else 0 for row, k in enumerate(kept)]


def _kept_rows(matrix: np.ndarray, pe_of_row: np.ndarray, kept: list[bool], pes: int) -> EncodedMatrix:
    """PE memories that hold every weight of the kept rows, zeros too, column by column."""
    weights = sorted({int(weight) for weight in matrix.flat})
    code = {weight: number for number, weight in enumerate(weights, start=1)}
    memories = []
    for pe in range(pes):
        rows = [row for row, owner in enumerate(pe_of_row) if owner == pe and kept[row]]
        entries = [Entry(code[int(matrix[row, column])], 0) for column in range(matrix.shape[1]) for row in rows]
        pointers = [column * len(rows) for column in range(matrix.shape[1] + 1)]
        memories.append(PeMemory(tuple(entries), tuple(pointers), tuple(rows)))
    return EncodedMatrix(tuple(memories), (0, *weights))


def _useful(machine: VectorRun) -> list[int]:
    """Multiplications of each PE by a weight that is not zero."""
    columns = [column for _, column in machine.scanner.pushed]
    codebook = machine.pipelines[0].codebook
    return [sum(codebook[entry.code] != 0 for column in columns
                for entry in memory.entries[memory.pointers[column]:memory.pointers[column + 1]])
            for memory in machine.memories]
