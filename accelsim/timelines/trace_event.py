"""A timeline's chart as a trace-event file, which Perfetto and chrome://tracing open. Keys: docs/timeline.md.

One microsecond of the file is one cycle, so that all times are exact.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import ConfigError
from accelsim.files import check_writable, refusing, replacing
from accelsim.timelines.chart import FINEST, Chart, Process, Slices

TITLES = {Process.LAYERS: "layers", Process.UNITS: "units", Process.PARTS: "other parts", Process.QUEUES: "queues",
          Process.MEMORY: "memory"}


def as_dict(chart: Chart, about: Mapping[str, Any]) -> dict[str, Any]:
    """The trace-event object; `about` becomes its `otherData`."""
    loaded: dict[str, Any] = json.loads("".join(_lines(chart, about)))
    return loaded


def write(chart: Chart, about: Mapping[str, Any], path: Path) -> Path:
    """The trace-event object as a file, whole or not at all. Raises ConfigError when it cannot be written."""
    with (refusing(ConfigError, f"--timeline {path}", "choose another file"), replacing(path) as (part,),
          part.open("w", encoding="utf-8") as file):
        file.writelines(_lines(chart, about))
    return path


def prepare(path: Path) -> None:
    """ConfigError, before anything is simulated, when `path` cannot be written."""
    check_writable(path, ConfigError, f"--timeline {path}")


def _lines(chart: Chart, about: Mapping[str, Any]) -> Iterator[str]:
    yield f'{{"displayTimeUnit":"ns","otherData":{_json(about)},\n"traceEvents":[\n'
    before = ""
    for line in _events(chart):
        yield f"{before}{line}"
        before = ",\n"
    yield "\n]}\n"


def _events(chart: Chart) -> Iterator[str]:
    tracks = [(int(process), number + 1, name) for (process, name), number in chart.track_ids.items()]
    used = {int(t) for block in chart.blocks for t in np.unique(block.tracks)}
    levels = chart.levels()
    processes = {pid for pid, tid, _ in tracks if tid - 1 in used} | ({int(Process.QUEUES)} if len(levels) else set())
    for pid in sorted(processes):
        yield _metadata("process_name", pid, 0, {"name": TITLES[Process(pid)]})
        yield _metadata("process_sort_index", pid, 0, {"sort_index": pid})
    for pid, tid, name in tracks:
        if tid - 1 in used:
            yield _metadata("thread_name", pid, tid, {"name": name})
            yield _metadata("thread_sort_index", pid, tid, {"sort_index": tid})
    yield from _slices(chart, tracks)
    for time in chart.barrier_times().tolist():
        yield f'{{"name":"barrier","cat":"barriers","ph":"i","ts":{time},"pid":{int(Process.LAYERS)},"tid":1,"s":"g"}}'
    names = [_json(name) for _, _, name in tracks]
    for counter, time, level in levels.tolist():
        yield (f'{{"name":{names[counter]},"cat":"queues","ph":"C","ts":{time},"pid":{int(Process.QUEUES)},"tid":0,'
               f'"args":{{"entries":{level}}}}}')


def _metadata(name: str, pid: int, tid: int, args: Mapping[str, Any]) -> str:
    return _json({"name": name, "cat": "__metadata", "ph": "M", "ts": 0, "pid": pid, "tid": tid, "args": args})


def _slices(chart: Chart, tracks: Sequence[tuple[int, int, str]]) -> Iterator[str]:
    """Track by track, in order of time."""
    if not chart.blocks:
        return
    places = np.concatenate([[block.tracks, block.begin * (FINEST // block.per_cycle)] for block in chart.blocks],
                            axis=1)
    names = [_json(name) for name in chart.name_ids]
    heads = [f'"cat":"{TITLES[Process(pid)]}","pid":{pid},"tid":{tid}' for pid, tid, _ in tracks]
    texts = [text for block in chart.blocks for text in _block(block, names, heads)]
    for at in np.lexsort((places[1], places[0])).tolist():
        yield texts[at]


def _block(block: Slices, names: Sequence[str], heads: Sequence[str]) -> Iterator[str]:
    layer = [] if block.layer is None else [f'"layer":{_json(block.layer)}']
    arguments = _arguments(block, names)
    for track, name, begin, end, own in zip(block.tracks.tolist(), block.names.tolist(), block.begin.tolist(),
                                            block.end.tolist(), arguments, strict=True):
        yield (f'{{"name":{names[name]},"ph":"X","ts":{_time(begin, block.per_cycle)},'
               f'"dur":{_time(end - begin, block.per_cycle)},{heads[track]},"args":{{{",".join(layer + own)}}}}}')


def _arguments(block: Slices, names: Sequence[str]) -> Iterator[list[str]]:
    """Per slice, what stands in its args besides the layer."""
    labels, parts = ([_json(name) for name in own] for own in (block.label_names, block.part_names))
    for i, values in enumerate(block.labels.tolist()):
        own = [f"{label}:{value}" for label, value in zip(labels, values, strict=True) if value >= 0]
        length = int(block.end[i] - block.begin[i])
        slots = 1 if block.slots is None else int(block.slots[i])
        if slots > 1:
            own.append(f"{names[int(block.names[i])]}:{length * slots}")
        elif slots == 0 and block.parts is not None:
            own += [f"{part}:{n}" for part, n in zip(parts, block.parts[i].tolist(), strict=True) if n]
        if block.whole is not None and block.whole[i] != length:
            own.append(f'"whole_cycles":{int(block.whole[i])}')
        if block.pieces is not None and block.piece is not None and block.pieces[i] > 1:
            own.append(f'"piece":"{int(block.piece[i])} of {int(block.pieces[i])}"')
        yield own


def _time(value: int, per_cycle: int) -> str:
    whole, part = divmod(value, per_cycle)
    return str(whole) if part == 0 else f"{whole}.{part:03d}".rstrip("0")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
