"""Does the kernel do what docs/machines/tensor_core.md says? Cases small enough to be followed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.gpu.tensor_core.policies import POLICIES
from accelsim.arch.machine import LayerRun
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import ConfigError
from accelsim.simulation import check_accounting
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul

pytestmark = pytest.mark.small
TENSOR_CORE = machine("tensor_core")


def run(layer: Layer, config, policy: str = "strict") -> LayerRun:
    outcome = TENSOR_CORE.run(layer, config, POLICIES[policy])
    check_accounting(TENSOR_CORE, layer, outcome)
    return outcome


def ones(rows: int, vectors: int, k: int) -> Layer:
    return linear("x", np.ones((rows, k), bool), np.ones((vectors, k), bool))


def test_one_cta_of_two_steps(design):
    """Copy of step 0: 32 bytes by 4, the DRAM's 7 and L2's 5 more: 16. Two steps of 16; the sum 3 later; C 16 bytes."""
    outcome = run(ones(4, 4, 8), design())
    assert outcome.cycles == 16 + 32 + 3 + 2
    assert {k: v for k, v in outcome.stalls.items() if v} == {"busy": 128, "prologue": 4 * 16, "epilogue": 4 * 5}
    assert outcome.counts["dram_read_bytes"] == outcome.counts["l2_read_bytes"] == 64
    assert outcome.counts["shared_read_bytes"] == 2 * (16 * 2 + 16 * 2)  # two warps read each strip
    assert outcome.counts["mma_instructions"] == 2 * 4 * 2
    assert outcome.mapping == {"tile": "4x4_4x2", "runs": "dense", "occupancy": 1, "slices": 1, "waves": 1,
                               "most_ctas_per_sm": 1, "issue_cycles": 32}


def test_a_step_waits_for_its_copy(design):
    """Step 1 is booked when step 0 starts, at 16, and arrives 16 later; step 0 issues for 4 cycles and ends after 6."""
    outcome = run(ones(4, 4, 8), design(sub_cores_per_sm=4))
    assert outcome.cycles == 16 + 16 + 6 + 3 + 2
    assert outcome.stalls["mma_latency"] == 16 * 2  # two dependent instructions of 3 cycles against 4 of issue
    assert outcome.stalls["copy"] == 16 * 10


def test_metadata_comes_last(design, nm_pattern):
    """A: 8 bytes of kept values, B 16, indices 2: the last two bytes start a cycle of their own."""
    layer = linear("x", nm_pattern(4, 8), np.ones((4, 8), bool))
    outcome = run(layer, design(mode="n_m", sub_cores_per_sm=4, dram_bytes_per_cycle=1 << 20, dram_latency_cycles=0))
    assert outcome.counts["metadata_bytes"] == 2 * 2
    assert outcome.counts["l2_read_bytes"] == 2 * (8 + 16 + 2)
    # booked at cycle 9, values done at 12, metadata at 13, both 5 later; step 0 ends at 9 + 3
    assert outcome.stalls["metadata"] == 16
    assert outcome.stalls["copy"] == 16 * 5
    assert outcome.stalls["mma_latency"] == 16


def test_shared_memory_bounds_a_step(design):
    outcome = run(ones(4, 4, 8), design(shared_bytes_per_cycle=4))
    assert outcome.stalls["shared_memory"] == 4 * 2 * (24 - 16)  # 32 written + 64 read


def test_edges_are_padding(design):
    outcome = run(ones(3, 4, 5), design())
    assert (outcome.stalls["busy"], outcome.stalls["padding"]) == (60, 128 - 60)
    assert outcome.counts["l2_read_bytes"] == 12 + 16 + 3 + 4


def test_zeros_and_empty_places_are_multiplied(design):
    weight = np.array([[1, 0, 0, 0]] * 4, bool)
    outcome = run(linear("x", weight, np.ones((4, 4), bool)), design(mode="n_m"))
    assert (outcome.stalls["busy"], outcome.stalls["operand_zero"], outcome.stalls["padding"]) == (16, 16, 0)


def test_ctas_go_to_the_first_free_slot(design):
    """5 tiles on 2 SMs: 3 and 2; the other SM's tail is a whole tile's time."""
    outcome = run(ones(20, 4, 8), design(sms=2))
    assert outcome.mapping["most_ctas_per_sm"] == 3
    assert outcome.mapping["waves"] == 3
    assert outcome.stalls["tail_wave"] > 4 * 32


def test_more_sms_than_tiles_idle(design):
    one, four = (run(ones(4, 4, 8), design(sms=sms)) for sms in (1, 4))
    assert four.cycles == one.cycles
    assert four.stalls["tail_wave"] == 3 * 4 * one.cycles


def test_two_resident_ctas_hide_each_others_waits(design):
    alone, paired = (run(ones(16, 4, 8), design(warps_per_sm=warps)) for warps in (4, 8))
    assert (alone.mapping["occupancy"], paired.mapping["occupancy"]) == (1, 2)
    assert paired.cycles < alone.cycles
    assert paired.stalls["prologue"] < alone.stalls["prologue"]


def test_split_k_adds_slices_up(design):
    outcome = run(ones(4, 4, 16), design(sms=4, split_k=3))
    assert (outcome.mapping["slices"], outcome.counts["ctas"], outcome.counts["k_steps"]) == (3, 3, 4)
    # 16 outputs: 3 partial sums of 4 bytes and one value of 1 byte, 8 bytes a cycle, and 5
    assert outcome.stalls["reduction"] == outcome.slots * (208 // 8 + 5)
    assert outcome.counts["l2_reduction_bytes"] == 192
    assert outcome.counts["l2_write_bytes"] == 192 + 16
    assert run(ones(4, 4, 8), design(split_k=3)).mapping["slices"] == 2  # no more than steps


def test_c_beyond_the_l2_is_written_back(design):
    """16 bytes of C, none fits: 64 bytes read and 16 written at 1 byte a cycle."""
    outcome = run(ones(4, 4, 8), design(l2_bytes=0, dram_bytes_per_cycle=1, dram_latency_cycles=0, output_bits=64))
    assert outcome.cycles == 64 + 128
    assert outcome.stalls["write_back"] > 0


def test_a_small_l2_reads_again(design):
    """Two tile columns share A: with room for everything A is read once, with little room again."""
    layer = ones(4, 8, 8)
    roomy, tight = (run(layer, design(l2_bytes=size)) for size in (1 << 20, 40))
    assert roomy.counts["dram_read_bytes"] == 32 + 64
    assert tight.counts["dram_read_bytes"] == roomy.counts["l2_read_bytes"] == 128
    assert tight.cycles > roomy.cycles


def test_the_least_recently_used_block_leaves_the_l2(design):
    """Blocks of 16 bytes, two fit, one row of A meets three columns of B: a, b0, a, b1, a, b2.

    First in, first out would read a again after b1.
    """
    assert run(ones(4, 12, 4), design(l2_bytes=32)).counts["dram_read_bytes"] == (1 + 3) * 16


def test_a_block_larger_than_the_l2_empties_it(design):
    """a0 (16 bytes), b (4), a1 (16), b again."""
    assert run(ones(8, 1, 4), design(l2_bytes=15)).counts["dram_read_bytes"] == 16 + 4 + 16 + 4
    assert run(ones(8, 1, 4), design(l2_bytes=20)).counts["dram_read_bytes"] == 16 + 4 + 16


def test_launch_is_a_stall(design):
    plain, launched = (run(ones(4, 4, 8), design(launch_cycles=cycles)) for cycles in (0, 100))
    assert launched.cycles == plain.cycles + 100
    assert launched.stalls["launch"] == 100 * launched.slots


def test_dual_side_condenses_what_it_sees(design):
    """Steps of 2 x 2 on 4 rows: 3 non-zeros of A are 2 steps, 1 of B is 1; an empty side issues nothing."""
    weight = np.array([[1, 0, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]], bool)
    vectors = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    config = design(mode="dual_side", mma_k=1, mma_issue_cycles=1, tile="8x8_4x2", warp_edge=4)
    outcome = run(linear("x", weight, vectors), config)
    assert outcome.counts["mma_instructions"] == 2 * 1 + 0 + 1 * 1
    assert outcome.stalls["busy"] == 3 * 1 + 2 * 2
    assert outcome.stalls["operand_zero"] == 3 * 4 - 7
    # 6 + 3 values, and bitmaps of 12 bits each
    assert outcome.counts["l2_read_bytes"] == 6 + 3 + 2 + 2
    assert outcome.counts["metadata_bytes"] == 4


def test_warps_of_a_tile_may_be_uneven(design):
    weight = np.zeros((8, 4), bool)
    weight[:4] = True
    config = design(mode="dual_side", mma_k=1, mma_issue_cycles=1, tile="8x8_4x2", warp_edge=4, sub_cores_per_sm=4)
    outcome = run(linear("x", weight, np.ones((4, 4), bool)), config)
    assert outcome.counts["mma_instructions"] == 16  # one of four warps works
    assert outcome.stalls["imbalance"] == 3 * 16 * 4


def test_products_are_one_grid(design):
    rng = np.random.default_rng(3)
    weight, vectors = rng.random((3, 5, 9)) < .5, rng.random((3, 4, 9)) < .5
    whole = run(matmul("x", weight, vectors), design(sms=6))
    parts = [run(linear("x", w, v), design(sms=6)) for w, v in zip(weight, vectors, strict=True)]
    assert whole.counts["macs"] == sum(part.counts["macs"] for part in parts)
    assert whole.counts["ctas"] == sum(part.counts["ctas"] for part in parts) == 6
    assert whole.cycles < sum(part.cycles for part in parts)


def test_convolutions_have_channels_innermost(design):
    """Two of four channels live at every tap: 2:4 along channels, not along im2col's (c, r, s)."""
    weight = np.zeros((4, 4, 3, 3), bool)
    weight[:, :2] = True
    layer = conv2d("c", weight, np.ones((1, 4, 5, 5), bool), padding=1)
    outcome = run(layer, design(mode="n_m"))
    assert outcome.mapping["runs"] == "n_m"
    assert outcome.counts["macs"] == layer.macs_effectual
    # 25 vectors x 36, nine times the 100 activations: DRAM sees those
    assert outcome.counts["dram_read_bytes"] < outcome.counts["l2_read_bytes"] / 3


def test_channels_are_padded_to_groups_at_each_tap(design):
    layer = conv2d("c", np.ones((4, 2, 2, 2), bool), np.ones((1, 2, 5, 5), bool))
    outcome = run(layer, design(mode="n_m"))
    assert outcome.mapping["runs"] == "n_m"  # two of the group's four exist
    assert outcome.counts["k_steps"] == 4 * 4  # 4 taps of one group


def test_auto_takes_the_least_estimate():
    """On 82 SMs 256 tiles of 128 x 128 take 4 rounds; 512 of half the size take 7 of half the time."""
    layer = ones(1024, 4096, 256)
    assert run(layer, load_arch("rtx3090_dense")).mapping["tile"] == "128x64_64x3"
    assert run(layer, load_arch("a100_dense", {"tile": "64x64_32x4"})).mapping["tile"] == "64x64_32x4"


@settings(max_examples=40, deadline=None)
@given(m=st.integers(1, 20), n=st.integers(1, 20), k=st.integers(1, 40), sms=st.integers(1, 3),
       stages=st.integers(2, 4), mode=st.sampled_from(["dense", "dual_side"]), seed=st.integers(0, 2**32 - 1))
def test_books_balance(design, m, n, k, sms, stages, mode, seed):
    rng = np.random.default_rng(seed)
    layer = linear("x", rng.random((m, k)) < .5, rng.random((n, k)) < .5)
    changes = {"mode": mode, "sms": sms, "tile": f"8x4_4x{stages}", "warps_per_sm": 16, "l2_bytes": 64}
    if mode == "dual_side":
        changes |= {"mma_k": 1, "mma_issue_cycles": 1}
    outcome = run(layer, design(**changes))
    assert outcome.stalls["busy"] == layer.macs_effectual
    assert outcome.slots * outcome.cycles >= layer.macs_effectual
    assert outcome.counts["l2_read_bytes"] >= outcome.counts["dram_read_bytes"]


@pytest.mark.parametrize(("changes", "message"), [
    ({"tile": "128x96_64x3"}, "tile: '128x96_64x3' is not a tile"),
    ({"tile": "128x128_66x3"}, "K of tile 128x128_66x3 is not a multiple of nm_group"),
    ({"tile": "8x128_64x3"}, "smaller than an instruction"),
    ({"mma_issue_cycles": 7}, "mma_issue_cycles: 7 does not divide"),
    ({"nm_keep": 5}, "nm_keep: 5 is more than nm_group"),
    ({"mode": "dual_side"}, "mma_k: dual_side condenses one k at a time"),
    ({"sparse_tiles": []}, "sparse_tiles: mode n_m with tile: auto wants"),
    ({"mma_m": 12}, "mma_m: must be a power of two"),
])
def test_configurations_are_checked(changes, message):
    with pytest.raises(ConfigError, match=message):
        load_arch("a100_40gb", changes)
