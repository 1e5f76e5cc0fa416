"""Are the parts of Eyeriss's reference right? Ticks against the page's recurrences, routes and codes against paper."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.row_stationary.eyeriss.reference.bus import Buses
from accelsim.arch.row_stationary.eyeriss.reference.compressed import RunLengthEntry, Stream, WeightTile, run_lengths
from accelsim.arch.row_stationary.eyeriss.reference.convolution import SlidingAxis
from accelsim.arch.row_stationary.eyeriss.reference.global_buffer import PsumBanks
from accelsim.arch.row_stationary.eyeriss.reference.mesh import Mesh
from accelsim.arch.row_stationary.eyeriss.reference.pe import LaneSetting, Pe
from accelsim.arch.row_stationary.eyeriss.reference.schedule import PeColumn, Strip
from accelsim.errors import ModelError
from accelsim.testing import tensor
from accelsim.workload.conv2d import conv2d

STREAM = Stream(segments=(), reach=1, bits=10, dram_bits=10)
TILE = WeightTile(words=(), addresses=(0,), bits=10)
KEY = (0, 0, 0, 0, 0)


@given(seed=st.integers(0, 2**32 - 1), column=st.integers(1, 3), filters=st.integers(1, 5), simd=st.integers(1, 3),
       psum_words=st.integers(5, 12), address_cycles=st.integers(1, 4), stages=st.integers(1, 9),
       density=st.sampled_from((0.1, 0.4, 0.8)))
def test_ticks_keep_to_the_recurrences(simulate, seed, column, filters, simd, psum_words, address_cycles, stages,
                                       density):
    """One lane: PE i has channel i of a filter of one row and three taps. The page's rules, straight."""
    rng = np.random.default_rng(seed)
    layer = conv2d("lane", tensor(rng, (filters, column, 1, 3), density), tensor(rng, (1, column, 1, 9), 0.6))
    result = simulate(layer, {"m0": filters, "s0": 3, "column": column}, pe_rows=3, macs_per_pe=simd,
                      psum_words=psum_words, address_cycles=address_cycles, pipeline_stages=stages,
                      iact_port_bits=1 << 16, weight_port_bits=1 << 16)
    words = -(-(layer.weight != 0).sum(axis=(0, 2)) // simd)  # [channel, tap]
    windows = [[words[i, np.flatnonzero(layer.activation[0, i, 0, q:q + 3])] for q in range(7)] for i in range(column)]
    cost = [[window_cost(window, address_cycles) for window in of_pe] for of_pe in windows]
    end, out, slowest, waits = [0] * column, [], [], {"column": 0, "psum": 0}
    ahead, adding = psum_words // filters, -(-filters // 2)
    for w in range(7):
        for i in range(column):
            free = out[w - ahead] if w >= ahead else 0
            begin = max(end[i], free)
            waits["column"] += max(0, min(begin, slowest[w - ahead]) - end[i]) if w >= ahead else 0
            waits["psum"] += max(0, begin - max(end[i], slowest[w - ahead])) if w >= ahead else 0
            waits["psum"] += adding
            end[i] = begin + cost[i][w] + adding
        slowest.append(max(end))
        out.append(slowest[w] + stages - 1)
    waits["column"] += sum(slowest[-1] - e for e in end)
    waits["psum"] += column * (out[-1] - slowest[-1])
    bubbles = sum(map(sum, cost)) - sum(int(np.sum(window)) for of_pe in windows for window in of_pe)
    assert result.cycles == 1 + out[-1]
    assert {name: result.stalls[name] for name in ("bubble", "column", "psum")} == {
        "bubble": simd * bubbles, "column": simd * waits["column"], "psum": simd * waits["psum"]}


def window_cost(words: np.ndarray, address_cycles: int) -> int:
    address_free, weights_free = 1 - address_cycles, 0
    for n in map(int, words):
        if n == 0:
            address_free += address_cycles
        else:
            begin = max(address_free + address_cycles - 1, weights_free)
            weights_free, address_free = begin + n, begin + 1
    return max(address_free, weights_free)


def test_streams_go_down_the_homes_column_then_along_rows(small):
    # Stream 0 of 3 planes: plane 0, first destination. (0, 0) -> (1, 0) -> (2, 0) -> (2, 1), and (1, 0) -> (1, 1).
    mesh = Mesh(small(cluster_rows=3, cluster_cols=2))
    destinations = [(1, 1), (0, 0), (2, 1)]
    mesh.send_stream(0, KEY, STREAM, destinations)
    links = [((0, 0), (1, 0)), ((1, 0), (2, 0)), ((2, 0), (2, 1)), ((1, 0), (1, 1))]
    assert mesh.iacts.bits == {("bank", 0, (0, 0)): 10, **{("link", 0, *link): 10 for link in links},
                               **{("cluster", 0, at): 10 for at in destinations}}
    assert mesh.iacts.hop_bits == 10 * (4 + 3)
    assert all(mesh.inboxes[at].streams == {KEY: STREAM} for at in destinations)
    assert not mesh.inboxes[1, 0].streams


def test_homes_and_planes_take_turns(small):
    # Stream 5 of 3 planes: plane 2, second destination; (1, 1) -> (0, 1) -> (0, 0), and (1, 1) -> (2, 1).
    mesh = Mesh(small(cluster_rows=3, cluster_cols=2))
    mesh.send_stream(5, KEY, STREAM, [(1, 1), (0, 0), (2, 1)])
    assert {link for link in mesh.iacts.bits if link[0] in ("bank", "link")} == {
        ("bank", 2, (1, 1)), ("link", 2, (1, 1), (0, 1)), ("link", 2, (0, 1), (0, 0)), ("link", 2, (1, 1), (2, 1))}
    assert mesh.iacts.cycles == 1
    mesh.send_stream(5, KEY, STREAM, [(1, 1), (2, 1)])  # home (2, 1)
    mesh.send_stream(2, KEY, STREAM, [(1, 1), (2, 1)])
    assert mesh.iacts.bits["cluster", 2, (1, 1)] == 30
    assert mesh.iacts.cycles == 2  # 30 bits through 24


def test_weights_travel_along_their_row(small):
    # Row 4 of the array is in cluster row 1. Destinations 1 and 3 of 4: in at 1, two links, cluster 2 passes on.
    mesh = Mesh(small(cluster_rows=2, cluster_cols=4, pe_rows=3))
    mesh.send_weights(4, (0, 0, 0), TILE, {3, 1})
    assert mesh.weights.bits == {("off-chip", 4, 1): 10, ("pes", 4, 1): 10, ("link", 4, 1, 2): 10,
                                 ("link", 4, 2, 3): 10, ("pes", 4, 3): 10}
    assert mesh.weights.hop_bits == 40
    assert {at for at, inbox in mesh.inboxes.items() if inbox.tiles} == {(1, 1), (1, 3)}


def test_a_bus_carries_a_tile_once(small):
    buses = Buses(small(cluster_rows=2, cluster_cols=2))
    for row in range(2):
        buses.send_weights(row, (0, 0, 0), TILE, {0, 1})
    assert buses.weights.hop_bits == buses.weights.bits["bus"] == 10
    assert len(buses.inboxes) == 4


def test_a_scratchpad_refuses_too_many_words(small):
    setting = LaneSetting(True, SlidingAxis(1, 1, 1), filters=2, psums=2)
    tile = WeightTile.of(np.array([[[1]], [[2]]]), True, small())
    pe = Pe(small(weight_words=1), setting, Strip(0, 0, 0, 0, range(1), range(1)), Counter(), Counter())
    with pytest.raises(ModelError, match="2 words of weights, wanted at most 1"):
        pe.load(tile, [None])


def test_sums_leave_at_the_top_and_enter_at_the_bottom(small):
    # Rows 2 to 6 of 3 a cluster: cluster rows 0 to 2.
    strips = tuple(Strip(j, j, 0, 0, range(j, j + 1), range(1)) for j in range(5))
    lane = PeColumn(2, 1, 0, 0, range(1), (0,), strips)
    mesh, buses = (kind(small(cluster_rows=3, pe_rows=3, pe_cols=2)) for kind in (Mesh, Buses))
    for from_buffer in (False, True):
        mesh.move_psums(lane, 100, from_buffer)
        buses.move_psums(lane, 100, from_buffer)
    assert mesh.psums.bits == {("out", 0, 1): 200, ("read", 0, 1): 100, ("in", 2, 1): 100}
    assert mesh.psums.hop_bits == 3 * 300
    assert (buses.psums.cycles, buses.psums.hop_bits) == (5, 300)


@pytest.mark.parametrize(("values", "count_bits", "entries"), [
    ([], 4, []),
    ([0, 0, 0], 1, []),  # zeros at the end are not stored
    ([7, 0, 8], 4, [(0, 7), (1, 8)]),
    ([0] * 15 + [7], 4, [(15, 7)]),
    ([0] * 16 + [7], 4, [(15, 0), (0, 7)]),
    ([0] * 31 + [7, 8], 4, [(15, 0), (15, 7), (0, 8)]),
    ([0] * 32 + [7], 4, [(15, 0), (15, 0), (0, 7)]),
])
def test_runs_over_the_count_take_placeholders(values, count_bits, entries):
    assert run_lengths(values, count_bits) == [RunLengthEntry(*entry) for entry in entries]


def test_weight_tiles(small):
    # Weights [filter, channel, tap]; columns tap by tap: channel 0, 1, then 0, 1 of tap 1. Pairs of one column.
    weights = np.array([[[1, 0], [0, 0]], [[2, 5], [0, 0]], [[3, 0], [0, 6]]])
    tile = WeightTile.of(weights, True, small(macs_per_pe=2))
    assert tile.addresses == (0, 2, 2, 3, 4)  # an empty column repeats its address
    assert tile.words == (((0, 1), (0, 2)), ((0, 3),), ((1, 5),), ((2, 6),))
    assert tile.bits == 4 * 2 * 12 + 4 * 7
    dense = WeightTile.of(weights, False, small(macs_per_pe=2))
    assert dense.addresses == (0, 2, 4, 6, 8)
    assert dense.bits == 12 * 8


@pytest.mark.parametrize(("taps", "stride", "dilation", "padding"), [
    (range(3), 1, 1, 0), (range(2, 5), 1, 1, 2), (range(5), 2, 1, 1), (range(2), 3, 1, 0),
    (range(1, 4), 2, 3, 4), (range(3), 1, 2, 2), (range(3), 4, 3, 0),
])
def test_segments_hold_each_window(small, taps, stride, dilation, padding):
    """Decoded segments q to q + reach - 1 have all of window q; those of all windows have each input once."""
    inputs = 20
    outputs = (inputs + 2 * padding - dilation * 4 - 1) // stride + 1
    cols = SlidingAxis(inputs, outputs, 5, stride, padding, dilation)
    row = np.arange(1, 2 * inputs + 1).reshape(2, inputs) * (np.arange(2 * inputs).reshape(2, inputs) % 3 > 0)
    met = {x for q in range(outputs) for tap in taps for x in [cols.met(q, tap)] if 0 <= x < inputs}
    for compressed in (True, False):
        stream = Stream.of(row, taps, cols, compressed, small())
        wanted = {(x, c): int(row[c, x]) for x in met for c in range(2) if row[c, x] or not compressed}
        assert sum(len(segment.entries) for segment in stream.segments) == len(wanted)
        for q in range(outputs):
            held = {}
            for segment in stream.segments[q:q + stream.reach]:
                held |= segment.decoded(2)
            of_window = {cols.met(q, tap) for tap in taps}
            assert {at: n for at, n in held.items() if at[0] in of_window} == {
                at: n for at, n in wanted.items() if at[0] in of_window}
    if dilation == 1:
        assert len(stream.segments) == outputs - 1 + -(-len(taps) // stride)


def test_banks_that_are_full_say_so():
    banks = PsumBanks(1)
    banks.write((0, 0, 0, 0), 5)
    with pytest.raises(ModelError, match="holds 1"):
        banks.write((0, 0, 0, 1), 6)
    assert banks.read((0, 0, 0, 0)) == 5
    banks.write((0, 0, 0, 1), 6)
