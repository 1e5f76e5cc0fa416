"""The fast engine of Cambricon-X: what only it has. Rules: docs/machines/cambricon_x.md."""

from collections.abc import Callable, Hashable, Mapping

import numpy as np

from accelsim.arch.lanes.cambricon_x.config import CambriconXConfig
from accelsim.arch.lanes.cambricon_x.fast.kernel import fill_up
from accelsim.arch.lanes.cambricon_x.machine import CambriconX
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.lowering import IndexSets, unpacked
from accelsim.arch.lanes.shared.fast.traffic import InputPlaces, sums_of
from accelsim.workload.derived import derived


class CambriconXEngine(LanesEngine):
    """Steps with fillers."""

    def stored(self, config: CambriconXConfig) -> tuple[Hashable, Callable[[np.ndarray], np.ndarray]]:
        if config.index == "window":
            return super().stored(config)
        return config.index_bits, lambda pattern: with_fillers(pattern, 1 << config.index_bits)

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        stalls = run.stalls
        return {"index_reads": stalls["busy"] + stalls["zero_operand"] + stalls["filler"],
                "fillers": int(run.operands.fillers.sum())}

    def weight_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> np.ndarray:
        config = task.config
        entries = derived(task.layer, ("cambricon_x entries", task.group, config.index_bits),
                          lambda: self._entries(task, run.operands))
        return sums_of(run, entries) * (config.weight_bits + config.index_bits)

    def _entries(self, task: LayerTask, operands: IndexSets) -> np.ndarray:
        """[output]: non-zeros and fillers."""
        if task.config.index == "step4":
            return operands.nonzeros.sum(axis=1) + operands.fillers
        pattern = unpacked(operands.weights, operands.valid[:, 0])
        return with_fillers(pattern, 1 << task.config.index_bits).sum(axis=1, dtype=np.int64)


def with_fillers(pattern: np.ndarray, reach: int) -> np.ndarray:
    """Stored entries of rows [output, L]: the non-zeros, and one at every `reach` indices between them or before."""
    found = np.ascontiguousarray(pattern)
    stored = found.copy()
    fill_up(found.view(np.uint8), reach, stored.view(np.uint8))
    return stored


ENGINE = CambriconXEngine(CambriconX)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
