"""What memory does when: waits between tiles, requests, and each machine's own time within the run's.

All of it are times of `accelsim.hw.memory.timeline`; rules: docs/memory.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from accelsim.arch.config import ArchConfig
from accelsim.hw.memory.overlay import Work, work_of
from accelsim.hw.memory.tiles import Tiles
from accelsim.hw.memory.timeline import Times, run_timeline

WEIGHTS, ACTIVATIONS, WRITEBACK = range(3)  # of overlay.STALLS
QUEUES = ("weights", "activations", "outputs")
PARTS = 1000  # of a cycle, in which the channel's times are given
# of requests[request]: queue and its buffer, layer and tile of the layer, asked for and done (cycles), from when to
# when the channel moves it (1 / PARTS cycles, rounded down), bits in whole bursts
QUEUE, BUFFER, LAYER, TILE, ASKED, DONE, MOVED_FROM, MOVED_UNTIL, BITS = range(9)


class TimeMap(NamedTuple):
    """A layer's machine stands still while it waits. From begin[segment] on, in cycles of the machine alone, the run is
    ahead by shift[segment].
    """

    begin: np.ndarray
    shift: np.ndarray

    def segment(self, time: np.ndarray) -> np.ndarray:
        """The segment in which the cycle `time` of the machine alone lies."""
        return np.maximum(np.searchsorted(self.begin, time, side="right") - 1, 0)

    def run(self, time: int) -> int:
        """The run's time at which `time` cycles of the machine alone are over."""
        return time + int(self.shift[self.segment(np.array([max(0, time - 1)]))[0]])

    def alone(self, time: int) -> int:
        """Cycles of the machine alone that lie before the run's cycle `time`."""
        ends = np.append(self.begin[1:], np.iinfo(np.int64).max)
        inside = np.clip(time - self.shift, self.begin, ends)
        return int(inside[np.flatnonzero(inside > self.begin)[-1]]) if (inside > self.begin).any() else 0


@dataclass(frozen=True)
class MemoryEvents:
    """clocks[layer]; waits [wait, (layer, stall, begin, end)] in order of time, stalls by index into overlay.STALLS;
    pieces [piece, (layer, begin, end)]: whose cycles they are, in order of time; requests [request, QUEUE ..], queue by
    queue.
    """

    clocks: Sequence[TimeMap]
    waits: np.ndarray
    pieces: np.ndarray
    requests: np.ndarray


def without_memory(cycles: Sequence[int]) -> MemoryEvents:
    """Layers of so many cycles, one after the other."""
    begins = np.concatenate([[0], np.cumsum(np.array(cycles, np.int64))])
    clocks = [TimeMap(np.zeros(1, np.int64), begins[i:i + 1]) for i in range(len(cycles))]
    pieces = np.stack([np.arange(len(cycles)), begins[:-1], begins[1:]], axis=1)
    return MemoryEvents(clocks, np.zeros((0, 4), np.int64), pieces[pieces[:, 2] > pieces[:, 1]],
                        np.zeros((0, 9), np.int64))


def with_memory(tiles: Sequence[Tiles | None], names: Sequence[str], edges: Sequence[tuple[str, str]],
                config: ArchConfig) -> MemoryEvents:
    """The events of `overlay.overlay` with the fast timeline; same arguments, same errors."""
    work = work_of(tiles, names, edges, config, "kernel")
    times = run_timeline(work.schedule(), work.channel, config.buffering)
    layer_of = np.repeat(np.arange(len(names)), np.diff(work.bounds))
    clocks = [_clock(work, times, slice(a, b)) for a, b in pairwise(work.bounds)]
    waits = _waits(work, times, layer_of)
    computes = np.stack([layer_of, times.start, times.end], axis=1)
    return MemoryEvents(clocks, waits, _merged(np.concatenate([computes, waits[:, [0, 2, 3]]])),
                        _requests(work, times, layer_of, config.buffering))


def _clock(work: Work, times: Times, tiles: slice) -> TimeMap:
    """The clock of the layer that has these tiles: each one's load, and the rest of it."""
    load, cycles = work.load_cycles[tiles], work.compute_cycles[tiles]
    parts = np.column_stack([load, cycles - load]).reshape(-1)
    start = np.column_stack([times.start[tiles], times.loaded[tiles]]).reshape(-1)
    alone = np.cumsum(parts) - parts
    real = parts > 0
    begin, shift = alone[real], (start - alone)[real]
    if not len(begin):
        return TimeMap(np.zeros(1, np.int64), start[:1] if len(start) else np.zeros(1, np.int64))
    moved = np.concatenate([[True], shift[1:] != shift[:-1]])
    return TimeMap(begin[moved], shift[moved])


def _waits(work: Work, times: Times, layer_of: np.ndarray) -> np.ndarray:
    """Each tile's wait by cause, in order of time; whose they are as in `overlay`."""
    tiles = len(layer_of)
    if not tiles:
        return np.zeros((0, 4), np.int64)
    ends = np.concatenate([[0], times.end[:-1]])[:, None] + np.cumsum(times.waits, axis=1)
    owner = np.repeat(layer_of[:, None], 4, axis=1)
    first = np.flatnonzero(np.diff(layer_of, prepend=-1))
    owner[first[1:], 1] = layer_of[first[1:] - 1]  # the layer before still drains
    stall = np.broadcast_to([WEIGHTS, WRITEBACK, ACTIVATIONS, WRITEBACK], owner.shape)
    waits = np.stack([owner, stall, ends - times.waits, ends], axis=2).reshape(-1, 4)
    loads = np.column_stack([layer_of, np.full(tiles, WEIGHTS), times.start + work.load_cycles, times.loaded])
    last = [[layer_of[-1], WRITEBACK, times.end[-1], times.written[-1]]]
    waits = np.concatenate([waits, loads, last])
    waits = waits[waits[:, 3] > waits[:, 2]]
    return waits[np.argsort(waits[:, 2], kind="stable")]


def _merged(pieces: np.ndarray) -> np.ndarray:
    """pieces[piece, (layer, begin, end)] in order of time, neighbours of one layer as one."""
    pieces = pieces[pieces[:, 2] > pieces[:, 1]]
    pieces = pieces[np.argsort(pieces[:, 1], kind="stable")]
    if not len(pieces):
        return pieces
    begins = np.flatnonzero(np.diff(pieces[:, 0], prepend=-1))
    ends = np.maximum.reduceat(pieces[:, 2], begins)  # a wait inside a load ends before its tile does
    return np.stack([pieces[begins, 0], pieces[begins, 1], ends], axis=1)


def _requests(work: Work, times: Times, layer_of: np.ndarray, buffering: int) -> np.ndarray:
    queue, tile = np.nonzero(work.bits)
    cycles, ticks = np.divmod(times.moved[queue, tile], work.channel.cycle_ticks)
    moved = cycles * PARTS + ticks * PARTS // work.channel.cycle_ticks
    in_layer = tile - np.array(work.bounds, np.int64)[layer_of[tile]]
    return np.column_stack([queue, tile % buffering, layer_of[tile], in_layer, times.asked[queue, tile],
                            times.there[queue, tile], moved, work.bits[queue, tile]]).astype(np.int64)
