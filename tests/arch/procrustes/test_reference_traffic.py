"""Do the words that move, wave by wave, add up to the page's tables? Written out here from the tables, set by set."""

from math import ceil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.arch.training.procrustes.reference import run
from accelsim.arch.training.procrustes.reference.balance import shares
from accelsim.arch.training.procrustes.reference.loops import loops_of
from accelsim.arch.training.procrustes.reference.sets import weight_sets
from accelsim.arch.training.procrustes.reference.tiling import choose_tile
from accelsim.errors import UnsupportedLayerError
from accelsim.testing import layers
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear


class Page:
    """The tables of docs/machines/procrustes.md for one pass; letters as on the page."""

    def __init__(self, layer, config, policy, phase):
        self.config, self.phase = config, phase
        self.loops = loops = loops_of(layer, config.sparse)
        self.tiling = tiling = choose_tile(loops, config, phase)
        self.a, self.d, self.N = tiling.words.lane, tiling.words.depth, loops.images
        self.T = ceil(tiling.plane_rows / tiling.words.p) * ceil(tiling.plane_cols / tiling.words.q)
        self.TN = self.T * self.N
        every = list(weight_sets(loops, tiling))
        self.skipped = [one for one in every if one.kept == 0]
        sets = [one for one in every if one.kept]
        self.sets = list(zip(sets, shares(sets, tiling, config, policy), strict=True))
        self.words = dict.fromkeys(("glb_reads", "glb_writes", "mask_words", "pointer_reads", "displaced_words",
                                    "spilled_words", "dram_weight_reads", "dram_activation_reads", "dram_writes"), 0)

    def loads(self):
        tiling, config, loops = self.tiling, self.config, self.loops
        if self.phase == "weight_update" or config.dataflow == "ck":
            return 1
        if config.dataflow == "pq":
            return (self.N * ceil(loops.rows.outputs / (tiling.words.p * config.pe_rows))
                    * ceil(loops.cols.outputs / (tiling.words.q * config.pe_cols)))
        return self.T * ceil(self.N / config.pe_cols)

    def fill(self):
        if self.config.sparse:
            for one, loads in [(s, self.loads()) for s, _ in self.sets] + [(s, 1) for s in self.skipped]:
                self.words["mask_words"] += ceil(one.dense / 32) * loads
                self.words["pointer_reads"] += 4 * sum(t.owned for t in one.tiles) * loads
        (self._update if self.phase == "weight_update" else self._forward_or_backward)()
        self._dram()
        return self.words

    def _update(self):
        tiling, config, loops = self.tiling, self.config, self.loops
        if config.dataflow == "pq":
            f = (min(config.pe_rows, ceil(loops.rows.outputs / tiling.words.p))
                 * min(config.pe_cols, ceil(loops.cols.outputs / tiling.words.q)))
        else:
            f = 1 if config.dataflow == "ck" else min(self.N, config.pe_cols)
        for one, share in self.sets:
            groups = 1 if config.dataflow == "ck" else self._groups(one.lanes)
            self.words["glb_reads"] += (len(one.lanes) * self.a + groups * len(one.depth) * self.d) * self.TN
            self.words["glb_writes"] += one.kept * f
            self.words["glb_reads"] += one.kept * (f - 1)
            self.words["spilled_words"] += 2 * self._excess(share) * self.TN

    def _forward_or_backward(self):
        config, loops, axes, forward = self.config, self.loops, self.tiling.axes, self.phase == "forward"
        written = 0
        for one, share in self.sets:
            lanes, depth, excess = len(one.lanes), len(one.depth), self._excess(share)
            self.words["glb_reads"] += one.kept * self.loads()
            if config.dataflow == "ck":
                rows, cols = (len({getattr(t, of) for t in one.tiles if t.owned}) for of in ("depth", "lanes"))
                self.words["glb_reads"] += (depth * self.d if forward else lanes * self.a) * self.TN
                written += (rows * lanes * self.a if forward else cols * depth * self.d) * self.TN
                back = self.a if self.tiling.lanes >= self.tiling.depth else self.d
                self.words["spilled_words"] += excess * self.TN
            else:
                if config.dataflow == "cn":
                    written += sum(self._groups(t.lanes) for t in one.tiles if t.owned) * depth * self.d * self.TN
                else:
                    self.words["glb_reads"] += self._groups(one.lanes) * depth * self.d * self.TN
                back = self.a
                self.words["spilled_words"] += excess * self.loads()
            self.words["displaced_words"] += share.displaced * back * self.TN
        stationary = axes.lanes * self.a * self.TN
        size = {"kn": written, "cn": loops.groups * axes.depth * self.d * self.TN,
                "ck": (loops.filters * self.a if forward else loops.channels * self.d) * self.TN, "pq": written}
        if config.dataflow == "cn":
            self.words["glb_reads"] += stationary
        elif config.dataflow != "ck":
            written += stationary
        own = loops.activation.size if config.dataflow == "pq" and not forward else size[config.dataflow]
        if config.dataflow in ("cn", "ck") or (config.dataflow == "pq" and not forward):
            self.words["glb_reads"] += max(0, written - own)
        self.words["glb_writes"] += written

    def _dram(self):
        loops, words, room = self.loops, self.words, self.loops.groups * max(1, self.config.glb_words // 2)
        Z, M = int(loops.mask.sum()), ceil(loops.mask.size / 32) if self.config.sparse else 0
        WW, XW = Z + M, loops.activation.size
        YW = self.N * loops.filters * loops.rows.outputs * loops.cols.outputs
        if self.phase == "weight_update":
            cuts = range(1, loops.filters_per_group + 1)
            read, writes = (Z, min(XW * i + YW * max(1, ceil(WW / (room * i))) for i in cuts)), WW
        else:
            IN, OUT, last = (XW, YW, loops.filters_per_group) if self.phase == "forward" else (
                YW, XW, loops.channels_per_group)
            read, writes = (WW * max(1, ceil(OUT / room)), IN), OUT
            for other in [*((WW * max(1, ceil(OUT / (room * i))), IN * i) for i in range(2, last + 1)),
                          (WW, IN * max(1, ceil(WW / room)))]:
                if sum(other) < sum(read):
                    read = other
        words["dram_weight_reads"], words["dram_activation_reads"], words["dram_writes"] = *read, writes
        words["glb_writes"] += sum(read)
        words["glb_reads"] += writes

    def _excess(self, share):
        return sum(max(0, len(weights) - self.tiling.weight_words) for weights in share.weights)

    def _groups(self, lanes):
        return len({lane // self.tiling.axes.lanes_per_group for lane in lanes})


@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck", "pq"])
@given(data=st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_words_are_the_tables(preset, own_policies, dataflow, data):
    layer = data.draw(layers(size=6))
    config = preset.but(
        dataflow=dataflow, pe_rows=data.draw(st.integers(1, 3)), pe_cols=data.draw(st.integers(1, 3)),
        register_file_words=data.draw(st.sampled_from((12, 18, 40, 256))),
        glb_words=data.draw(st.sampled_from((1, 20, 999))),
        tile_lanes=data.draw(st.integers(1, 4)), tile_depth=data.draw(st.integers(1, 4)),
        tile_plane=data.draw(st.integers(1, 3)), sparse=data.draw(st.booleans()),
        weight_fill_percent=data.draw(st.sampled_from((50, 75, 100))))
    policy = own_policies[data.draw(st.sampled_from(sorted(own_policies)))]
    for phase in config.phases:
        try:
            counts = run(layer, config.but(phases=(phase,)), policy).counts
        except UnsupportedLayerError:
            continue
        expected = Page(layer, config, policy, phase).fill()
        assert {name: counts[name] for name in expected} == expected


def test_spills_and_displaced_lanes_by_hand(preset, own_policies):
    # 3 filters a row, 8 8 2 | 4 0 0 bits: halves of two filters and one: 16 + 0 stay on row 0, 4 + 2 on row 1, so that
    # filter 2 is displaced. 3 outputs, 8 inputs, ceil(24 x 22 / 48 / .75) = 15 words for weights: 1 of the 16 too many
    # in both rounds of 3 images.
    weight = np.arange(8) < np.array([8, 8, 2, 4, 0, 0])[:, None]
    layer = linear("l", weight.astype(int), np.ones((3, 8), int))
    config = preset.but(pe_rows=2, pe_cols=2, register_file_words=26, phases=("forward",))
    result = run(layer, config, own_policies["half_tile"])
    assert result.mapping["forward_tile"] == [3, 8, 1, 1]
    assert result.counts["spilled_words"] == 1 * 2
    assert result.counts["displaced_words"] == 1 * 3


@pytest.mark.parametrize("groups", [1, 2])
def test_blocks_cut_along_two_axes(preset, dram_words, groups):
    # For each group 8 filters of 16 channels, 8 images: 128 weights and 4 mask words, 128 inputs, 64 outputs; 16 words
    # of the buffer stay. A group has all of them in its turn, so that two groups move twice the words of one.
    # Forward, 4 blocks of 16 sums: cut along images alone 128 + 132 x 4 = 656, along filters alone 128 x 4 + 132 = 644,
    # in two along both 128 x 2 + 132 x 2 = 520, in three along filters 128 x 3 + 132 x 2 = 648; weights in 9 blocks
    # that stay 132 + 128 x 9.
    layer = conv2d("c", np.ones((8 * groups, 16, 1, 1), int), np.ones((8, 16 * groups, 1, 1), int), groups=groups)
    config = preset.but(glb_words=32)
    assert dram_words(layer, config, "forward") == [264 * groups, 256 * groups, 64 * groups]
    # Backward, 8 blocks: channels in 4, images in 2: 64 x 4 + 132 x 2 = 520. In 3 and 3: 588. Images alone: 1120,
    # channels alone: 64 x 8 + 132 = 644, weights stay: 132 + 64 x 9 = 708.
    assert dram_words(layer, config, "backward") == [264 * groups, 256 * groups, 128 * groups]
    # Update, 132 words of gradients in blocks of 16: filters in 2, channels in 5: 128 x 2 + 64 x 5 = 576, and as much
    # in 3 and 3. Channels alone: 128 + 64 x 9 = 704; filters in 4 leave 3 for channels, 704; in 8, 2: 1152.
    assert dram_words(layer, config, "weight_update") == [128 * groups, 576 * groups, 132 * groups]


def test_one_filter_a_group_is_not_cut(preset, dram_words):
    # Depthwise, one word stays at a time: 9 sums of each of 2 groups in 9 blocks, along positions: 18 + 19 x 9; where
    # weights stay 19 + 18 x 10. Three cuts along filters would move 18 x 3 + 19 x 3, but there is one filter.
    layer = conv2d("depthwise", np.ones((2, 1, 3, 3), int), np.ones((1, 2, 3, 3), int), groups=2, padding=1)
    config = preset.but(glb_words=2)
    assert dram_words(layer, config, "forward") == [171, 18, 18]
    assert dram_words(layer, config, "weight_update") == [18, 18 + 18 * 10, 19]
