"""A layer on packed arrays: its products one after the other."""

from collections import Counter

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.notes import notes_of
from accelsim.arch.systolic.column_combining.reference.array import PackedArray
from accelsim.arch.systolic.column_combining.reference.packing import PackedWeights, packed
from accelsim.arch.systolic.column_combining.reference.traffic import PackedTraffic
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "ineffectual", "empty_stream", "unused", "load", "fill", "drain")
COUNTS = ("macs", "dense_macs", "mx_selects", "stationary_reads", "streaming_reads", "operand_moves", "psum_moves",
          "accumulator_writes", "accumulator_reads", "crossbar_words", "outputs_written", "pruned_weights")
MAPPING = ("columns", "groups", "packed_rows", "rows_last_section", "nonzeros_left", "array_tiles")


class PackedRun:
    """What the products of a layer add up to."""

    def __init__(self, layer: Layer, config: ColumnCombiningConfig) -> None:
        self.layer, self.config = layer, config
        self.cycles = 0
        self.stalls, self.counts, self.mapping = Counter[str](), Counter[str](), Counter[str]()
        self.outputs: list[np.ndarray] = []
        self.tiles: list[Tiles] = []
        self.work = np.zeros((config.rows, config.cols), np.int64)

    def add(self, product: MatrixProduct, policy: Policy) -> None:
        matrix, vectors = product.matrix.astype(np.int64), product.vectors.astype(np.int64)
        weights = packed(self.layer.name, matrix, self.config, policy)
        sums = np.zeros((len(vectors), len(matrix)), np.int64)
        if product.bias is not None:
            sums += product.bias
        traffic = PackedTraffic(self.layer, weights, len(vectors), self.config)
        if weights.groups:
            sums[:, weights.rows] = self._run(weights, vectors, sums[:, weights.rows], traffic)
        traffic.end(len(matrix))
        self.counts["outputs_written"] += sums.size
        self.counts["pruned_weights"] += weights.lost
        self.outputs.append(sums)
        self.tiles.append(traffic.ledger.tiles(held_are_weights=True))
        self.mapping.update(columns=sum(map(len, weights.groups)), groups=len(weights.groups),
                            packed_rows=len(weights.rows), rows_last_section=weights.rows_last_section,
                            nonzeros_left=weights.nonzeros_left)

    def _run(self, weights: PackedWeights, vectors: np.ndarray, preset: np.ndarray,
             traffic: PackedTraffic) -> np.ndarray:
        array = PackedArray(weights, vectors, preset, self.config, traffic)
        array.run()
        del array.counts["outputs_written"]  # of packed rows alone
        self.cycles += array.cycle
        self.stalls.update(array.stalls)
        self.counts.update(array.counts)
        if not self.config.row_permutation:
            self.counts["crossbar_words"] += array.counts["streaming_reads"]
        self.work[:array.rows, :array.cols] += array.waits.multiplied
        self.mapping["array_tiles"] += len(array.tiles)
        return array.sums


def run(layer: Layer, config: ColumnCombiningConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output of the weights that are left."""
    layer.check_values()
    whole = PackedRun(layer, config)
    for product in matrix_products(layer):
        whole.add(product, policy)
    return LayerRun(whole.cycles, config.rows * config.cols, {name: whole.stalls[name] for name in STALLS},
                    {name: whole.counts[name] for name in COUNTS}, notes_of(whole.counts["pruned_weights"]),
                    mapping={name: whole.mapping[name] for name in MAPPING}, output=assemble(layer, whole.outputs),
                    tiles=Tiles.joined(whole.tiles), work=PeWork.of(whole.work, ("busy", "ineffectual")))
