"""One PE: five scratchpads and a pipeline, cycle by cycle.

Source: Chen et al., JETCAS 2019 [paper]; docs/machines/eyeriss.md, Time of a window in a PE. The address stage looks up
where the column of an input's weights lies, which takes `address_cycles`; the weight stage reads it, a word a cycle. An
input with an empty column goes no further than the address stage. Behind a window's products the PE adds its sums to
those that come up the column. What the other stages do takes `pipeline_stages` - 1 cycles more.
"""

from collections import Counter, deque
from typing import NamedTuple

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.compressed import (
    Segment,
    Stream,
    WeightTile,
    Word,
    segments_of_window,
)
from accelsim.arch.row_stationary.eyeriss.reference.convolution import SlidingAxis
from accelsim.arch.row_stationary.eyeriss.reference.schedule import Strip
from accelsim.errors import ModelError


class LaneSetting(NamedTuple):
    """How the PEs of a lane are configured for a pass. psums: of one window, as the scratchpad is divided."""

    compressed: bool
    cols: SlidingAxis
    filters: int
    psums: int


class PipelineExit(NamedTuple):
    """What leaves the pipeline at cycle `at`: products by filter, or, `products` being None, the end of a window."""

    at: int
    window: int
    products: list[tuple[int, int]] | None


class Pe:
    """A PE in one pass. Windows are numbered over all its items; `stalls` and `counts` add to those of the machine."""

    def __init__(self, config: EyerissConfig, setting: LaneSetting, strip: Strip, stalls: Counter[str],
                 counts: Counter[str]) -> None:
        self.config, self.setting, self.strip, self.stalls, self.counts = config, setting, strip, stalls, counts
        self.begun = self.ended = self.landed = 0  # windows so far: begun, multiplied and added, out of the pipeline
        self._streams: list[Stream | None] = []
        self._iacts: deque[Segment] = deque()
        self._weight_words: tuple[Word, ...] = ()
        self._weight_addresses: tuple[int, ...] = ()
        self._psums: dict[int, list[int]] = {}  # by window
        self._inputs: deque[tuple[int, int]] = deque()  # (weight column, value) of the window, up to the address stage
        self._looking_up = 0  # cycles that the lookup of the first of them still takes
        self._value = 0  # the input in the weight stage
        self._position = 0  # in its column of weights
        self._words: deque[Word] = deque()
        self._cycles_to_add = -(-setting.filters // (config.psum_port_bits // config.psum_bits))  # sums of a window
        self._adding = 0  # how many of these cycles the window still has before it
        self._pipeline: deque[PipelineExit] = deque()

    def load(self, tile: WeightTile, streams: list[Stream | None]) -> None:
        """Take the pass's weights, and the streams that come in item by item (None: a row of padding)."""
        if len(tile.words) > self.config.weight_words:
            raise ModelError(f"a PE got {len(tile.words):,} words of weights, wanted at most "
                             f"{self.config.weight_words:,}; the mapping is not legal")
        self._weight_words, self._weight_addresses, self._streams = tile.words, tile.addresses, streams
        self.counts["weight_writes"] += len(tile.words)

    @property
    def windows(self) -> int:
        """Windows of the pass."""
        return len(self._streams) * self.setting.cols.outputs

    @property
    def _in_batches(self) -> bool:
        """The psum scratchpad is filled, then emptied."""
        return self.config.psum_flush == "batch"

    @property
    def working(self) -> bool:
        """A window is under way."""
        return self.ended < self.begun

    def settle(self, now: int) -> None:
        """Between two cycles: what left the pipeline lands."""
        while self._pipeline and self._pipeline[0].at <= now:
            self._land(self._pipeline.popleft())

    def begin(self) -> None:
        """Between two cycles: the next window begins if the one before has ended and there is room for its sums."""
        if not self.working and self.begun < self.windows and self._room():
            self._begin_window()

    def _begin_window(self) -> None:
        """Slide on by a segment, or fill up for a new item; queue the window's inputs, without zeros if compressed."""
        item, q = divmod(self.begun, self.setting.cols.outputs)
        stream = self._streams[item]
        if stream is not None:
            if q == 0:
                self._iacts.clear()
            else:
                self._iacts.popleft()
            for segment in stream.segments[q + len(self._iacts):q + stream.reach]:
                self._iacts.append(segment)
                self.counts["iact_writes"] += len(segment.entries)
        held: dict[tuple[int, int], int] = {}
        for segment in self._iacts if stream is not None else ():
            held |= segment.decoded(len(self.strip.channels))
        inputs = [held.get((self.setting.cols.met(q, tap), c), 0) for tap in self.strip.taps
                  for c in range(len(self.strip.channels))]
        self._inputs = deque((column, value) for column, value in enumerate(inputs)
                             if value or not self.setting.compressed)
        if self.setting.compressed:
            self.counts["iact_address_reads"] += segments_of_window(self.strip.taps, self.setting.cols)
        self._looking_up = 1  # the cycles before were spent while the sums of the window before moved
        self._psums[self.begun] = [0] * self.setting.filters
        self._adding = self._cycles_to_add
        self.begun += 1

    def _end_window(self, now: int) -> None:
        stages = self.config.pipeline_stages - 1
        if self._in_batches:  # the pipeline is filled again after each stop
            stages += 1
        self._pipeline.append(PipelineExit(now + stages, self.ended, None))
        self.ended += 1

    def _land(self, landing: PipelineExit) -> None:
        if landing.products is None:
            self.landed += 1
            return
        for filter_, product in landing.products:
            self.counts["psum_reads"] += 1
            self.counts["psum_writes"] += 1
            self._psums[landing.window][filter_] += product

    def give_up_sums(self, window: int) -> list[int]:
        """A window's sums, by filter of the tile, on their way out of the scratchpad."""
        sums = self._psums.pop(window)
        self.counts["psum_reads"] += len(sums)
        return sums

    def _room(self) -> bool:
        """One more window's sums fit the psum scratchpad; in batches, it is not being emptied."""
        if self._in_batches and self.begun % (self.config.psum_words // self.setting.psums) == 0:
            return not self._psums
        return (len(self._psums) + 1) * self.setting.psums <= self.config.psum_words

    def tick(self, now: int, column_ended: int) -> None:
        """One cycle. column_ended: windows that every PE of the column has ended so far."""
        if not self.working:
            self.stalls["column" if column_ended <= self._awaited() else "psum"] += self.config.macs_per_pe
            return
        if self._inputs or self._words:
            self._multiply(now)
        else:  # the adders are those of the multipliers
            self._adding -= 1
            self.stalls["psum"] += self.config.macs_per_pe
        if not self._inputs and not self._words and not self._adding:
            self._end_window(now + 1)

    def _multiply(self, now: int) -> None:
        self._address_stage()
        if self._words:
            self._issue(now, self._words.popleft())
        else:
            self.stalls["bubble"] += self.config.macs_per_pe

    def _awaited(self) -> int:
        """The window that keeps the PE waiting: the oldest in the psum scratchpad, at the end of the pass the last; in
        batches the last of the batch."""
        return self.begun - 1 if self._in_batches or self.begun == self.windows else min(self._psums)

    def _address_stage(self) -> None:
        """Look up the first input left: drop it, hand it to the weight stage, or hold it while that one is busy."""
        if not self._inputs:
            return
        if self._looking_up > 1:
            self._looking_up -= 1
            return
        column, value = self._inputs[0]
        words = self._weight_words[self._weight_addresses[column]:self._weight_addresses[column + 1]]
        if words and self._words:
            return
        self._inputs.popleft()
        self._looking_up = self.config.address_cycles if self.setting.compressed else 1
        self.counts["iact_reads"] += 1
        self.counts["weight_address_reads"] += self.setting.compressed
        if words:
            self._value, self._position = value, 0
            self._words.extend(words)

    def _issue(self, now: int, word: Word) -> None:
        """Multiply a word of weights with the input at hand; zeros of dense mode gate the reads and the multipliers."""
        self.counts["weight_reads"] += self._value != 0
        self.stalls["simd_idle"] += self.config.macs_per_pe - len(word)
        products = []
        for filter_, weight in self._with_filters(word):
            self.stalls["busy" if weight * self._value else "ineffectual"] += 1
            gated = weight == 0 if self.setting.compressed else self._value == 0
            self.counts["gated_macs" if gated else "macs"] += 1
            if not gated:
                products.append((filter_, weight * self._value))
        self._pipeline.append(PipelineExit(now + self.config.pipeline_stages, self.begun - 1, products))

    def _with_filters(self, word: Word) -> list[tuple[int, int]]:
        """(filter of the tile, weight) of a word; counts of zeros add up over the words of a column."""
        found = []
        for skipped, weight in word:
            self._position += skipped
            found.append((self._position, weight))
            self._position += 1
        return found
