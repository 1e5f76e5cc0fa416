"""Checks of trace-event objects: is the format right, and does the timeline add up? For `accelsim.testing` and tests.

The format's keys are those of the public "Trace Event Format" description; only the JSON object is looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.errors import CapacityError, UnsupportedLayerError
from accelsim.hw.memory.config import DramConfig
from accelsim.result.result import LayerResult, Result
from accelsim.simulation import simulate
from accelsim.timelines.chart import FINEST
from accelsim.timelines.timeline import timeline
from accelsim.workload.layer import Layer

NEEDED = {"X": {"dur", "args"}, "C": {"args"}, "M": {"args"}, "i": {"s"}}  # besides EVERY
EVERY = {"name", "cat", "ph", "ts", "pid", "tid"}
METADATA = {"process_name": "name", "process_sort_index": "sort_index", "thread_name": "name",
            "thread_sort_index": "sort_index"}

Event = Mapping[str, Any]


def check_timeline(layer: Layer, config: ArchConfig, policy: str, dram: bool) -> None:
    """The timeline of the layer's run is a right file and adds up.

    `dram` puts a memory behind the design, where the machine says what it moves. Its kind must have timelines.
    """
    model, behind = machine(config.kind), config.model_copy(update={"dram": DramConfig(gbps=1.0)})
    try:
        if dram and (model.own_dram or model.run(layer, behind, model.policies[policy]).tiles is not None):
            config = behind
        result = simulate(layer, config, policy=policy)
    except (UnsupportedLayerError, CapacityError):
        return
    if result.cycles:
        drawn = timeline(result, limit=1 << 40).to_dict()
        check_format(drawn)
        check_whole(drawn, result)


def check_format(trace: Mapping[str, Any]) -> None:
    """Keys of every phase, times that ascend on each track, slices that do not overlap, named tracks."""
    assert set(trace) == {"displayTimeUnit", "otherData", "traceEvents"}
    assert trace["displayTimeUnit"] in ("ms", "ns")
    assert isinstance(trace["otherData"], dict)
    last: dict[tuple[Any, ...], int] = {}
    named: set[tuple[int, int]] = set()
    for event in trace["traceEvents"]:
        _check_event(event)
        if event["ph"] == "M":
            named.add((event["pid"], event["tid"]))
            continue
        key = (event["ph"], event["pid"], event["name"] if event["ph"] == "C" else event["tid"])
        begin, before = _parts(event["ts"]), last.get(key, -1 if event["ph"] in "Ci" else 0)
        assert begin > before or (event["ph"] == "X" and begin == before), (event, before / FINEST)
        last[key] = begin + _parts(event.get("dur", 0))
        assert (event["pid"], 0) in named
        assert event["ph"] != "X" or (event["pid"], event["tid"]) in named


def _parts(time: float) -> int:
    """A time of the file in its finest parts of a cycle, which add up exactly where floats do not."""
    return round(time * FINEST)


def _check_event(event: Event) -> None:
    assert EVERY | NEEDED[event["ph"]] == set(event), event
    assert all(isinstance(event[key], str) for key in ("name", "cat"))
    assert all(isinstance(event[key], int) for key in ("pid", "tid"))
    if event["ph"] == "M":
        assert set(event["args"]) == {METADATA[event["name"]]}
        return
    assert isinstance(event["ts"], (int, float))
    assert event["ts"] >= 0
    if event["ph"] == "X":
        assert event["dur"] > 0, event
    if event["ph"] == "C":
        assert all(isinstance(value, (int, float)) for value in event["args"].values())
    if event["ph"] == "i":
        assert event["s"] in ("g", "p", "t")


def tracks(trace: Mapping[str, Any], group: str) -> dict[str, list[Event]]:
    """The slices of the group of tracks with this title, by track."""
    events = trace["traceEvents"]
    pids = {e["pid"] for e in events if e["name"] == "process_name" and e["args"]["name"] == group}
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] in pids}
    found: dict[str, list[Event]] = {name: [] for name in names.values()}
    for event in events:
        if event["ph"] == "X" and event["pid"] in pids:
            found[names[event["tid"]]].append(event)
    return found


def counters(trace: Mapping[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """(time, level) by counter."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "C":
            found[event["name"]].append((event["ts"], event["args"]["entries"]))
    return found


def slot_cycles(event: Event, stalls: Mapping[str, int]) -> Counter[str]:
    """Slot-cycles of one slice of a unit; a slice that was cut into pieces counts with its last one."""
    args = event["args"]
    if event["name"] in stalls:
        return Counter({event["name"]: args.get(event["name"], event["dur"])})
    piece, _, pieces = args.get("piece", "1 of 1").partition(" of ")
    return Counter({name: args[name] for name in stalls if name in args and piece == pieces})


def check_whole(trace: Mapping[str, Any], result: Result) -> None:
    """A timeline of the whole run: every unit has a state in every cycle, and they add up to the result's stalls."""
    units = tracks(trace, "units")
    for layer in result.layers:
        _check_layer({name: [e for e in events if e["args"]["layer"] == layer.name] for name, events in units.items()},
                     layer)
    ends = [event["ts"] + event["dur"] for events in units.values() for event in events]
    assert max(ends, default=0) == result.cycles
    own = tracks(trace, "layers").get("layers", [])
    drawn: Counter[str] = Counter()
    for event in own:
        drawn[event["name"]] += event["dur"]
    assert drawn == Counter({layer.name: layer.cycles for layer in result.layers if layer.cycles})


def _check_layer(units: Mapping[str, list[Event]], layer: LayerResult) -> None:
    total: Counter[str] = Counter()
    slots = 0
    for events in units.values():
        own: Counter[str] = Counter()
        for event in events:
            own += slot_cycles(event, layer.stalls)
        if events:
            assert sum(event["dur"] for event in events) == layer.cycles, "a unit has cycles without a state"
            per_cycle, rest = divmod(sum(own.values()), layer.cycles)
            assert rest == 0
            slots += per_cycle
        total += own
    assert total == Counter({name: n for name, n in layer.stalls.items() if n}), layer.name
    assert slots == (layer.slots if layer.cycles else 0)
