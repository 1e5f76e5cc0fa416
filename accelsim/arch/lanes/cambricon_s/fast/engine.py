"""The fast engine of Cambricon-S: what only it has. Rules: docs/machines/cambricon_s.md."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from accelsim.arch.lanes.cambricon_s.config import CambriconSConfig
from accelsim.arch.lanes.cambricon_s.index import shared_index
from accelsim.arch.lanes.cambricon_s.machine import CambriconS
from accelsim.arch.lanes.shared.deal import NOBODY, checked_deal
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.lowering import Dealt, IndexSets, dealt_out, unpacked
from accelsim.arch.lanes.shared.fast.traffic import InputPlaces


class CambriconSEngine(LanesEngine):
    """The index that neighbouring outputs share."""

    def deal_key(self, config: CambriconSConfig) -> int:
        return config.block_outputs

    def least_key(self, config: CambriconSConfig) -> int:
        return config.scan_weights

    def dealt(self, task: LayerTask, operands: IndexSets) -> Dealt:
        schedule, block_outputs = task.schedule, task.config.block_outputs
        deal = checked_deal(task.policy, operands.nonzeros, schedule)
        outputs, starts = in_blocks(deal.outputs[:, 0, 0], schedule.outputs, block_outputs)
        weights, valid = operands.weights[outputs], operands.valid[:, 0]
        kept = np.bitwise_or.reduceat(weights, starts, axis=0)
        if not deal.union and not np.array_equal(kept, np.bitwise_and.reduceat(weights, starts, axis=0)):
            shared_index(task.layer.name, task.group, unpacked(weights, valid), block_outputs, union=False)
        block = np.arange(len(deal.outputs)) * schedule.outputs // block_outputs
        return replace(dealt_out(operands, deal, schedule), slots=kept[block][:, :, None, None], block=block,
                       kept=unpacked(kept, valid))

    def least(self, task: LayerTask, operands: IndexSets, dealt: Dealt) -> np.ndarray | None:
        scanned = task.config.scan_weights
        if not scanned:
            return None
        units = np.arange(0, operands.reduction, task.config.window)
        kept = np.add.reduceat(dealt.kept, units, axis=1, dtype=np.int64)
        return -(-kept[dealt.block] // scanned)

    def counts(self, task: LayerTask, run: ProductRun) -> Mapping[str, int]:
        operands, dealt = run.operands, run.dealt
        return {"selector_scans": operands.positions * len(dealt.count) * operands.reduction,
                "kept_positions": int(dealt.kept.sum())}

    def weight_bits(self, task: LayerTask, run: ProductRun, plane: InputPlaces) -> np.ndarray:
        dealt = run.dealt
        index = np.diff(dealt.block, prepend=-1) > 0  # comes with the first round of its block
        return (dealt.count * dealt.kept.sum(axis=1)[dealt.block] * task.config.weight_bits
                + index * run.operands.reduction)


def in_blocks(dealt: np.ndarray, outputs: int, block_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs in the order of the deal [round, place], and where blocks begin.

    Places without an output repeat the first of their block, which changes no index.
    """
    order = np.full((len(dealt), outputs), NOBODY)
    order[:, :dealt.shape[1]] = dealt
    order = order.reshape(-1)[:np.flatnonzero(order.reshape(-1) != NOBODY)[-1] + 1]
    starts = np.arange(0, len(order), block_outputs)
    for begin in starts:
        block = order[begin:begin + block_outputs]
        block[block == NOBODY] = block[block != NOBODY][0]
    return order, starts


ENGINE = CambriconSEngine(CambriconS)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
