"""A layer on the array behind its coded buffer: its products one after the other."""

from collections import Counter

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.compact.config import CompactConfig
from accelsim.arch.systolic.compact.reference.codes import CodedStream, coded
from accelsim.arch.systolic.compact.runs import changes_note
from accelsim.arch.systolic.systolic.reference.grid import MovingOperand, entering
from accelsim.arch.systolic.systolic.reference.stationary import Stationary
from accelsim.arch.systolic.systolic.reference.traffic import DenseSource, TileTraffic, inputs_of
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "ineffectual", "unused", "load", "fill", "drain")
COUNTS = ("macs", "dense_macs", "stationary_reads", "code_reads", "code_bits_read", "values_streamed", "codes_written",
          "code_bits_written", "snooze_bank_cycles", "awake_bank_cycles", "operand_moves", "psum_moves",
          "accumulator_writes", "accumulator_reads", "outputs_written", "changed_values")


class CodedArray(Stationary):
    """A weight-stationary array; a bank for each of its rows expands the codes of the input that enters there."""

    def __init__(self, streams: list[CodedStream], matrix: np.ndarray, preset: np.ndarray, config: CompactConfig,
                 traffic: TileTraffic) -> None:
        self.expanded = [stream.expanded for stream in streams]
        values = np.array([[code.value for code, _ in stream] for stream in self.expanded], np.int64)
        super().__init__(matrix.T, values.T, preset, config, min, traffic)
        self.wake_cycles = config.wake_cycles

    def _fed(self, row: int) -> MovingOperand | None:
        found = entering(self.begins, self.cycle - 1 - row, len(self.streamed))
        if found is not None and row < self.tiles[found[0]].inputs.size:
            code, place = self.expanded[self.tiles[found[0]].inputs.first + row][found[1]]
            self.counts["values_streamed"] += 1
            if place == 0:
                self.counts["code_reads"] += 1
                self.counts["code_bits_read"] += code.bits
            else:
                self.counts["snooze_bank_cycles"] += place <= code.length - 1 - self.wake_cycles
        return super()._fed(row)


def run(layer: Layer, config: CompactConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output of the inputs as they are read back."""
    layer.check_values()
    cycles, stalls, counts, mapping = 0, Counter[str](), Counter[str](), Counter(gemms=0, runs=0)
    outputs, tiles = [], []
    work = np.zeros((config.rows, config.cols), np.int64)
    for product in matrix_products(layer):
        vectors = product.vectors.astype(np.int64)
        streams = [coded(vectors[:, k], config, policy) for k in range(vectors.shape[1])]
        array = _array(layer, product, streams, config)
        array.run()
        cycles += array.cycle
        stalls.update(array.stalls)
        counts.update(array.counts)
        counts.update(codes_written=sum(len(stream.codes) for stream in streams),
                      code_bits_written=sum(stream.bits for stream in streams),
                      awake_bank_cycles=config.rows * array.cycle - array.counts["snooze_bank_cycles"],
                      changed_values=int((array.streamed != vectors).sum()))
        mapping.update(gemms=1, runs=sum(stream.runs for stream in streams))
        work[:array.rows, :array.cols] += array.waits.multiplied
        outputs.append(array.sums)
        tiles.append(array.traffic.ledger.tiles(held_are_weights=True))
    return LayerRun(cycles, config.rows * config.cols, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS}, changes_note(counts["changed_values"]), {**mapping},
                    output=assemble(layer, outputs),
                    tiles=Tiles.joined(tiles), work=PeWork.of(work, ("busy", "ineffectual")))


def _array(layer: Layer, product: MatrixProduct, streams: list[CodedStream], config: CompactConfig) -> CodedArray:
    matrix, vectors = product.matrix.astype(np.int64), product.vectors
    preset = np.zeros((len(vectors), len(matrix)), np.int64)
    if product.bias is not None:
        preset += product.bias
    traffic = TileTraffic(DenseSource(*matrix.shape), inputs_of(layer, vectors, "ws"), None,
                          operand_bits=config.value_bits, output_bits=config.value_bits)
    room = config.activation_buffer_kbytes
    traffic.passed_stays = room is None or sum(stream.bits for stream in streams) <= room * 8192
    return CodedArray(streams, matrix, preset, config, traffic)
