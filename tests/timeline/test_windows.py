"""Is a part of a timeline just that part of the whole, and does it say what it leaves out?"""

import json

import numpy as np
import pytest
from arch.small import small_designs
from hypothesis import given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import testing
from accelsim.arch.registry import machine
from accelsim.errors import AccountingError, ConfigError
from accelsim.testing.timelines import check_format, check_whole, counters

DESIGNS = {name: small for name, small in small_designs().items() if small.timeline}


@pytest.fixture(scope="module", params=sorted(DESIGNS))
def result(request):
    rng = np.random.default_rng(4)
    conv = accelsim.conv2d("conv", testing.tensor(rng, (6, 4, 3, 3), 0.4), testing.tensor(rng, (1, 4, 4, 5), 0.6),
                           padding=1)
    fc = accelsim.linear("fc", testing.tensor(rng, (30, 70), 0.3), testing.tensor(rng, (3, 70), 0.5))
    last = accelsim.linear("last", testing.tensor(rng, (10, 30), 0.3), testing.tensor(rng, (3, 30), 0.5))
    trace = accelsim.Trace([conv, fc, last], name="three", edges=[("conv", "fc"), ("fc", "last")])
    small = DESIGNS[request.param]
    return accelsim.simulate(trace, small.config(**small.timeline), policy=small.policy)


@pytest.fixture(scope="module")
def whole(result):
    return accelsim.timeline(result, limit=10**9)


@pytest.fixture(scope="module")
def whole_trace(whole):
    return by_name(whole.to_dict())


def slices(trace, begin, end):
    """Every slice as far as it lies in the window; what is said of its whole stays."""
    found = set()
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            low, high = max(event["ts"], begin), min(event["ts"] + event["dur"], end)
            if low < high:
                args = {k: v for k, v in event["args"].items() if k not in ("whole_cycles", event["name"])}
                found.add((event["cat"], event["tid"], event["name"], round(low, 3), round(high, 3),
                           json.dumps(args, sort_keys=True)))
    return found


def levels(trace, begin, end):
    """Each counter's level in every cycle of the window."""
    found = {}
    for name, values in counters(trace).items():
        at, per_cycle = 0, []
        for cycle in range(end):
            while at < len(values) and values[at][0] <= cycle:
                at += 1
            per_cycle.append(values[at - 1][1] if at else 0)
        if any(per_cycle[begin:]):
            found[name] = per_cycle[begin:]
    return found


def by_name(trace):
    """The same with track names for numbers, which depend on what is drawn."""
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
    return trace | {"traceEvents": [e | {"tid": names.get((e["pid"], e["tid"]), e["tid"])}
                                    for e in trace["traceEvents"]]}


@pytest.mark.small
def test_the_whole_adds_up(result, whole):
    check_format(whole.to_dict())
    check_whole(whole.to_dict(), result)
    assert not whole.cut
    assert (whole.begin, whole.end) == (0, result.cycles)
    assert whole.events == sum(event["ph"] != "M" for event in whole.to_dict()["traceEvents"])


@settings(max_examples=10)  # each draws and compares whole files, for every arch above
@given(place=st.integers(0, 1 << 20), length=st.integers(1, 2000))
def test_a_window_is_that_part_of_the_whole(result, whole_trace, place, length):
    begin = place % result.cycles
    end = min(result.cycles, begin + length)
    part = accelsim.timeline(result, window=(begin, end))
    assert not part.cut
    check_format(part.to_dict())
    assert slices(by_name(part.to_dict()), begin, end) == slices(whole_trace, begin, end)
    assert levels(part.to_dict(), begin, end) == levels(whole_trace, begin, end)


@settings(max_examples=10)  # each draws and compares whole files, for every arch above
@given(data=st.data())
def test_a_limit_leaves_out_the_end_and_says_so(result, whole, whole_trace, data):
    limit = data.draw(st.integers(40, 2 * whole.events))
    try:
        part = accelsim.timeline(result, limit=limit)
    except ConfigError as error:
        if "too low" not in str(error):
            raise
        return
    assert part.events <= limit
    assert slices(by_name(part.to_dict()), 0, part.end) == slices(whole_trace, 0, part.end)
    assert part.cut == (part.end < result.cycles)
    about = part.to_dict()["otherData"]
    assert (about["left_out"] is not None) == part.cut
    if part.cut:
        assert f"{limit:,}" in part.summary
        assert "--timeline-window" in part.summary
    else:
        assert part.events == whole.events


@pytest.mark.parametrize("name", ["conv", "fc", "last"])
def test_a_layer_is_its_part_of_the_whole(result, whole_trace, name):
    part = accelsim.timeline(result, layer=name)
    own = {s for s in slices(whole_trace, 0, result.cycles) if json.loads(s[5]).get("layer", name) == name
           and (s[0] != "layers" or s[2] == name)}
    inside = {s for s in own if s[3] < part.end and s[4] > part.begin}
    drawn = slices(by_name(part.to_dict()), 0, result.cycles)
    assert {s for s in drawn if s[0] != "memory"} == {s for s in inside if s[0] != "memory"}
    cycles = {layer.name: layer.cycles for layer in result.layers}
    assert sum(s[4] - s[3] for s in drawn if s[0] == "layers") == cycles[name]
    relative = accelsim.timeline(result, layer=name, window=(1, 5))
    assert (relative.begin, relative.end) == (part.begin + 1, part.begin + 5)


def test_the_same_bytes(result, tmp_path):
    paths = [accelsim.timeline(result, window=(0, 500)).save(tmp_path / f"{i}.json") for i in "12"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    json.loads(paths[0].read_bytes())


def test_a_wrong_timeline_is_refused(result, monkeypatch):
    """What does not add up to the result is an error, not a picture."""
    kind = machine(result.config.kind)
    events = type(kind).events

    def late(self, layer, config, policy, window):
        activity = events(self, layer, config, policy, window)
        for chunk in activity.chunks:
            chunk.slices[:, 3] += 1
            yield_back.append(chunk)
        object.__setattr__(activity, "chunks", iter(yield_back.copy()))
        yield_back.clear()
        return activity

    yield_back = []
    monkeypatch.setattr(type(kind), "events", late)
    with pytest.raises(AccountingError):
        accelsim.timeline(result, limit=10**9)


def test_mistakes(result):
    for wrong, word in (({"layer": "lost"}, "did you mean 'last'"), ({"window": (5, 5)}, "window 5:5"),
                        ({"window": (10**9, None)}, "window 1000000000:"), ({"limit": 0}, "at least 1"),
                        ({"window": (-3, 5)}, "window is -3")):
        with pytest.raises(ConfigError, match=word):
            accelsim.timeline(result, **wrong)


def test_names_of_layers_are_inert():
    name = '</script>"},{"ph": \\'
    trace = accelsim.timeline(accelsim.simulate(accelsim.linear(name, [[1, 2]], [1, 1]), "eie")).to_dict()
    assert any(event["name"] == name for event in trace["traceEvents"])
    check_format(trace)


def test_a_machine_without_events_says_so(monkeypatch):
    result = accelsim.simulate(accelsim.linear("l", [[1, 2]], [1, 1]), "eie")
    monkeypatch.setattr(type(machine("eie")), "has_events", False)
    with pytest.raises(ConfigError, match="'eie' does not say when it does what"):
        accelsim.timeline(result)


@pytest.mark.small
def test_times_that_floats_cannot_add_exactly_are_in_order():
    slices = [{"name": "n", "cat": "c", "ph": "X", "ts": ts, "dur": dur, "pid": 1, "tid": 0, "args": {}}
              for ts, dur in ((0.192, 0.384), (0.576, 0.1))]
    title = {"name": "process_name", "cat": "c", "ph": "M", "ts": 0, "pid": 1, "tid": 0, "args": {"name": "p"}}
    thread = title | {"name": "thread_name"}
    trace = {"displayTimeUnit": "ns", "otherData": {}, "traceEvents": [title, thread, *slices]}
    check_format(trace)
    slices[1]["ts"] = 0.575
    with pytest.raises(AssertionError):
        check_format(trace)
