"""A layer on SIGMA: its GEMMs one after the other, each with the operand that stays."""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.flexible.sigma.reference.controller import Gemm
from accelsim.arch.flexible.sigma.reference.dram import tiles_of, tiles_of_layer
from accelsim.arch.flexible.sigma.reference.machine import Machine
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import TraceError
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "streamed_zero", "unfilled", "bandwidth", "load", "drain")
COUNTS = ("macs", "multiplies", "stationary_reads", "streaming_reads", "words_sent", "dpe_inputs", "switch_traversals",
          "buffer_writes", "buffer_reads", "fan_adds", "dpu_adds", "psum_writes", "psum_reads", "outputs_written",
          "bitmap_bits_read", "bitmap_bits_written", "controller_ors", "controller_ands", "table_entries")
MAPPING = ("gemms_mk_stationary", "gemms_kn_stationary", "folds")


def run(layer: Layer, config: Any, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: a SigmaConfig. policy: (counts[tile, row], slots) -> first[tile, row], the position of the first value of
    each row. mapping: GEMMs by the operand that stayed, and folds.
    Raises TraceError for a pattern-only layer, ModelError when the policy's positions overlap.
    """
    if not layer.has_values:
        raise TraceError(f"layer {layer.name!r} is pattern-only (bool tensors) and has no values to compute with; "
                         "give integer tensors, or use engine='kernel', which needs the pattern alone")
    cycles, stalls, counts, mapping = 0, Counter[str](), Counter[str](), Counter[str]()
    outputs, tiles = [], []
    work = np.zeros((config.flex_dpes, config.multipliers_per_dpe), np.int64)
    for product in matrix_products(layer):
        choice, machine = run_product(product, config, policy)
        cycles += machine.cycles
        stalls.update(machine.stalls)
        counts.update(machine.counts)
        work += [dpe.multiplied for dpe in machine.flex_dpes]
        mapping.update({f"gemms_{choice}_stationary": 1, "folds": len(machine.folds)})
        tiles.append(tiles_of(machine.dram.moved, weights_stay=choice == "mk"))
        sums = machine.accumulators.sums
        outputs.append(sums.T if choice == "mk" else sums)
    return LayerRun(cycles, config.flex_dpes * config.multipliers_per_dpe, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS},
                    mapping={name: mapping[name] for name in MAPPING}, output=assemble(layer, outputs),
                    tiles=tiles_of_layer(tiles, config), work=PeWork.of(work, ("busy", "streamed_zero")))


def run_product(product: MatrixProduct, config: Any, policy: Policy) -> tuple[str, Machine]:
    """The finished machine of one product and which operand stayed; `best` runs both and takes the shorter run."""
    choices = ("mk", "kn") if config.stationary == "best" else (config.stationary,)
    runs = []
    for choice in choices:
        matrix, vectors = product.matrix.astype(np.int64), product.vectors.astype(np.int64)
        preset = np.zeros((len(matrix), len(vectors)), np.int64)
        if product.bias is not None:
            preset += product.bias[:, None]
        gemm, preset = (Gemm(matrix, vectors), preset) if choice == "mk" else (Gemm(vectors, matrix), preset.T)
        machine = Machine(gemm, preset, config, policy)
        machine.run()
        runs.append((choice, machine))
    return min(runs, key=lambda of: of[1].cycles)  # the first of equals
