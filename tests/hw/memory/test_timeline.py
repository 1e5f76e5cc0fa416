"""Do the two timelines agree, and do they equal the closed forms where there are some?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.hw.memory.config import DramConfig
from accelsim.hw.memory.dram import Channel, channel_of
from accelsim.hw.memory.reference import Accelerator, TileJob
from accelsim.hw.memory.timeline import TileSchedule, Times, run_timeline

CAUSES = ("weights", "handover", "activations", "writeback")


def schedule_of(tiles, needs=None, gate=None, burst_bits=1, loads=None) -> TileSchedule:
    """tiles: (weight, activation, output bits, cycles) of each; loads: cycles of each that load its weights."""
    table = np.array(tiles, np.int64).reshape(-1, 4)
    bits = -(-table[:, :3].T // burst_bits) * burst_bits
    none = np.full(len(table), -1, np.int64)
    return TileSchedule(np.ascontiguousarray(bits), table[:, 3].copy(),
                    none + 1 if loads is None else np.array(loads, np.int64),
                    none if needs is None else np.array(needs, np.int64),
                    none if gate is None else np.array(gate, np.int64))


def reference_times(schedule: TileSchedule, channel: Channel, buffering: int) -> Times:
    jobs = [TileJob(dict(zip(("weights", "activations", "outputs"), map(int, schedule.bits[:, t]), strict=True)),
                int(schedule.compute_cycles[t]), int(schedule.load_cycles[t]), *(int(x) if x >= 0 else None for x in
                                                   (schedule.needs[t], schedule.gate[t])))
            for t in range(len(schedule.compute_cycles))]
    records = Accelerator(jobs, channel, buffering).run()
    waits = np.array([[r.waits[c] for c in CAUSES] for r in records], np.int64).reshape(-1, 4)
    times = (np.array([getattr(r, name) for r in records], np.int64) for name in ("start", "loaded", "end", "written"))
    names = ("weights", "activations", "outputs")
    asked, there = (np.array([[getattr(r, what).get(n, 0) for r in records] for n in names], np.int64)
                    for what in ("asked", "there"))
    moved = np.array([[r.moved.get(n, (0, 0)) for r in records] for n in names], np.int64)
    return Times(*times, waits, asked, there, moved)


@st.composite
def cases(draw):
    count = draw(st.integers(1, 14))
    bits = st.one_of(st.just(0), st.integers(1, 12), st.integers(1, 400))
    cycles = st.one_of(st.integers(0, 4), st.integers(0, 60))
    tiles = [(draw(bits), draw(bits), draw(bits), draw(cycles)) for _ in range(count)]
    needs = [draw(st.integers(-1, t - 1)) for t in range(count)]
    gate = [draw(st.integers(-1, t - 1)) for t in range(count)] if draw(st.booleans()) else None
    loads = [draw(st.integers(0, tile[3])) for tile in tiles] if draw(st.booleans()) else None
    if draw(st.booleans()):
        needs = [max(needs[: t + 1]) for t in range(count)]
    rows = {}
    if draw(st.booleans()):
        rows = {"row_bits": draw(st.sampled_from([1, 8, 24, 64])), "banks": draw(st.integers(1, 4))}
    numerator, denominator = draw(st.sampled_from([(1, 1), (7, 3), (3, 7), (64, 1), (5, 2), (1, 9)]))
    if rows:
        rows |= {f"{name}_ticks": numerator * draw(st.integers(0, 9)) for name in ("activate", "precharge")}
    channel = Channel(numerator, denominator, draw(st.integers(0, 20)), draw(st.sampled_from([1, 8, 32])), **rows)
    return schedule_of(tiles, needs, gate, channel.burst_bits, loads), channel, draw(st.integers(1, 4))


@given(cases())
def test_twins_agree(case):
    schedule, channel, buffering = case
    fast, slow = run_timeline(schedule, channel, buffering), reference_times(schedule, channel, buffering)
    for name in Times._fields:
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), name)
    begin = np.concatenate(([0], fast.end[:-1]))
    np.testing.assert_array_equal(fast.waits.sum(axis=1), fast.start - begin)
    inside = fast.loaded - fast.start - schedule.load_cycles
    np.testing.assert_array_equal(inside, fast.end - fast.start - schedule.compute_cycles)
    assert (inside >= 0).all()
    assert (fast.waits >= 0).all()


@given(cases())
def test_twice_the_bandwidth_of_one_queue_is_never_slower(case):
    """One queue alone, so that the order of service cannot change."""
    schedule, channel, buffering = case
    bits = schedule.bits.copy()
    bits[1:] = 0
    alone = schedule._replace(bits=bits)
    slow = run_timeline(alone, channel, buffering)
    twice = channel._replace(cycle_ticks=2 * channel.cycle_ticks, activate_ticks=2 * channel.activate_ticks,
                             precharge_ticks=2 * channel.precharge_ticks)
    assert (run_timeline(alone, twice, buffering).end <= slow.end).all()


def test_no_tiles():
    assert len(run_timeline(schedule_of([]), Channel(1, 1, 0, 1), 2).end) == 0


@pytest.mark.small
def test_single_access_is_latency_and_transfer():
    for bits, per_cycle, latency in [(1, 64, 80), (64, 64, 80), (65, 64, 80), (640, 64, 0), (100, 3, 7)]:
        times = run_timeline(schedule_of([(bits, 0, 0, 5)]), Channel(per_cycle, 1, latency, 1), 2)
        assert times.start[0] == -(-bits // per_cycle) + latency, "not a cycle earlier, not a cycle later"
        assert times.waits[0].tolist() == [times.start[0], 0, 0, 0]


@pytest.mark.small
def test_streaming_runs_at_the_bandwidth():
    """100 % of the channel: n tiles of b bits end at ceil(n b / R) + L, though no single transfer is a whole cycle."""
    tiles, bits = 500, 1001
    for num, den in [(256, 1), (7, 3), (999, 1000)]:
        times = run_timeline(schedule_of([(bits, 0, 0, 1)] * tiles), Channel(num, den, 40, 1), 1000)
        assert times.end[-1] == -(-tiles * bits * den // num) + 40 + 1


@pytest.mark.small
def test_memory_bound_stall_is_exact():
    """Each tile computes 10 cycles and fetches for 30: after the first fetch the wait is 20 per tile."""
    times = run_timeline(schedule_of([(300, 0, 0, 10)] * 50), Channel(10, 1, 0, 1), 2)
    assert times.start[0] == 30
    assert (np.diff(times.start)[1:] == 30).all()
    assert times.waits[2:, 0].tolist() == [20] * 48
    bound = run_timeline(schedule_of([(300, 0, 0, 30)] * 50), Channel(10, 1, 0, 1), 2)
    assert bound.end[-1] == 30 * 51, "channel and compute both at 100 %: one fetch, then no wait at all"


@pytest.mark.small
def test_write_back_waits_for_its_buffer():
    """Outputs take 30 cycles and computing 10: two buffers fill, then every tile waits for the channel."""
    times = run_timeline(schedule_of([(0, 0, 300, 10)] * 6), Channel(10, 1, 5, 1), 2)
    assert times.written.tolist() == [40, 70, 100, 130, 160, 190]
    assert times.waits[:, 3].tolist() == [0, 0, 20, 20, 20, 20]


@pytest.mark.small
def test_reads_go_before_writes_asked_at_the_same_time():
    """Tile 0 ends at cycle 1: it frees the buffer of tile 1 (a read) and asks for its write in the same cycle."""
    times = run_timeline(schedule_of([(0, 0, 10, 1), (20, 0, 0, 1)]), Channel(1, 1, 0, 1), 1)
    assert times.start[1] == 31, "the read of 20 cycles is first, but one output buffer holds tile 1 back"
    assert times.written[0] == 31


@pytest.mark.small
def test_rows_of_a_stream_open_behind_the_transfer():
    """Rows of 80 bits in 8 cycles each, 5 to open, 3 to close, two banks: only the first row is waited for."""
    one = Channel(10, 1, 0, 1, row_bits=80, banks=2, activate_ticks=50, precharge_ticks=30)
    assert run_timeline(schedule_of([(400, 0, 0, 1)]), one, 2).start[0] == 5 + 40
    slow = one._replace(activate_ticks=90)
    assert run_timeline(schedule_of([(400, 0, 0, 1)]), slow, 2).start[0] == 9 + 40 + 1 + 3 * 4
    single = one._replace(banks=1)
    assert run_timeline(schedule_of([(400, 0, 0, 1)]), single, 2).start[0] == 5 + 40 + 4 * 8


@pytest.mark.small
def test_two_requests_in_flight_overlap():
    """Two independent networks, layers interleaved: the second one computes while the first one's layer drains."""
    tiles = [(0, 50, 50, 10)] * 4  # request 0 layer 0, request 1 layer 0, request 0 layer 1, request 1 layer 1
    channel = Channel(10, 1, 3, 1)
    apart = run_timeline(schedule_of(tiles, needs=[-1, 0, 1, 2]), channel, 2).end[-1]
    in_flight = run_timeline(schedule_of(tiles, needs=[-1, -1, 0, 1]), channel, 2).end[-1]
    assert (apart, in_flight) == (87, 51)


def test_presets_in_cycles():
    channel = channel_of(DramConfig(model="ddr4_3200", row_buffer=True), 800.0)
    assert channel == Channel(256, 1, 12, 512, 65536, 16, 12 * 256, 12 * 256)
    assert channel_of(DramConfig(gbps=34.0), 700.0) == Channel(2720, 7, 70, 512)
    assert channel_of(DramConfig(model="hbm2", channels=8), 1000.0)[:2] == (2048, 1)
