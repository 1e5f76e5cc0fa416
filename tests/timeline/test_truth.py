"""Is a timeline what the machine does? Against references cycle by cycle, and against schedules worked out by hand."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim import load_arch, testing
from accelsim.arch.broadcast.eie.policies import POLICIES
from accelsim.arch.broadcast.eie.reference.machine import VectorRun, encode_product, sent
from accelsim.testing.timelines import counters, slot_cycles, tracks
from accelsim.workload.lowering import matrix_products


def drawn(layer, arch, policy=None, **changes):
    result = accelsim.simulate(layer, arch, policy=policy, set=changes)
    return result, accelsim.timeline(result, limit=10**9).to_dict()


def states(events, begin, end):
    """The name of the slice in each cycle."""
    names = [None] * (end - begin)
    for event in events:
        for cycle in range(max(begin, event["ts"]), min(end, event["ts"] + event["dur"])):
            names[cycle - begin] = event["name"]
    return names


def reference_states(machine):
    """Each PE's state in each cycle, as docs/machines/eie.md has it."""
    histories = [ptr_read.history for ptr_read in machine.ptr_reads]
    finish = [max((cycle + 1 for cycle, state in enumerate(h) if state != "waiting"), default=0) for h in histories]
    held = machine.scanner.held
    for history, own in zip(histories, finish, strict=True):
        yield [state if state != "waiting" else
               ("back_pressure" if cycle > 0 and held[cycle - 1] else "starved") if cycle < own else
               ("barrier" if cycle < max(finish) else "drain") for cycle, state in enumerate(history)]


class Watched(VectorRun):
    """The reference, its queues' levels written down in each cycle."""

    def _done(self):
        self.levels = [*getattr(self, "levels", []), [len(queue.items) for queue in self.queues]]
        return super()._done()


def levels_in(values, begin, end):
    """A counter's level in each cycle."""
    times = [time for time, _ in values]
    at = np.searchsorted(times, np.arange(begin, end), side="right")
    return [values[i - 1][1] if i else 0 for i in at.tolist()]


@given(layer=testing.layers(size=20), pes=st.integers(1, 6), depth=st.integers(1, 4), bits=st.integers(1, 4),
       policy=st.sampled_from(sorted(POLICIES)))
def test_eie_is_its_reference_in_every_cycle(layer, pes, depth, bits, policy):
    """Every PE's state, every queue's level, every broadcast and hold."""
    config = load_arch("eie", {"pes": pes, "queue_entries": depth, "index_bits": bits})
    _, trace = drawn(layer, config, policy)
    units, queues = tracks(trace, "units"), counters(trace)
    scanner = tracks(trace, "other parts").get("scanner", [])
    begin = 0
    for product in matrix_products(layer):
        encoded = encode_product(product, config, POLICIES[policy])
        for vector in product.vectors:
            machine = Watched(encoded, sent(vector), product.bias is not None, config)
            end = begin + machine.run()
            for pe, expected in enumerate(reference_states(machine)):
                assert states(units[f"PE {pe}"], begin, end) == expected
                own = levels_in(queues.get(f"queue of PE {pe}", []), begin, end)
                assert own == [level[pe] for level in machine.levels[:end - begin]]
            doing = states(scanner, begin, end)
            assert [name == "held" for name in doing] == machine.scanner.held
            pushed = [(e["ts"] - begin, e["args"]["column"]) for e in scanner
                      if e["name"] == "broadcast" and begin <= e["ts"] < end]
            assert [cycle for cycle, _ in pushed] == [cycle for cycle, _ in machine.scanner.pushed]
            begin = end


def busy_by_hand(layer, config):
    """Per cycle: PEs that multiply, of `ws` and `os`, from the times that docs/machines/systolic.md gives."""
    weight, vectors = layer.weight[0], layer.activation[0]
    (m, k), n = weight.shape, len(vectors)
    busy = Counter()
    time = 0
    if config.dataflow == "ws":
        t_r, t_c = min(k, config.rows), min(m, config.cols)
        period = max(n, t_r, config.cols) if config.double_buffer else t_r + n + config.cols
        for m0 in range(0, m, t_c):
            for k0 in range(0, k, t_r):
                for r, c, v in np.ndindex(min(t_r, k - k0), min(t_c, m - m0), n):
                    busy[time + 1 + v + r + c] += bool(weight[m0 + c, k0 + r]) and bool(vectors[v, k0 + r])
                time += period
    else:
        t_r, t_c = min(m, config.rows), min(n, config.cols)
        period = max(k, t_r) if config.double_buffer else k + 2 * t_r + t_c - 2
        for m0 in range(0, m, t_r):
            for n0 in range(0, n, t_c):
                for r, c, i in np.ndindex(min(t_r, m - m0), min(t_c, n - n0), k):
                    busy[time + i + r + c] += bool(weight[m0 + r, i]) and bool(vectors[n0 + c, i])
                time += period
    return busy


@given(layer=testing.layers(size=9, ops=("linear",)), rows=st.integers(1, 4), cols=st.integers(1, 4),
       dataflow=st.sampled_from(("ws", "os")), double=st.booleans())
def test_a_wavefront_is_busy_in_its_streams_alone(layer, rows, cols, dataflow, double):
    """Every PE that multiplies in a cycle, by hand, lies in a stream; and each stream has just those."""
    config = load_arch("tpu_128x128", {"rows": rows, "cols": cols, "dataflow": dataflow, "double_buffer": double})
    result, trace = drawn(layer, config)
    by_hand = busy_by_hand(layer, config)
    assert sum(by_hand.values()) == result.stalls["busy"]
    streams = [(e["ts"], e["ts"] + e["dur"], slot_cycles(e, result.stalls)["busy"])
               for own in tracks(trace, "units").values() for e in own if e["name"] == "stream"]
    assert sum(busy for _, _, busy in streams) == sum(by_hand.values())
    # up to the end of any cycle, the streams that are over have done no more, those begun no less
    for cycle in range(result.cycles):
        done = sum(n for time, n in by_hand.items() if time <= cycle)
        assert sum(busy for _, end, busy in streams if end <= cycle + 1) <= done
        assert sum(busy for begin, _, busy in streams if begin <= cycle) >= done


@pytest.mark.parametrize("preset", ["scnn", "scnn_dnnsim", "dcnn"])
def test_planar_pes_begin_together_and_end_at_the_barrier(preset):
    rng = np.random.default_rng(1)
    layer = accelsim.conv2d("c", testing.tensor(rng, (20, 6, 3, 3), 0.4), testing.tensor(rng, (2, 6, 11, 13), 0.5),
                            padding=1)
    result, trace = drawn(layer, preset, pe_rows=2, pe_cols=3)
    times = {}
    for own in tracks(trace, "units").values():
        for event in own:
            if event["name"] == "compute":
                place = tuple(event["args"].get(name, -1) for name in ("image", "temporal tile", "round", "channel"))
                times.setdefault(place, []).append((event["ts"], event["ts"] + event["dur"]))
    assert all(len({begin for begin, _ in own}) == 1 for own in times.values())
    order = sorted(times)
    barriers = [e["ts"] for e in trace["traceEvents"] if e["ph"] == "i"]
    for before, after in pairwise(order):
        assert max(end for _, end in times[before]) <= times[after][0][0]
        assert any(max(end for _, end in times[before]) <= b <= times[after][0][0] for b in barriers)
    assert result.cycles >= max(end for own in times.values() for _, end in own)


@pytest.mark.small
def test_sigma_by_hand():
    """12 values in 2 folds of 8 multipliers, 2 words per cycle, 3 vectors: loads of 4 and 2 cycles."""
    layer = accelsim.linear("l", np.ones((3, 4), np.int8), np.array([[1, 0, 0, 1]] * 3, np.int8))
    result, trace = drawn(layer, "sigma", flex_dpes=2, multipliers_per_dpe=4, bandwidth_words_per_cycle=2,
                          streaming="unlimited", stationary="mk", stationary_filter=False)
    units = tracks(trace, "units")
    drain = 1 + 2 + 1
    first = [(e["name"], e["ts"], e["dur"]) for e in units["Flex-DPE 0"]]
    assert first == [("load", 0, 4), ("stream", 4, 3), ("drain", 7, drain), ("load", 11, 2), ("stream", 13, 3),
                     ("drain", 16, drain)]
    second = [slot_cycles(e, result.stalls) for e in units["Flex-DPE 1"] if e["name"] == "stream"]
    assert second == [Counter(busy=6, streamed_zero=6), Counter(unfilled=12)]


@pytest.mark.small
def test_eyeriss_by_hand():
    """Two columns of two PEs, five vectors in turn, two windows in flight; a third column has nothing to do."""
    layer = accelsim.linear("l", np.ones((1, 2), np.int8), np.array([[1, 0], [1, 1], [1, 0], [1, 0], [1, 1]], np.int8))
    mapping = {"compressed": True, "m0": 1, "c0": 1, "s0": 1, "column": 2, "row_lanes": 2, "filter_lanes": 1,
               "group_lanes": 1, "inner": "rows"}
    result, trace = drawn(layer, "eyeriss_v2", cluster_rows=1, cluster_cols=1, pe_rows=2, pe_cols=3, macs_per_pe=1,
                          psum_words=2, iact_port_bits=3, psum_flush="ring", hop_cycles=0,
                          mappings={"l": mapping})
    weights, iacts = 1, 22  # 12 + 7 bits through 24; the first bank's streams have 4 x 16 bits
    ends = weights + np.array([10, 16, iacts])  # lane 1 has sent its sums out, lane 0 has, the inputs are there
    units = {name: [(e["name"], e["ts"], e["ts"] + e["dur"]) for e in own]
             for name, own in tracks(trace, "units").items()}
    first = [("weight", 0, 1), ("windows", 1, 11), ("psum", 11, ends[1]), ("iact", ends[1], ends[2])]
    second = [("psum", 5, ends[0]), ("barrier", ends[0], ends[1]), ("iact", ends[1], ends[2])]
    assert units == {
        "PE (0, 0)": first, "PE (1, 0)": first,
        "PE (0, 1)": [("weight", 0, 1), ("windows", 1, 5), *second],
        "PE (1, 1)": [("weight", 0, 1), ("windows", 1, 4), ("column", 4, 5), *second],
        "PE (0, 2)": [("fragmentation", 0, 1), ("fragmentation", 1, ends[2])],
        "PE (1, 2)": [("fragmentation", 0, 1), ("fragmentation", 1, ends[2])]}
    works = {name: slot_cycles(e, result.stalls) for name, own in tracks(trace, "units").items() for e in own
             if e["name"] == "windows"}
    # in lane 0 the third window waits for the first one's sums, which leave at 8: PE 0 since 4, PE 1 since 2
    assert works == {"PE (0, 0)": Counter(busy=3, psum=3 + 4), "PE (1, 0)": Counter(busy=1, psum=3 + 6),
                     "PE (0, 1)": Counter(busy=2, psum=2), "PE (1, 1)": Counter(busy=1, psum=2)}
    assert [e["ts"] for e in trace["traceEvents"] if e["ph"] == "i"] == [ends[2]] == [result.cycles]


def test_tensor_core_steps_never_overlap_copies_they_need():
    """A k-step of a CTA begins when its first copies are over, and C is written after the last."""
    rng = np.random.default_rng(2)
    layer = accelsim.linear("l", testing.tensor(rng, (24, 64), 0.5), testing.tensor(rng, (24, 64), 0.5))
    _, trace = drawn(layer, "a100_dense", sms=2, tile="128x128_32x2", launch_cycles=5)
    steps = [e for own in tracks(trace, "units").values() for e in own if e["name"] == "k step"]
    slots = tracks(trace, "other parts")
    for own in slots.values():
        by_cta = {}
        for event in own:
            by_cta.setdefault(event["args"]["CTA"], {})[event["name"]] = (event["ts"], event["ts"] + event["dur"])
        for cta, phases in by_cta.items():
            own_steps = [e for e in steps if e["args"]["CTA"] == cta]
            assert min(e["ts"] for e in own_steps) == phases["k steps"][0] == phases["first copies"][1]
            assert max(e["ts"] + e["dur"] for e in own_steps) <= phases["k steps"][1] == phases["write C"][0]
            assert len(own_steps) == 2


@pytest.mark.small
def test_dram_transfers_follow_each_other_and_are_asked_for_before():
    rng = np.random.default_rng(3)
    layers = [accelsim.linear(name, testing.tensor(rng, (40, 40), 0.5), testing.tensor(rng, (3, 40), 0.5))
              for name in ("a", "b")]
    trace = accelsim.Trace(layers, name="two", edges=[("a", "b")])
    result, chart = drawn(trace, "eie", pes=4, resident_weights=False, **{"dram.gbps": 0.7})
    memory = tracks(chart, "memory")
    channel = memory.pop("DRAM channel")
    assert sum(e["args"]["bits"] for e in channel) == 64 * 8 * sum(
        n for name, n in result.counts.items() if name.endswith("_bursts"))
    waiting = {(e["name"], e["args"]["layer"], e["args"]["tile"]): e for own in memory.values() for e in own}
    assert len(waiting) == len(channel)
    for event in channel:
        asked = waiting[event["name"], event["args"]["layer"], event["args"]["tile"]]
        assert asked["ts"] <= event["ts"]
        assert event["ts"] + event["dur"] <= asked["ts"] + asked["dur"]
    spent = sum(e["dur"] for e in channel)
    exact = sum(e["args"]["bits"] for e in channel) * 800 / (8000 * 0.7)
    assert spent == pytest.approx(exact, abs=len(channel) / 1000)


@pytest.mark.small
def test_padding_stands_where_the_encoding_has_it():
    """Rows 0, 4 and 5 of one column, one index bit: an entry, three zeros (one padding entry), two entries."""
    layer = accelsim.linear("l", np.array([[1], [0], [0], [0], [1], [1]]), [3])
    _, trace = drawn(layer, "eie", pes=1, index_bits=1)
    column = [(e["name"], e["dur"]) for e in tracks(trace, "units")["PE 0"] if e["args"].get("column") == 0]
    assert column == [("starved", 3), ("busy", 1), ("padding", 1), ("busy", 2)]
