"""A layer on SIGMA: its GEMMs one after the other, each with the operand that stays."""

from collections import Counter

import numpy as np

from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.flexible.sigma.reference.controller import StationaryGemm
from accelsim.arch.flexible.sigma.reference.machine import GemmRun
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import ConfigError
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "streamed_zero", "unfilled", "bandwidth", "load", "drain")
COUNTS = ("macs", "multiplies", "stationary_reads", "streaming_reads", "words_sent", "dpe_inputs", "switch_traversals",
          "buffer_writes", "buffer_reads", "fan_adds", "dpu_adds", "psum_writes", "psum_reads", "outputs_written",
          "bitmap_bits_read", "bitmap_bits_written", "controller_ors", "controller_ands", "table_entries")
MAX_PORTS = 1024  # of a Benes network: finding the settings of a larger one takes minutes
MAPPING = ("gemms_mk_stationary", "gemms_kn_stationary", "folds")


def run(layer: Layer, config: SigmaConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: a SigmaConfig. policy: (counts[tile, row], slots) -> first[tile, row], the position of the first value of
    each row. mapping: GEMMs by the operand that stayed, and folds.
    Raises TraceError for a pattern-only layer, ConfigError for a Flex-DPE of more than MAX_PORTS multipliers,
    ModelError when the policy's positions overlap.
    """
    layer.check_values()
    if config.multipliers_per_dpe > MAX_PORTS:
        raise ConfigError(f"multipliers_per_dpe is {config.multipliers_per_dpe:,}, and the reference, which sets and "
                          f"passes every switch of a Flex-DPE's Benes network, takes up to {MAX_PORTS:,}; give fewer, "
                          "or use engine='kernel', which has no such limit")
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
        tiles.append(machine.traffic.ledger.tiles(held_are_weights=choice == "mk"))
        sums = machine.accumulators.sums
        outputs.append(sums.T if choice == "mk" else sums)
    return LayerRun(cycles, config.flex_dpes * config.multipliers_per_dpe, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS},
                    mapping={name: mapping[name] for name in MAPPING}, output=assemble(layer, outputs),
                    tiles=Tiles.joined(tiles), work=PeWork.of(work, ("busy", "streamed_zero")))


def run_product(product: MatrixProduct, config: SigmaConfig, policy: Policy) -> tuple[str, GemmRun]:
    """The finished machine of one product and which operand stayed; `best` runs both and takes the shorter run."""
    choices = ("mk", "kn") if config.stationary == "best" else (config.stationary,)
    runs = []
    for choice in choices:
        matrix, vectors = product.matrix.astype(np.int64), product.vectors.astype(np.int64)
        preset = np.zeros((len(matrix), len(vectors)), np.int64)
        if product.bias is not None:
            preset += product.bias[:, None]
        gemm = StationaryGemm(matrix, vectors)
        if choice == "kn":
            gemm, preset = StationaryGemm(vectors, matrix), preset.T
        machine = GemmRun(gemm, preset, config, policy)
        machine.run()
        runs.append((choice, machine))
    return min(runs, key=lambda of: of[1].cycles)  # the first of equals
