"""From distributed words to accumulated sums: multiply, FAN levels in the Flex-DPEs, FAN levels across them.

Source: docs/machines/sigma.md, sections Reduction and Time. One stage per cycle, one wave (a streamed vector) per
stage. A wave takes its fold's plan along, as waves of two folds can be under way at once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.arch.flexible.sigma.reference import fan
from accelsim.arch.flexible.sigma.reference.controller import Fold
from accelsim.arch.flexible.sigma.reference.flex_dpe import DpePlan, FlexDpe


@dataclass(frozen=True)
class FoldPlan:
    """A fold and how all Flex-DPEs, and the network across them, are configured for it."""

    fold: Fold
    flex_dpes: tuple[DpePlan, ...]
    across: fan.FanSetting

    @classmethod
    def of(cls, fold: Fold, multipliers_per_dpe: int) -> "FoldPlan":
        """The plan of `fold`; its slots are multipliers, `multipliers_per_dpe` to a Flex-DPE."""
        plans = tuple(DpePlan.of(fold.slots[first:first + multipliers_per_dpe])
                      for first in range(0, len(fold.slots), multipliers_per_dpe))
        return cls(fold, plans, fan.configure([plan.clusters for plan in plans]))


class Wave:
    """One streamed vector on its way; `stage` counts the cycles since its distribution."""

    def __init__(self, plan: FoldPlan, vector: int, words: Sequence[Sequence[int | None]]) -> None:
        self.plan, self.vector, self.words = plan, vector, words
        self.stage = 0
        self.inside: list[fan.Row] = []  # of each Flex-DPE
        self.across: fan.Row = {}


class RowSums:
    """The sums [row, vector] so far, preset with the bias."""

    def __init__(self, preset: np.ndarray, counts: Counter[str]) -> None:
        self.sums = preset.astype(np.int64)
        self.written = np.zeros(preset.shape, bool)
        self.counts = counts

    def add(self, row: int, vector: int, number: int) -> None:
        """One write; all but the first of an accumulator read what is there."""
        self.counts["psum_reads"] += bool(self.written[row, vector])
        self.counts["psum_writes"] += 1
        self.sums[row, vector] += number
        self.written[row, vector] = True


class ReductionPipeline:
    """The stages behind the distribution."""

    def __init__(self, flex_dpes: Sequence[FlexDpe], accumulators: RowSums, counts: Counter[str]) -> None:
        self.flex_dpes, self.accumulators, self.counts = flex_dpes, accumulators, counts
        self.inside_levels = fan.level_count(flex_dpes[0].network.ports)
        self.stages = 1 + self.inside_levels + fan.level_count(len(flex_dpes))
        self.waves: list[Wave] = []

    @property
    def busy(self) -> bool:
        return bool(self.waves)

    def advance(self) -> None:
        """One cycle for every wave under way."""
        for wave in self.waves:
            wave.stage += 1
            self._work(wave)
            if wave.stage == self.stages:
                self._accumulate(wave)
        self.waves = [wave for wave in self.waves if wave.stage < self.stages]

    def _work(self, wave: Wave) -> None:
        plans = wave.plan.flex_dpes
        if wave.stage == 1:
            wave.inside = [dpe.multiply(plan, words)
                           for dpe, plan, words in zip(self.flex_dpes, plans, wave.words, strict=True)]
            return
        level = wave.stage - 2
        if level < self.inside_levels:
            for plan, row in zip(plans, wave.inside, strict=True):
                self.counts["fan_adds"] += fan.pass_level(plan.reduction, level, row)
        else:
            self.counts["dpu_adds"] += fan.pass_level(wave.plan.across, level - self.inside_levels, wave.across)
        if level == self.inside_levels - 1:  # the segments' sums are leaves of the network across Flex-DPEs
            wave.across = {("leaf", number, row): total
                           for number, (plan, sums) in enumerate(zip(plans, wave.inside, strict=True))
                           for row, total in fan.read_sums(plan.reduction, sums)}

    def _accumulate(self, wave: Wave) -> None:
        for row, total in fan.read_sums(wave.plan.across, wave.across):
            self.accumulators.add(row, wave.vector, total)
