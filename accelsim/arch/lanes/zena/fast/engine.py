"""The fast engine of ZeNA: what only it has. Rules: docs/machines/zena.md."""

from collections.abc import Mapping

import numpy as np

from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.traffic import InputPlaces, sums_of
from accelsim.arch.lanes.zena.machine import Zena


class ZenaEngine(LanesEngine):
    """Bit vectors."""

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        operands = run.operands
        return {"segment_joins": operands.positions * operands.outputs * operands.nonzeros.shape[1]}

    def weight_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> np.ndarray:
        stored = sums_of(run, run.operands.nonzeros.sum(axis=1))
        return run.dealt.count * plane.reduction + stored * task.config.weight_bits

    def input_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> int:
        return plane.size + plane.nonzeros * int(task.config.activation_bits)

    def output_bits(self, task: LayerTask, run: ProductRun) -> np.ndarray:
        return run.operands.positions * run.dealt.count * (1 + task.config.activation_bits)


ENGINE = ZenaEngine(Zena)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
