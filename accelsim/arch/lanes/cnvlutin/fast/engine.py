"""The fast engine of Cnvlutin: what only it has. Rules: docs/machines/cnvlutin.md."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsim.arch.lanes.cnvlutin.config import CnvlutinConfig
from accelsim.arch.lanes.cnvlutin.machine import Cnvlutin
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.traffic import InputPlaces
from accelsim.arch.lanes.shared.products import space_to_depth
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul


class CnvlutinEngine(LanesEngine):
    """Bricks with offsets; matrix products, and layers over images, in another form."""

    def design(self, layer: Layer, config: CnvlutinConfig) -> CnvlutinConfig:
        return config.for_products() if isinstance(layer, Matmul) else config

    def folds(self, config: CnvlutinConfig) -> bool:
        return config.space_to_depth

    def as_run(self, layer: Layer, config: CnvlutinConfig) -> Layer:
        return space_to_depth(layer) if config.space_to_depth else layer

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        config, operands = task.config, run.operands
        bricks = operands.lane_units.sum() if config.skip_zeros else operands.reduction // config.neuron_lanes
        return {"brick_fetches": operands.positions * int(bricks),
                "bricks_written": operands.positions * -(-operands.outputs // config.brick)}

    def mapping(self, task: LayerTask) -> Mapping[str, Any]:
        return {"skips": task.config.skip_zeros}

    def input_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> int:
        """Room is kept for every activation, so that zeros take as much as others."""
        if not task.config.skip_zeros:
            return super().input_bits(task, run, plane)
        return plane.places * -(-plane.channels // task.config.brick) * task.config.brick_bits

    def output_bits(self, task: LayerTask, run: ProductRun) -> np.ndarray:
        return run.operands.positions * -(-run.dealt.count // task.config.brick) * task.config.brick_bits


ENGINE = CnvlutinEngine(Cnvlutin)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
