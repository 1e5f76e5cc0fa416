"""A run as a timeline: every unit's states, what else moves, DMA and DRAM, by exact times. Rules: docs/timeline.md.

The times come from the machine (`Machine.events`) and, for waits of the whole machine, from the memory timeline. Here
both are converted to the run's own time, cut to the window asked for, and compared with the stalls of the result.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accelsim import __version__
from accelsim.arch.activity import Window
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.arguments import items, whole
from accelsim.errors import ConfigError, shown
from accelsim.hw.memory import events as memory
from accelsim.result.result import LayerResult, Result
from accelsim.simulation import blaming, find_policy
from accelsim.timelines import trace_event
from accelsim.timelines.chart import Chart, Process
from accelsim.timelines.layers import LayerSketch
from accelsim.timelines.memory import ASKED, MOVED, draw_layers, draw_requests
from accelsim.yaml import did_you_mean

LIMIT = 250_000  # events: a file of some 30 MB; viewers become slow beyond a few times that

Cycles = tuple[int | None, int | None]


@dataclass(frozen=True)
class Timeline:
    """What happens in the cycles begin .. end - 1 of a run.

    cut: whether events from `end` on were left out for want of room (`limit`). chart: what is drawn.
    """

    result: Result
    layer: str | None
    begin: int
    end: int
    cut: bool
    limit: int
    chart: Chart

    @property
    def events(self) -> int:
        """Slices, levels of counters and barriers."""
        return self.chart.events

    @property
    def summary(self) -> str:
        """What is drawn, and how to see what is not."""
        text = f"{self.events:,} events, cycles {self.begin:,} to {self.end:,} of {self.result.cycles:,}"
        if not self.cut:
            return text
        return (f"{text}; what follows was left out, at the limit of {self.limit:,} events: choose cycles "
                "(--timeline-window A:B) or a layer (--timeline-layer NAME), or raise --timeline-limit")

    def to_dict(self) -> dict[str, Any]:
        """The trace-event object."""
        return trace_event.as_dict(self.chart, self._about())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace-event file, whole or not at all. Raises ConfigError when it cannot be written."""
        return trace_event.write(self.chart, self._about(), Path(path))

    def _about(self) -> dict[str, Any]:
        result = self.result
        layers = [layer for layer in result.layers if self.layer in (None, layer.name)]
        return {
            "made_by": f"accelsim {__version__}", "unit": "1 us is 1 cycle", "clock_mhz": result.config.clock_mhz,
            "arch": result.arch, "kind": result.config.kind, "policy": result.policy, "trace": result.trace,
            "run_id": result.run_id, "run_cycles": result.cycles, "begin_cycle": self.begin, "end_cycle": self.end,
            "layers": [{"name": layer.name, "cycles": layer.cycles, "slots": layer.slots} for layer in layers],
            "left_out": self.summary if self.cut else None,
        }


def timeline(result: Result, layer: str | None = None, window: Cycles | None = None, limit: int = LIMIT) -> Timeline:
    """The timeline of a run that `simulate` returned, by the fast engine's times.

    layer: show this one alone. window: cycles (begin, end) to show, counted from the begin of the run, or of `layer`;
    None for the first and the last there is. limit: at most so many events; what follows them is left out, and `cut`
    says so. Layers that are drawn whole are checked against the result's stalls.
    Raises ConfigError for an unknown layer, an empty window, too low a limit, or a machine without timelines.
    """
    return _Drawing(result, layer, window, limit).finished()


def _window(value: Any) -> Cycles:
    wanted = "two numbers of cycles (begin, end), either None"
    pair = items("window", value, ConfigError, wanted)
    if len(pair) != 2:
        raise ConfigError(f"window is {shown(value)}, wanted {wanted}")
    begin, end = (None if n is None else whole("window", n, ConfigError, 0) for n in pair)
    return begin, end


class _Drawing:
    """One timeline in the making. `complete`: everything that begins before this cycle is drawn."""

    def __init__(self, result: Result, layer: str | None, window: Cycles | None, limit: int) -> None:
        self.result, self.layer, self.limit, self.chart = result, layer, limit, Chart()
        if not isinstance(result, Result):
            raise ConfigError(f"result is a {type(result).__name__}, wanted what simulate returns")
        self.limit = whole("limit (events)", limit, ConfigError, 1)
        if layer is not None and not isinstance(layer, str):
            raise ConfigError(f"layer is a {type(layer).__name__}, wanted a name")
        names = [own.name for own in result.layers]
        if layer is not None and layer not in names:
            raise ConfigError(f"the run has no layer {layer[:60]!r}{did_you_mean(layer, names)}")
        self.model = machine(result.config.kind)
        _, self.policy = find_policy(result.config.kind, result.policy)
        self.shown = [layer in (None, name) for name in names]
        self.memory = self._memory(names)
        self.begin, self.end = self._cycles(window)
        self.complete = self.end

    def finished(self) -> Timeline:
        self.chart.tracks(Process.LAYERS, ["layers"])
        for index, layer in enumerate(self.result.layers):
            if self.shown[index] and layer.cycles:
                with blaming(self.result.config.kind, self.result.policy, layer.name):
                    self._draw_layer(index, layer)
        self._draw_memory()
        end = self.chart.cut(self.begin, self.complete, self.limit)
        if end <= self.begin:
            raise ConfigError(f"the limit of {self.limit:,} events is too low: more than that begin in the first cycle "
                              "to show; raise it (--timeline-limit)")
        return Timeline(self.result, self.layer, self.begin, end, end < self.end, self.limit, self.chart)

    def _memory(self, names: list[str]) -> memory.MemoryEvents:
        config, trace = self.result.config, self.result.trace_digest_source
        if config.dram is None or self.model.own_dram:
            return memory.without_memory([layer.cycles for layer in self.result.layers])
        runs = []
        for layer in trace.layers:
            with blaming(config.kind, self.result.policy, layer.name):
                runs.append(self.model.run(layer, self._design(layer.name), self.policy))
        return memory.with_memory([run.tiles for run in runs], names, trace.edges, config)

    def _design(self, layer: str) -> ArchConfig:
        """The design as it ran that layer."""
        return self.model.design_for(self.result.config, self.result.trace_digest_source.begins_with(layer))

    def _cycles(self, window: Cycles | None) -> tuple[int, int]:
        """The run's cycles to show."""
        own = self._own(self.memory.pieces, 0)
        first, last = (int(own[:, 1].min()), int(own[:, 2].max())) if len(own) else (0, 0)
        what = "run" if self.layer is None else f"layer {self.layer!r}"
        if first == last:
            raise ConfigError(f"the {what} takes no cycle: there is nothing to draw")
        begin, end = (None, None) if window is None else _window(window)
        low, high = first + (begin or 0), last if end is None else min(last, first + end)
        if not first <= low < high:
            shown = ":".join("" if time is None else str(time) for time in (begin, end))
            raise ConfigError(f"the window {shown} holds no cycle of the {what}, which has the cycles 0 to "
                              f"{last - first:,}; give A:B with A below B")
        return low, high

    def _own(self, rows: np.ndarray, column: int) -> np.ndarray:
        """Rows of the layers to show; `column` has the layer."""
        return rows[np.array(self.shown, np.bool_)[rows[:, column]]]

    def _draw_layer(self, index: int, layer: LayerResult) -> None:
        clock, complete = self.memory.clocks[index], self.complete
        window = Window(clock.alone(self.begin), clock.alone(self.complete))
        waits = self.memory.waits[self.memory.waits[:, 0] == index]
        waits = waits[(waits[:, 2] < self.complete) & (waits[:, 3] > self.begin)]
        if window.begin == window.end and not len(waits):
            return
        activity = self.model.events(layer.layer, self._design(layer.name), self.policy, window)
        sketch = LayerSketch(self.chart, activity, layer.name, self.model.stall_names, clock)
        sketch.add_waits(waits[self._first(waits[:, 2], self.limit // len(activity.units) + 1)])
        if window.begin < window.end:
            for chunk in activity.chunks:
                sketch.add(chunk)
                if self.chart.size > self.limit:
                    self.complete = min(self.complete, clock.run(chunk.until))
                    break
        own = self.memory.pieces[self.memory.pieces[:, 0] == index]
        if self.begin <= own[:, 1].min() and own[:, 2].max() <= complete == self.complete:
            sketch.check(layer)

    def _first(self, begins: np.ndarray, room: int) -> np.ndarray:
        """Which of `begins` to draw, the first `room` of them in order of time; `complete` says what that leaves."""
        order = np.argsort(begins, kind="stable")
        if len(order) > room:
            self.complete = min(self.complete, int(begins[order[room]]))
        return order[:room]

    def _draw_memory(self) -> None:
        pieces, requests = self._own(self.memory.pieces, 0), self.memory.requests
        inside = np.flatnonzero((pieces[:, 1] < self.complete) & (pieces[:, 2] > self.begin))
        draw_layers(self.chart, pieces[inside[self._first(pieces[inside, 1], self.limit)]], self.result.layers)
        chosen = []
        for begin, end, parts in (ASKED, MOVED):
            shown = np.array(self.shown, np.bool_)[requests[:, memory.LAYER]]
            inside = np.flatnonzero(shown & (requests[:, begin] < self.complete * parts)
                                    & (requests[:, end] > self.begin * parts))
            chosen.append(inside[self._first(requests[inside, begin] // parts, self.limit)])
        draw_requests(self.chart, requests, (chosen[0], chosen[1]), self.result.layers)
