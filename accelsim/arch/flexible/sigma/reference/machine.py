"""One GEMM on SIGMA, tick by tick.

Source: docs/machines/sigma.md, section Time. In each cycle the sequencer decides from what is registered, then
everything moves at once: waves under way, the switch to a loaded fold, the load, and the wave that enters. So a
multiplication still sees the stationary value which a load overwrites in the same cycle.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from accelsim.arch.flexible.sigma.config import SigmaConfig
from accelsim.arch.flexible.sigma.reference.controller import Controller, Fold, StationaryGemm
from accelsim.arch.flexible.sigma.reference.flex_dpe import FlexDpe
from accelsim.arch.flexible.sigma.reference.loader import Loader
from accelsim.arch.flexible.sigma.reference.pipeline import FoldPlan, ReductionPipeline, RowSums, Wave
from accelsim.arch.flexible.sigma.reference.traffic import FoldTraffic
from accelsim.arch.machine import Policy


class GemmRun:
    """One GEMM's run on an empty machine. Use it once: `run`, then read what it has counted and computed."""

    def __init__(self, gemm: StationaryGemm, preset: np.ndarray, config: SigmaConfig, policy: Policy) -> None:
        """preset: the accumulators [row, vector] before the run (the bias)."""
        self.config = config
        self.controller = Controller(gemm, config, policy)
        self.folds = self.controller.folds
        self.traffic = FoldTraffic(self.controller, config.data_sram_kbytes)
        self.streaming = gemm.streaming
        self.slots = self.controller.slots
        self.stalls: Counter[str] = Counter()
        self.counts = self.controller.counts
        self.flex_dpes = [FlexDpe(config.multipliers_per_dpe, config.overlap == "load", self.counts)
                          for _ in range(config.flex_dpes)]
        self.loader = Loader(self.flex_dpes, config.bandwidth_words_per_cycle, self.counts)
        self.accumulators = RowSums(preset, self.counts)
        self.pipeline = ReductionPipeline(self.flex_dpes, self.accumulators, self.counts)
        self.entering: Wave | None = None
        self.switching = False
        self.cycles = 0

    def run(self) -> None:
        """Tick until the last sum is accumulated. The sequencer accounts for all slots of each cycle it asks for."""
        for slot_cycles in self._sequence():
            self.cycles += 1
            self.traffic.ledger.tick()
            self.stalls.update(slot_cycles)
            self._clock_edge()
        self.traffic.finish()

    def _clock_edge(self) -> None:
        self.pipeline.advance()
        if self.switching:
            for dpe in self.flex_dpes:
                dpe.switch_registers()
            self.switching = False
        self.loader.advance()
        if self.entering is not None:
            self.pipeline.waves.append(self.entering)
            self.entering = None

    def _sequence(self) -> Iterator[dict[str, int]]:
        """Fold by fold: load, stream, drain. Yields once a cycle, saying where its slots went."""
        loaded = 0
        for index, fold in enumerate(self.folds):
            following = self.folds[index + 1] if index + 1 < len(self.folds) else None
            self.traffic.begin(fold)
            self.loader.start(fold)
            while not self.loader.done:
                yield {"load": self.slots}
            if self.config.overlap == "load":
                self.switching = True
                if following is not None:
                    self.loader.start(following)
            yield from self._stream(fold)
            fillings_before, loaded = loaded // self.slots, loaded + len(fold.values)
            drains = self.config.drain_per_k_tile or loaded // self.slots > fillings_before
            if following is not None and (self.config.overlap == "pipelined" or not drains):
                continue
            if self.config.overlap == "drain" and following is not None:
                self.loader.start(following)
            while self.pipeline.busy:
                yield {"drain": self.slots}

    def _stream(self, fold: Fold) -> Iterator[dict[str, int]]:
        """Every vector one step: its words are sent, and in the cycle of the last ones distributed."""
        plan = FoldPlan.of(fold, self.config.multipliers_per_dpe)
        sources = fold.sources
        per_cycle = len(sources) if self.config.streaming == "unlimited" else self.config.bandwidth_words_per_cycle
        for vector, words in enumerate(self.streaming):
            self.controller.match_sources(fold, vector)
            for first in range(0, len(sources), per_cycle):
                for k in sources[first:first + per_cycle]:
                    self._send(plan, k, int(words[k]))
                if first + per_cycle < len(sources):
                    yield {"bandwidth": self.slots}
            yield self._distribute(plan, vector)

    def _send(self, plan: FoldPlan, k: int, word: int) -> None:
        """One word to all Flex-DPEs; a zero is not in the SRAM but is sent."""
        self.counts["streaming_reads"] += word != 0
        self.counts["words_sent"] += 1
        for dpe, its_plan in zip(self.flex_dpes, plan.flex_dpes, strict=True):
            dpe.receive(its_plan, k, word)

    def _distribute(self, plan: FoldPlan, vector: int) -> dict[str, int]:
        words = [dpe.distribute(its_plan) for dpe, its_plan in zip(self.flex_dpes, plan.flex_dpes, strict=True)]
        self.entering = Wave(plan, vector, words)
        arrived = Counter("unfilled" if word is None else "busy" if word else "streamed_zero"
                          for of_dpe in words for word in of_dpe)
        return dict(arrived)
