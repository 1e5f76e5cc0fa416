"""The fast engine of Minerva: what only it has. Rules: docs/machines/minerva.md."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from accelsim.arch.lanes.minerva.machine import Minerva
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.workload.derived import derived


class MinervaEngine(LanesEngine):
    """Small activations are gated."""

    def counted(self, task: LayerTask) -> tuple[Hashable, Callable[[np.ndarray], np.ndarray]]:
        smallest = max(1, self.threshold(task))
        return smallest, lambda values: magnitudes(values) >= smallest

    def gates(self, task: LayerTask) -> bool:
        return self.threshold(task) > 0

    def threshold(self, task: LayerTask) -> int:
        """Of the task's layer."""
        layer, config = task.layer, task.config
        if config.kept_share is not None:
            return derived(layer, ("minerva threshold", config.kept_share),
                           lambda: keeping(layer.activation, config.kept_share))
        found: int | Mapping[str, int] = config.threshold
        return found if isinstance(found, int) else found.get(layer.name, 0)

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        reads = int(run.products.found.sum())
        return {"gated_multiplies": run.stalls["gated"], "threshold_compares": reads,
                "sum_updates": run.stalls["busy"] + run.stalls["zero_operand"]}

    def mapping(self, task: LayerTask) -> Mapping[str, Any]:
        return {"threshold": self.threshold(task)}


def magnitudes(values: np.ndarray) -> np.ndarray:
    """Of integers or bools, in a type that has room for that of the smallest integer."""
    found: np.ndarray = np.abs(values.astype(np.int32))
    return found


def keeping(activations: np.ndarray, share: float) -> int:
    """The largest integer such that at least this share of the magnitudes are not below; at least 1."""
    found = np.sort(magnitudes(activations), axis=None)[::-1]
    kept = next(k for k in range(max(1, int(share * found.size) - 1), found.size + 1) if k / found.size >= share)
    return max(1, int(found[kept - 1]))


ENGINE = MinervaEngine(Minerva)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
