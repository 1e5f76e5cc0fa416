"""The reference's parts one by one: tiles by hand, waves against the page's sums, policies, the half-tile algorithm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.training.procrustes.reference.balance import shares
from accelsim.arch.training.procrustes.reference.loops import LoopAxis, loops_of
from accelsim.arch.training.procrustes.reference.sets import weight_sets
from accelsim.arch.training.procrustes.reference.threshold import ThresholdUnit
from accelsim.arch.training.procrustes.reference.tiling import choose_tile
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

# C, K, channels and filters of a PE's tile, kept share of the weights: speed-up without and with half-tile pairing
# over 12 draws, mean and standard deviation, as an independent program of the authors' algorithm gives them
DRAWN_MASKS = [
    (64, 4, 4, 1 / 11.7, (7.79, 0.12), (10.30, 0.24)),
    (64, 4, 4, 1 / 5.2, (3.97, 0.07), (4.83, 0.07)),
    (256, 2, 16, 1 / 11.7, (8.64, 0.07), (10.81, 0.06)),
    (256, 2, 16, 1 / 5.2, (4.27, 0.02), (4.97, 0.02)),
]


def shape(tiling):
    return tiling.lanes, tiling.depth, tiling.words.p, tiling.words.q, tiling.weight_words


def square(channels, stride=1, size=8):
    return conv2d("c", np.ones((channels, channels, 3, 3), int), np.ones((1, channels, size, size), int), stride,
                  padding=1)


def test_words_under_and_over_a_tile():
    # 2 outputs of 3 taps: stride 1 reads 4 inputs, stride 2 5, dilation 3 (0 3 6 1 4 7) 6, stride 5 2 x 3.
    assert [LoopAxis(9, 9, 3, *steps).inputs_under(2) for steps in ((1, 1, 1), (2, 1, 1), (1, 1, 3), (5, 1, 1))] \
        == [4, 5, 6, 6]
    # 2 inputs: stride 1, outputs -2 .. 1; stride 2, 0 <= 2m + r < 2: m = 0, 0, -1; dilation 3, m = 0 1, -3 -2, -6 -5;
    # stride 5: m = 0 for taps 0 and 1, none for 2.
    assert [LoopAxis(9, 9, 3, *steps).outputs_over(2) for steps in ((1, 1, 1), (2, 1, 1), (1, 1, 3), (5, 1, 1))] \
        == [4, 2, 6, 1]
    assert LoopAxis(9, 9, 1, 3).outputs_over(1) == 1


def test_published_tile(preset):
    # 64 filters on 16 rows: 4 lanes; a 2 x 2 tile has 4 output and 16 input words: 16 + 16 e + 36 e / .75 <= 256 gives
    # e = 3, ceil(64 / 3) = 22 depth blocks of 3. Dense: 16 + 52 e, e = 4.
    assert shape(choose_tile(loops_of(square(64), True), preset, "forward")) == (4, 3, 2, 2, 256 - 16 - 48)
    assert shape(choose_tile(loops_of(square(64), False), preset.but(sparse=False), "forward")) \
        == (4, 4, 2, 2, 256 - 16 - 64)
    # Backward: the plane is the input's; lanes are channels of 4 words, 4 x 4 outputs lie over them: the same tile.
    # With stride 2, 2 x 2 outputs: 16 + 4 e + 48 e: e = 4.
    assert shape(choose_tile(loops_of(square(64), True), preset, "backward")) == (4, 3, 2, 2, 192)
    assert shape(choose_tile(loops_of(square(64, stride=2), True), preset, "backward")) == (4, 4, 2, 2, 224)


def test_other_dataflows_tile(preset):
    # `ck`: 4 filters, at most 4 channels: 16 + 16 e + 48 e, e = 3, 64 / (16 x 3): 2 blocks of 2. `cn`: lanes are
    # channels of 16 words: 64 + 4 e + 48 e, e = 3. `pq`: 8 x 8 outputs on 16 x 16 PEs: 1 position, 9 inputs; up to 32
    # filters: 32 + 9 + 32 x 12 is too much, l + 9 + 12 l <= 256 gives l = 19; 4 blocks of 16.
    loops = loops_of(square(64), True)
    assert shape(choose_tile(loops, preset.but(dataflow="ck"), "forward")) == (4, 2, 2, 2, 256 - 16 - 32)
    assert shape(choose_tile(loops, preset.but(dataflow="cn"), "forward")) == (4, 3, 2, 2, 256 - 64 - 12)
    assert shape(choose_tile(loops, preset.but(dataflow="pq"), "forward")) == (16, 1, 1, 1, 256 - 16 - 9)


def test_smaller_plane_before_fewer_lanes(preset):
    # One row, 3 filters of one channel, register file of 3 + 9 + ceil(27 / .75) = 48 words: 3 lanes at 1 x 1.
    layer = conv2d("c", np.ones((3, 1, 3, 3), int), np.ones((1, 1, 8, 8), int))
    config = preset.but(pe_rows=1, register_file_words=48)
    assert shape(choose_tile(loops_of(layer, True), config, "forward"))[:4] == (3, 1, 1, 1)
    assert shape(choose_tile(loops_of(layer, True), config.but(register_file_words=47), "forward"))[:4] == (2, 1, 1, 1)


def test_depthwise_lanes_touch_groups(preset):
    # 32 channels of their own on 16 rows: 2 lanes touch 2 groups: 2 x 4 + 2 x 16 + ceil(18 / .75) = 64 words.
    layer = conv2d("c", np.ones((32, 1, 3, 3), int), np.ones((1, 32, 8, 8), int), groups=32)
    tiling = choose_tile(loops_of(layer, True), preset, "forward")
    assert shape(tiling) == (2, 1, 2, 2, 256 - 8 - 32)
    assert tiling.axes.groups_touched(1) == 1


@pytest.mark.parametrize("phase", ["forward", "backward", "weight_update"])
@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck", "pq"])
def test_sets_hold_every_weight_once(preset, dataflow, phase):
    rng = np.random.default_rng(0)
    layer = conv2d("c", rng.integers(0, 2, (6, 5, 2, 3)), np.ones((2, 10, 4, 4), int), groups=2)
    config = preset.but(pe_rows=2, pe_cols=3, dataflow=dataflow, tile_lanes=2, tile_depth=2)
    loops = loops_of(layer, True)
    sets = list(weight_sets(loops, choose_tile(loops, config, phase)))
    held = [weight for one in sets for weights in one.weights for weight in weights]
    assert sorted(held) == sorted(loops.weights())
    assert sum(one.dense for one in sets) == layer.weight.size


@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck"])
@pytest.mark.parametrize("policy", ["half_tile", "none", "ideal", "work_stealing"])
def test_waves_add_up_to_the_pages_sum(simulate, preset, own_policies, dataflow, policy):
    rng = np.random.default_rng(1)
    layer = conv2d("c", rng.integers(0, 2, (7, 5, 3, 2)), np.ones((5, 5, 6, 7), int), (2, 1), padding=1)
    config = preset.but(pe_rows=3, pe_cols=2, dataflow=dataflow, threshold_unit=False, tile_lanes=2)
    loops = loops_of(layer, True)
    mapping = simulate(layer, config, own_policies[policy]).mapping
    rounds = 5 if dataflow == "ck" else 3
    for phase in config.phases:
        tiling = choose_tile(loops, config, phase)
        sets = [one for one in weight_sets(loops, tiling) if one.kept]
        slowest = [max(map(len, share.weights)) for share in shares(sets, tiling, config, own_policies[policy])]
        assert mapping[f"{phase}_cycles"] == sum(slowest) * 3 * 8 * rounds


@given(sets=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 60)), max_size=8), rate=st.integers(1, 5))
def test_threshold_unit_follows_the_recurrence(sets, rate):
    e, u = 0, [0]
    for cycles, gradients in sets:
        e = max(e + cycles, u[-1])
        u.append(e + -(-gradients // rate))
    assert ThresholdUnit(rate).run(sets) == u[1:]


def test_stealing_by_hand(own_policies):
    # Queues 5 3 2 | 1 | nothing. At 0: PE 0 begins 5, PE 1 its 1, PE 2 steals the 2. At 1 PE 1 steals the 3.
    load, displaced, swaps = own_policies["work_stealing"](np.array([[[5, 3, 2], [0, 1, 0], [0, 0, 0]]]))
    assert (load.tolist(), displaced.tolist(), swaps.tolist()) == ([[5, 4, 2]], [2], [0])


def test_pairing_by_hand(own_policies):
    # Lanes 9 0 7 | 8 6 1 | 0 0 0: halves of two lanes and one: 9 7, 14 1, 0 0. Order: 14 (PE 1), 9, 7 (PE 0), 1 (PE
    # 1), 0, 0 (PE 2). Pairs 14 + 0, 9 + 0, 7 + 1: to PE 1, PE 0, and, both taken, PE 2. Displaced: 7 and 1.
    load, displaced, swaps = own_policies["half_tile"](np.array([[[9, 0, 7], [8, 6, 1], [0, 0, 0]]]))
    assert (load.tolist(), displaced.tolist(), swaps.tolist()) == ([[9, 14, 8]], [2], [18])


@given(data=st.data())
@settings(deadline=None)
def test_shipped_policies_answer_as_the_page(own_policies, data):
    shipped = pytest.importorskip("accelsim.arch.training.procrustes.policies").POLICIES
    shape = [data.draw(st.integers(1, most)) for most in (3, 6, 5)]
    work = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).integers(0, 7, shape)
    work *= data.draw(st.integers(0, 1)) | (np.arange(shape[2]) % 2)
    assert set(shipped) == set(own_policies)
    for name, own in own_policies.items():
        for shipped_part, own_part in zip(shipped[name](work), own(work), strict=True):
            np.testing.assert_array_equal(shipped_part, own_part)


@pytest.mark.parametrize(("size", "channels", "filters", "density", "synchronous", "paired"), DRAWN_MASKS)
def test_half_tile_speed_up_on_drawn_masks(preset, own_policies, size, channels, filters, density, synchronous, paired):
    rng = np.random.default_rng(size)
    config = preset.but(register_file_words=10**6, tile_lanes=filters, tile_depth=channels)
    for _ in range(2 if size < 100 else 1):
        kept = (rng.random((size, size, 3, 3)) < density).astype(int)
        loops = loops_of(conv2d("drawn", kept, np.ones((1, size, 3, 3), int)), True)
        tiling = choose_tile(loops, config, "forward")
        assert (tiling.lanes, tiling.depth) == (filters, channels)
        sets = list(weight_sets(loops, tiling))
        for policy, (mean, deviation) in (("none", synchronous), ("half_tile", paired)):
            shared = shares(sets, tiling, config, own_policies[policy])
            slowest = [max(map(len, share.weights)) / (filters * channels * 9) for share in shared]
            assert len(slowest) / sum(slowest) == pytest.approx(mean, abs=3 * deviation)


def test_linear_is_a_plane_of_one_position():
    loops = loops_of(linear("l", [[1, 0, 2]], [[1, 2, 3], [4, 5, 6]]), True)
    assert (loops.images, loops.channels, loops.filters, loops.taps, loops.kept) == (2, 3, 1, 1, 2)
