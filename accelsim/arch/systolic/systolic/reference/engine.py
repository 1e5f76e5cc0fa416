"""A layer on a systolic array: its matrix products one after the other, each with its dataflow."""

from collections import Counter

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.systolic.config import SystolicConfig
from accelsim.arch.systolic.systolic.reference.output_stationary import OutputStationary
from accelsim.arch.systolic.systolic.reference.stationary import Stationary
from accelsim.arch.systolic.systolic.reference.traffic import DenseSource, TileTraffic, inputs_of
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "ineffectual", "unused", "load", "fill", "drain")
COUNTS = ("macs", "dense_macs", "stationary_reads", "streaming_reads", "operand_moves", "psum_moves",
          "accumulator_writes", "accumulator_reads", "outputs_written")
MAPPING = ("gemms_ws", "gemms_is", "gemms_os")
CANDIDATES = ("ws", "is")  # of `best`; the first wins when equal


def run(layer: Layer, config: SystolicConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: a SystolicConfig. policy: (extent, size) -> tile height along an axis. mapping: products by dataflow.
    Raises TraceError for a pattern-only layer, ModelError when the policy's tiles do not fit the array.
    """
    layer.check_values()
    cycles, stalls, counts, mapping = 0, Counter[str](), Counter[str](), Counter[str]()
    outputs, tiles = [], []
    work = np.zeros((config.rows, config.cols), np.int64)
    for product in matrix_products(layer):
        names = CANDIDATES if config.dataflow == "best" else (config.dataflow,)
        runs = [(name, *run_product(layer, product, config, policy, name)) for name in names]
        name, array, output = min(runs, key=lambda of: of[1].cycle)
        cycles += array.cycle
        stalls.update(array.stalls)
        counts.update(array.counts)
        work[:array.rows, :array.cols] += array.waits.multiplied
        mapping[f"gemms_{name}"] += 1
        outputs.append(output)
        tiles.append(array.traffic.ledger.tiles(held_are_weights=name != "is"))
    return LayerRun(cycles, config.rows * config.cols, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS},
                    mapping={name: mapping[name] for name in MAPPING},
                    output=assemble(layer, outputs), tiles=Tiles.joined(tiles),
                    work=PeWork.of(work, ("busy", "ineffectual")))


def run_product(layer: Layer, product: MatrixProduct, config: SystolicConfig, policy: Policy,
                dataflow: str) -> tuple[Stationary | OutputStationary, np.ndarray]:
    """The finished array of one product and its output [vector, out]."""
    matrix, vectors = product.matrix.astype(np.int64), product.vectors.astype(np.int64)
    preset = np.zeros((len(vectors), len(matrix)), np.int64)
    if product.bias is not None:
        preset += product.bias
    weights, inputs = DenseSource(*matrix.shape), inputs_of(layer, vectors, dataflow)
    held, passed = (inputs, weights) if dataflow == "is" else (weights, inputs)
    traffic = TileTraffic(held, passed, config.data_sram_kbytes)
    if dataflow == "os":
        array: Stationary | OutputStationary = OutputStationary(matrix, vectors, preset, config, policy, traffic)
    elif dataflow == "ws":
        array = Stationary(matrix.T, vectors, preset, config, policy, traffic)
    else:
        array = Stationary(vectors.T, matrix, preset.T, config, policy, traffic)
    array.run()
    return array, array.sums.T if dataflow == "is" else array.sums
