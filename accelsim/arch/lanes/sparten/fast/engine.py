"""The fast engine of SparTen: what only it has. Rules: docs/machines/sparten.md."""

from collections.abc import Mapping

import numpy as np

from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.traffic import InputPlaces, sums_of
from accelsim.arch.lanes.sparten.config import SpartenConfig
from accelsim.arch.lanes.sparten.machine import Sparten


class SpartenEngine(LanesEngine):
    """SparseMaps with pointers; sums that move between units."""

    def permuted(self, config: SpartenConfig) -> int:
        return config.permute_words_per_cycle

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        operands, busy, chunks = run.operands, run.stalls["busy"], run.operands.nonzeros.shape[1]
        return {"joins": busy, "operand_reads": busy,
                "filter_chunks": operands.outputs * chunks * (len(run.jobs.groups) - 1),
                "input_chunks": operands.positions * len(run.dealt.count) * chunks,
                "permuted_sums": operands.positions * int(run.dealt.moved.sum()),
                "unit_cycles": task.schedule.slots * run.cycles}

    def weight_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> np.ndarray:
        chunks, stored = run.operands.nonzeros.shape[1], sums_of(run, run.operands.nonzeros.sum(axis=1))
        return run.dealt.count * chunks * map_bits(task.config) + stored * task.config.weight_bits

    def input_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> int:
        config: SpartenConfig = task.config
        return (plane.places * -(-plane.channels // config.chunk) * map_bits(config)
                + plane.nonzeros * config.activation_bits)

    def output_bits(self, task: LayerTask, run: ProductRun) -> np.ndarray:
        config, count = task.config, run.dealt.count
        return run.operands.positions * (-(-count // config.chunk) * map_bits(config) + count * config.activation_bits)


def map_bits(config: SpartenConfig) -> int:
    """Of a mask and its pointer."""
    return config.chunk + config.pointer_bits


ENGINE = SpartenEngine(Sparten)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
