"""The fast engine of DaDianNao: what only it has. Rules: docs/machines/dadiannao.md."""

from collections.abc import Mapping

from accelsim.arch.lanes.dadiannao.config import DadiannaoConfig
from accelsim.arch.lanes.dadiannao.machine import Dadiannao
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.products import space_to_depth
from accelsim.workload.layer import Layer


class DadiannaoEngine(LanesEngine):
    """Bricks of channels; strided layers over images in another form."""

    def folds(self, config: DadiannaoConfig) -> bool:
        return config.space_to_depth

    def as_run(self, layer: Layer, config: DadiannaoConfig) -> Layer:
        return space_to_depth(layer) if config.space_to_depth else layer

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        positions, bricks = run.operands.positions, run.operands.nonzeros.shape[1]
        return {"brick_fetches": positions * len(run.dealt.count) * bricks,
                "bricks_written": positions * -(-run.operands.outputs // task.config.inputs_per_step)}


ENGINE = DadiannaoEngine(Dadiannao)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
