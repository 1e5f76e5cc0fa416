"""One pass over one layer: every set in turn, then what the threshold unit and the buffer's banks add."""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.balance import shares
from accelsim.arch.training.procrustes.reference.loops import Loops
from accelsim.arch.training.procrustes.reference.plane_in_space import PlaneInSpace
from accelsim.arch.training.procrustes.reference.sets import weight_sets
from accelsim.arch.training.procrustes.reference.threshold import ThresholdUnit
from accelsim.arch.training.procrustes.reference.tiling import choose_tile
from accelsim.arch.training.procrustes.reference.traffic import PassTraffic
from accelsim.arch.training.procrustes.reference.values import Tensors
from accelsim.arch.training.procrustes.reference.weights_in_space import WeightsInSpace
from accelsim.hw.memory.tiles import Tiles

WORD_BITS = 32
ACCESSES_PER_MAC = 4  # weight, input, sum in, sum out


class TrainingPass:
    """A pass, run once by `run`; then read cycles, stalls (PE-cycles), counts and mapping."""

    def __init__(self, loops: Loops, config: ProcrustesConfig, phase: str) -> None:
        """phase: forward, backward or weight_update. Raises UnsupportedLayerError when no tile fits."""
        self.loops, self.config, self.phase = loops, config, phase
        self.tiling = choose_tile(loops, config, phase)
        self.traffic = PassTraffic(loops, self.tiling, config, phase)
        self.counts = self.traffic.counts
        self.stalls: Counter[str] = Counter()
        self.set_cycles = [0]  # of each set that runs; of the pass where none does
        self.sets_run = 0
        self.work = np.zeros((config.pe_rows, config.pe_cols), np.int64)  # products of each PE

    def run(self, policy: Policy, tensors: Tensors) -> None:
        """Walk all sets, moving the values of `tensors`. Raises ModelError when the policy loses work."""
        kind = PlaneInSpace if self.config.dataflow == "pq" else WeightsInSpace
        array = kind(self.loops, self.tiling, self.config, self.phase, tensors)
        work = []  # array cycles and gradients of each set
        for one, share in self._shared_sets(policy):
            self.traffic.begin_set(one, share)
            cycles, holders = array.walk(one, share, self.traffic)
            self.traffic.end_set(one, holders)
            work.append((cycles, one.kept))
        self.traffic.end_pass()
        self.stalls, self.work = array.stalls, array.products
        self.sets_run = len(work)
        self._count(work)
        self._account_time(work)

    @property
    def cycles(self) -> int:
        """Cycles of the pass."""
        return sum(self.set_cycles)

    @property
    def tiles(self) -> Tiles:
        """The sets that run, with an even share of what the pass moves from and to DRAM."""
        return Tiles.of(self.set_cycles, *(self._spread(WORD_BITS * self.counts[name]) for name in
                                           ("dram_weight_reads", "dram_activation_reads", "dram_writes")))

    def _spread(self, bits: int) -> list[int]:
        n = len(self.set_cycles)
        return [(i + 1) * bits // n - i * bits // n for i in range(n)]

    @property
    def mapping(self) -> dict[str, Any]:
        """What was chosen, with the pass's name in front."""
        tiling = self.tiling
        return {f"{self.phase}_cycles": self.cycles,
                f"{self.phase}_tile": [tiling.lanes, tiling.depth, tiling.words.p, tiling.words.q],
                f"{self.phase}_sets": self.sets_run}

    @property
    def _filters_gradients(self) -> bool:
        return self.phase == "weight_update" and bool(self.config.sparse and self.config.threshold_unit)

    def _shared_sets(self, policy: Policy) -> Any:
        """The sets that have work, each with the PEs' shares; of the others the index alone is read."""
        sets = list(weight_sets(self.loops, self.tiling))
        for one in sets:
            if one.kept == 0:
                self.traffic.read_index(one)
        sets = [one for one in sets if one.kept > 0]
        return zip(sets, shares(sets, self.tiling, self.config, policy), strict=True)

    def _count(self, work: list[tuple[int, int]]) -> None:
        self.counts["macs"] = self.stalls["busy"] + self.stalls["ineffectual"]
        self.counts["register_accesses"] = ACCESSES_PER_MAC * self.counts["macs"]
        if self._filters_gradients:
            self.counts["gradients_filtered"] = sum(gradients for _, gradients in work)
            self.counts["weights_recomputed"] = self.counts["gradients_filtered"]

    def _account_time(self, work: list[tuple[int, int]]) -> None:
        slots = self.config.pe_rows * self.config.pe_cols
        self.set_cycles = [cycles for cycles, _ in work] or [0]
        if self._filters_gradients and work:
            done = ThresholdUnit(self.config.gradients_per_cycle).run(work)
            self.stalls["threshold"] += slots * (done[-1] - sum(self.set_cycles))
            self.set_cycles = [end - begin for begin, end in pairwise([0, *done])]
        if self.config.glb_bound:
            longer = max(0, self.traffic.bank_cycles() - self.cycles)
            self.stalls["glb"] += slots * longer
            self.set_cycles[-1] += longer
