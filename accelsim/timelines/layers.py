"""Converts the events of a layer from the machine's own time to the run's: slices are cut where all wait for memory."""

from collections.abc import Sequence

import numpy as np

from accelsim.arch.activity import BEGIN, COUNTER, END, NAME, TIME, TRACK, Activity, Chunk
from accelsim.errors import AccountingError
from accelsim.hw.memory.events import TimeMap
from accelsim.hw.memory.tiles import STALLS
from accelsim.result.result import LayerResult
from accelsim.timelines.chart import Chart, Process, Slices, net


class LayerSketch:
    """Draws one layer into a chart, and counts its slot-cycles on the way."""

    def __init__(self, chart: Chart, activity: Activity, layer: str, stalls: Sequence[str], clock: TimeMap) -> None:
        self.chart, self.activity, self.layer, self.clock = chart, activity, layer, clock
        self.stalls = (*stalls, *STALLS)
        self.tracks = np.concatenate([chart.tracks(Process.UNITS, activity.units),
                                      chart.tracks(Process.PARTS, activity.others)])
        self.slots = np.concatenate([activity.slots, np.zeros(len(activity.others), np.int64)])
        self.names = chart.names((*stalls, *activity.names))
        self.waits = chart.names(STALLS)
        self.counters = chart.tracks(Process.QUEUES, activity.counters)
        self.slot_cycles = np.zeros(len(self.stalls), np.int64)

    def add_waits(self, waits: np.ndarray) -> None:
        """Waits for memory, [wait, (.., stall, begin, end)], of all units."""
        units = len(self.activity.units)
        rows = np.repeat(waits, units, axis=0)
        track = np.tile(np.arange(units), len(waits))
        self.chart.blocks.append(Slices(
            self.tracks[track], self.waits[rows[:, 1]], rows[:, 2], rows[:, 3], np.zeros((len(rows), 0), np.int64), (),
            layer=self.layer, slots=self.slots[track]))
        lengths = (waits[:, 3] - waits[:, 2]) * self.slots[:units].sum()
        np.add.at(self.slot_cycles, len(self.stalls) - len(STALLS) + waits[:, 1], lengths)

    def add(self, chunk: Chunk) -> None:
        """One chunk of the machine's events."""
        stalls, slices = len(self.stalls) - len(STALLS), chunk.slices
        slots = self.slots[slices[:, TRACK]]
        length = slices[:, END] - slices[:, BEGIN]
        pure = (slices[:, NAME] < stalls) & (slots > 0)
        mixed = (slots > 0) & ~pure
        np.add.at(self.slot_cycles, slices[pure, NAME], (length * slots)[pure])
        if mixed.any():
            assert chunk.parts is not None
            if (chunk.parts[mixed].sum(axis=1) != (length * slots)[mixed]).any() or chunk.parts[mixed].min() < 0:
                raise AccountingError(f"layer {self.layer!r}: a timeline's slice has other slot-cycles than its length")
            self.slot_cycles[:stalls] += chunk.parts[mixed].sum(axis=0)
        self._add_pieces(chunk, np.where(pure, slots, np.where(mixed, 0, 1)), length)
        self._add_instants(chunk)

    def _add_pieces(self, chunk: Chunk, slots: np.ndarray, length: np.ndarray) -> None:
        """Slices, each as often as the machine stands still within it, and once more."""
        begin, end = chunk.slices[:, BEGIN], chunk.slices[:, END]
        first = self.clock.segment(begin)
        pieces = self.clock.segment(end - 1) - first + 1
        at = np.repeat(np.arange(len(begin)), pieces)
        piece = np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        segment = first[at] + piece
        ends = np.append(self.clock.begin[1:], np.iinfo(np.int64).max)
        shift = self.clock.shift[segment]
        self.chart.blocks.append(Slices(
            self.tracks[chunk.slices[at, TRACK]], self.names[chunk.slices[at, NAME]],
            np.maximum(begin[at], self.clock.begin[segment]) + shift, np.minimum(end[at], ends[segment]) + shift,
            chunk.labels[at], self.activity.labels, layer=self.layer, slots=slots[at],
            parts=None if chunk.parts is None else chunk.parts[at], part_names=self.stalls[:-len(STALLS)],
            whole=length[at], piece=piece + 1, pieces=pieces[at]))

    def _add_instants(self, chunk: Chunk) -> None:
        changes = chunk.changes.copy()
        changes[:, COUNTER] = self.counters[changes[:, COUNTER]] if len(changes) else 0
        changes[:, TIME] += self.clock.shift[self.clock.segment(changes[:, TIME])]
        self.chart.changes.append(net(changes))
        barriers = chunk.barriers
        self.chart.barriers.append(barriers + self.clock.shift[self.clock.segment(np.maximum(barriers - 1, 0))])

    def check(self, layer: LayerResult) -> None:
        """The slot-cycles of a layer that was drawn whole are those of the result. Raises AccountingError if not."""
        drawn = dict(zip(self.stalls, self.slot_cycles.tolist(), strict=True))
        wrong = {name: (n, layer.stalls.get(name, 0)) for name, n in drawn.items() if layer.stalls.get(name, 0) != n}
        if wrong:
            raise AccountingError(f"layer {layer.name!r}: the timeline's slot-cycles are not the result's: "
                                  f"{wrong}, as (timeline, result)")
