"""Is the tensor-core reference right? Outputs against numpy, cycles and stalls against pencil and paper."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim import testing
from accelsim.arch.gpu.tensor_core.reference import COUNTS, STALLS, run
from accelsim.arch.gpu.tensor_core.reference.grid import CtaGrid
from accelsim.arch.gpu.tensor_core.reference.machine import GridRun
from accelsim.arch.gpu.tensor_core.reference.operands import prepare
from accelsim.arch.gpu.tensor_core.reference.tiles import CtaTile
from accelsim.arch.machine import LayerRun
from accelsim.errors import ConfigError, ModelError, TraceError, UnsupportedLayerError
from accelsim.hw.memory.config import DramConfig
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import matrix_products
from accelsim.workload.matmul import linear, matmul


@dataclass(frozen=True)
class Config:
    """The parameters the reference reads. These defaults are the machine of the cases worked by hand."""

    mode: str = "dense"
    tile: str = "2x2_2x2"
    sms: int = 1
    sub_cores_per_sm: int = 1
    nm_keep: int = 2
    nm_group: int = 4
    mma_m: int = 2
    mma_n: int = 2
    mma_k: int = 2
    mma_issue_cycles: int = 2
    mma_latency_cycles: int = 3
    sparse_tiles: tuple[str, ...] = ()
    dense_tiles: tuple[str, ...] = ()
    warp_edge: int = 4
    split_k: int = 1
    swizzle: int = 8
    operand_bits: int = 16
    accumulator_bits: int = 32
    output_bits: int = 16
    shared_bytes_per_sm: int = 128
    shared_bytes_per_cycle: int = 16
    warps_per_sm: int = 1
    port_bytes_per_cycle: int = 4
    l2_bytes: int = 1024
    l2_bytes_per_cycle: int = 8
    l2_latency_cycles: int = 7
    dram_bytes_per_cycle: int = 4
    dram_latency_cycles: int = 5
    launch_cycles: int = 0
    clock_mhz: float = 1000.0
    dram: DramConfig | None = None


def strict(lines: np.ndarray, n: int, m: int) -> list[int]:
    """Channels as they are."""
    channels = lines.shape[1]
    return [*range(channels), *[-1] * (-channels % m)]


def fits(lines: np.ndarray, order: list[int], n: int, m: int) -> bool:
    """No group of the ordered channels has more than n non-zeros."""
    padded = np.concatenate([lines, np.zeros((len(lines), 1), lines.dtype)], axis=1)  # channel -1
    return int((padded[:, order] != 0).reshape(len(lines), -1, m).sum(axis=2).max()) <= n


def dense_fallback(lines: np.ndarray, n: int, m: int) -> list[int] | None:
    """As they are, or dense."""
    order = strict(lines, n, m)
    return order if fits(lines, order, n, m) else None


def shuffled(lines: np.ndarray, n: int, m: int) -> list[int] | None:
    """Any order that fits, with the places without a channel anywhere, or dense."""
    rng = np.random.default_rng(3)
    orders = (rng.permutation(strict(lines, n, m)).tolist() for _ in range(20))
    return next((order for order in orders if fits(lines, order, n, m)), None)


def assert_laws(layer: Layer, config: Config, result: LayerRun) -> None:
    """What holds for every layer and every config."""
    assert result.output is not None
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert (tuple(result.stalls), tuple(result.counts)) == (STALLS, COUNTS)
    stalls, counts = result.stalls, result.counts
    per_instruction = config.mma_m * config.mma_n * config.mma_k
    assert result.slots * config.mma_issue_cycles == config.sms * config.sub_cores_per_sm * per_instruction
    assert min(stalls.values()) >= 0
    assert sum(stalls.values()) == result.slots * result.cycles
    assert counts["macs"] == stalls["busy"] == layer.macs_effectual
    assert counts["zero_multiplies"] == stalls["operand_zero"]
    assert counts["padding_multiplies"] == stalls["padding"]
    assert counts["mma_instructions"] * per_instruction == stalls["busy"] + stalls["operand_zero"] + stalls["padding"]
    assert counts["shared_write_bytes"] == counts["l2_read_bytes"] >= counts["dram_read_bytes"]
    assert stalls["launch"] == result.slots * config.launch_cycles
    if config.split_k == 1:
        assert stalls["reduction"] == counts["l2_reduction_bytes"] == 0
    if result.mapping["runs"] == "dense":
        assert stalls["metadata"] == counts["metadata_bytes"] == 0


def check(layer: Layer, config: Config, cycles: int, waiting: dict[str, int], **counts: int) -> LayerRun:
    """Laws hold; cycles, the other stalls than of issued multiplications (per slot) and counts are as worked out."""
    result = run(layer, config, strict)
    assert_laws(layer, config, result)
    assert result.cycles == cycles
    slots_of_sm = result.slots // config.sms
    issued = ("busy", "operand_zero", "padding")
    assert {name: n / slots_of_sm for name, n in result.stalls.items() if n and name not in issued} == waiting
    assert {name: result.counts[name] for name in counts} == counts
    return result


# Worked by hand from docs/machines/tensor_core.md. One SM has 2 x 2 x 2 / 2 = 4 multipliers; a step of a 2x2_2 tile
# copies A and B of 8 bytes each: 16 written + 16 read at 16 bytes per cycle and one instruction take 2 cycles. C has
# 4 x 16 bits = 8 bytes: 1 cycle of the L2, 2 of the port.


def ones(m: int, n: int, k: int) -> Layer:
    """A dense layer of M, N, K."""
    return linear("ones", np.ones((m, k), np.int8), np.ones((n, k), np.int8))


def test_one_step():
    # Booked at 0. A: DRAM done 2, filled 2 + 5 = 7, L2 1, port 2: arrives 7 + 7 = 14. B: DRAM 4, filled 9: 16. The step
    # takes the SM 16 .. 18, its chain ends at 19, C is written at 22: L2 done 23, port 24. Non-zero products: row 0
    # meets vector 0 in 1 x 4 and vector 1 in 1 x 5 and 2 x 6; row 1 meets vector 1 in 3 x 6.
    result = check(linear("one", [[1, 2], [0, 3]], [[4, 0], [5, 6]], bias=[7, 8]), Config(), 24,
                   {"prologue": 16, "epilogue": 6}, macs=4, zero_multiplies=4, padding_multiplies=0, mma_instructions=1,
                   register_bytes=16, accumulator_updates=4, shared_read_bytes=16, shared_write_bytes=16,
                   l2_read_bytes=16, dram_read_bytes=16, l2_write_bytes=8, dram_write_bytes=8, k_steps=1, ctas=1)
    assert result.mapping == {"tile": "2x2_2x2", "runs": "dense", "occupancy": 1, "slices": 1, "waves": 1,
                              "most_ctas_per_sm": 1, "issue_cycles": 2}


def test_launch_comes_before_everything():
    check(ones(2, 2, 2), Config(launch_cycles=9), 33, {"prologue": 16, "epilogue": 6, "launch": 9})


def test_two_stages_wait_for_the_copy():
    # Step 1 is booked when step 0 starts, at 16. A: DRAM 18, filled 23: 30; B: DRAM 20, filled 25: 32. The SM is idle
    # from 18: up to q = 19 for the sum, then for the copy. Step 1 at 32 .. 34, q = 35, C at 38 .. 40.
    check(ones(2, 2, 4), Config(), 40, {"prologue": 16, "mma_latency": 1, "copy": 13, "epilogue": 6}, k_steps=2)


def test_a_third_stage_hides_most_of_it():
    # Step 1 is booked at 0 too. B: DRAM 8, filled 13: 20. Step 1 at 20 .. 22, q = 23, C at 26 .. 28.
    check(ones(2, 2, 4), Config(tile="2x2_2x3"), 28, {"prologue": 16, "mma_latency": 1, "copy": 1, "epilogue": 6})


def test_inner_steps_are_a_chain():
    # 2x2_4: two inner steps, one behind the other: I = 4, chain 2 x 3 = 6. 16 bytes each: A: DRAM 4, filled 9: 16; B:
    # 8, filled 13: 20. S = 64 / 16 = 4. Step 0 at 20 .. 24, q = 26. Stages 3: B of step 1: DRAM 16, filled 21: 28.
    # Idle from 24: to 26 for the sum, to 28 for the copy. Step 1 at 28 .. 32, q = 34, C at 37 .. 39.
    check(ones(2, 2, 8), Config(tile="2x2_4x3"), 39, {"prologue": 20, "mma_latency": 2, "copy": 2, "epilogue": 7},
          mma_instructions=4)


def test_compressed_operand_and_late_metadata():
    # 2:4, tile 2x2_4: A 2 x 2 kept = 8 bytes, B 16, metadata 4 x 2 bits = 1 byte. S = (25 + 25) / 16 -> 4, I = 2.
    # A: DRAM 2, filled 7: 14. B: DRAM 6, filled 11: 18. EA: DRAM 25 / 4 -> 7, filled 12: 19. Step 0 at 19 .. 23.
    # Step 1, booked at 19: B: DRAM 25, filled 30: 37. EA: DRAM 26, filled 31: 38. Step 1 at 38 .. 42, C at 45 .. 47.
    weight = [[1, 0, 2, 0, 5, 6, 0, 0], [0, 0, 0, 3, 0, 7, 8, 0]]
    activation = [[1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 2, 1, 1, 0, 1, 0]]
    # Step 0: row 0 meets column 0 twice, column 1 once, row 1 each once: 5. Step 1: 2 + 1, 2 + 1: 6.
    check(linear("2:4", weight, activation), Config("n_m", "2x2_4x2"), 47,
          {"prologue": 19, "copy": 14, "metadata": 1, "shared_memory": 4, "epilogue": 5}, macs=11, zero_multiplies=5,
          padding_multiplies=0, metadata_bytes=2, register_bytes=2 * (2 * 2 + 2 * 2 * 2) * 2, mma_instructions=2)


def test_condensed_outer_products():
    # Two warps of 2 x 2 on two tensor cores. k = 0: warp 0 has 2 non-zeros, warp 1 has 1; B has 2: 1 instruction each.
    # k = 1: warp 0 has none, warp 1 has 1, B has 1. Core 0 issues 2 cycles, core 1 4; 2 multipliers each.
    # A 4 values, B 3, bitmaps 1 byte each: written 16, read (8 + 1) + (6 + 1) x 2 = 23: S = 3.
    # A: DRAM 2: 14. B: DRAM 14 / 4 -> 4, filled 9: 16; EA 15 / 4, EB 16 / 4: 16. Step at 16 .. 20, no chain. C, 16
    # bytes, at 23: L2 25, port 27. Core 0 waits 2 cycles x 2 multipliers = 1 cycle of the SM's 4.
    layer = linear("dual", [[1, 0], [2, 0], [3, 4], [0, 0]], [[1, 1], [1, 0]])
    config = Config("dual_side", "4x2_2x2", sub_cores_per_sm=2, mma_k=1, warps_per_sm=2)
    check(layer, config, 27, {"prologue": 16, "imbalance": 1, "epilogue": 7}, macs=7, zero_multiplies=5,
          mma_instructions=3, shared_read_bytes=23, shared_write_bytes=16, metadata_bytes=2, register_bytes=3 * 8)


def test_waves_share_the_l2_and_leave_a_tail():
    # Three CTAs side by side on two SMs. SM 0 as in test_one_step: it ends at 24. SM 1: A is in L2, filled 7; B: DRAM
    # 6, filled 11: 18. Step 18 .. 20, C at 24. In cycle 24, SM 0 comes first: CTA 2 books A (in L2: L2 done 25) and B
    # (DRAM 26, filled 31, L2 26, port 28: 38); then C of SM 1 is through the L2 at 27 and ends. CTA 2: step 38 .. 40,
    # C at 44 .. 46.
    # SM 0: prologue 16 + (38 - 24), epilogue (24 - 18) + (46 - 40). SM 1: prologue 18, epilogue 27 - 20, tail 46 - 27.
    result = check(ones(2, 6, 2), Config(sms=2), 46, {"prologue": 48, "epilogue": 19, "tail_wave": 19},
                   dram_read_bytes=32, l2_read_bytes=48, ctas=3)
    assert (result.mapping["waves"], result.mapping["most_ctas_per_sm"]) == (2, 2)


def test_resident_ctas_take_turns():
    # Two slots. At 0: A0 and B0 of CTA 0 (16), then A0 in L2 (filled 7, port 6: 14) and B0 of CTA 1 (DRAM 6: 18). CTA
    # 0 at 16 .. 18, books step 1 for 32 (as above); CTA 1 at 18 .. 20, books B1: DRAM 22, filled 27: 34. Idle 20 .. 32,
    # up to CTA 0's step 1, whose q = 19 is past: copy. Then 32 .. 34, 34 .. 36. C at 38 and 40; the port ends at 42.
    result = check(ones(2, 4, 4), Config(shared_bytes_per_sm=64, warps_per_sm=2), 42,
                   {"prologue": 16, "copy": 12, "epilogue": 6}, dram_read_bytes=8 * 6)
    assert result.mapping["occupancy"] == 2


def test_split_k_adds_up_slices():
    # CTA 0 as in test_one_step, but C has 16 bytes: at 22, L2 24, port 26. CTA 1 starts at 26. B: DRAM 30, filled 35:
    # 42. Step 42 .. 44, C at 48, port 52. Then 4 x (2 x 32 + 16) bits = 40 bytes: 5 + 7.
    check(ones(2, 2, 4), Config(split_k=2), 64, {"prologue": 32, "epilogue": 16, "reduction": 12}, l2_write_bytes=40,
          l2_reduction_bytes=32, dram_write_bytes=32, ctas=2)


def test_results_that_the_l2_cannot_hold_are_written_back():
    # DRAM at 1 byte per cycle: B: 16, filled 21: 28. Step 28 .. 30, C, 4 x 160 bits = 80 bytes, at 34: L2 44, port 54.
    # The DRAM must have moved 16 + (80 - 16) bytes: 80 cycles.
    config = Config(dram_bytes_per_cycle=1, output_bits=160, l2_bytes=16)
    check(ones(2, 2, 2), config, 80, {"prologue": 28, "epilogue": 24, "write_back": 26}, dram_write_bytes=80)
    check(ones(2, 2, 2), replace(config, l2_bytes=42), 54, {"prologue": 28, "epilogue": 24})


def test_reads_do_not_wait_for_results():
    # DRAM at 1 byte per cycle, one column of two CTAs: CTA 0 as above, its C, 8 bytes, at 34: L2 35, port 36. CTA 1 at
    # 36: A1: DRAM 44, filled 49: 56; B0 in L2: 40 + 7. Step 56 .. 58, C at 62 .. 64.
    check(ones(4, 2, 2), Config(dram_bytes_per_cycle=1), 64, {"prologue": 28 + 20, "epilogue": 6 + 6})


def test_warps_without_a_core_of_their_own():
    # 4x4 tile: 4 warps of 2 x 2 on 3 cores: numbers 0, 1, 2 and 3 + 3 div 3 = 4 mod 3 = 1. Core 1 issues 4 cycles, the
    # others 2 each: 2 x 2 of 3 cores are idle: 4 / 3 cycles of the SM. 16 bytes of A and of B: A: DRAM 4, filled 9: 16;
    # B: 20. S = (32 + 64) / 16 = 6: 6 - 4 = 2 cycles. Step 20 .. 26, C, 32 bytes, at 29: L2 33, port 37.
    check(ones(4, 4, 2), Config(tile="4x4_2x2", sub_cores_per_sm=3, warps_per_sm=4), 37,
          {"prologue": 20, "imbalance": 4 / 3, "shared_memory": 2, "epilogue": 11}, shared_read_bytes=64)


def test_ragged_edges_are_issued_whole():
    # M 1, N 1, K 1 in a 2x2_2 tile: 1 of 8 multiplications is inside. A, B 2 bytes: DRAM 1, filled 6: 13; both share a
    # DRAM and a port cycle. S = 8 / 16 -> 1. Step 13 .. 15, q = 16, C, 2 bytes, at 19 .. 20.
    check(ones(1, 1, 1), Config(), 20, {"prologue": 13, "epilogue": 5}, macs=1, padding_multiplies=7)


def test_l2_holds_activations_not_their_patches():
    # 8 activations, 2 patches of 3 taps x 2 channels: a block of B, 8 bytes, is ceil(8 x 8 / 12) = 6 in L2 and DRAM.
    # The steps are the taps: channels are innermost.
    layer = conv2d("conv", np.ones((2, 2, 1, 3), np.int8), np.ones((1, 2, 1, 4), np.int8))
    result = run(layer, Config(), strict)
    assert_laws(layer, Config(), result)
    assert (result.counts["dram_read_bytes"], result.counts["l2_read_bytes"]) == (3 * (8 + 6), 3 * 16)


@pytest.mark.parametrize(("l2_bytes", "blocks"), [
    # CTAs in the order (row, column): 00 01 10 11 with blocks A0 B0, A0 B1, A1 B0, A1 B1, 8 bytes each.
    (7, 8),  # nothing fits
    (8, 8),  # one block, never the next one asked for
    (16, 6),  # A0, B0 | A0 is there, B1 evicts B0 | A1 evicts A0, B0 evicts B1 | A1 is there, B1 evicts B0
    (24, 5),  # A0, B0 | A0 is there, B1 | A1 evicts B0, B0 evicts A0 | both are there
    (32, 4),  # all fit
])
def test_least_recently_used(l2_bytes, blocks):
    result = run(ones(4, 4, 2), Config(l2_bytes=l2_bytes), strict)
    assert result.counts["dram_read_bytes"] == 8 * blocks


def test_order_of_ctas():
    # 2 products, 2 slices, 2 rows, 3 columns in groups of 2.
    layer = matmul("grid", np.ones((2, 4, 4), np.int8), np.ones((2, 6, 4), np.int8))
    config = Config(split_k=2, swizzle=2)
    grid = CtaGrid("grid", prepare(layer, list(matrix_products(layer)), config, strict), config)
    within = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]
    assert [(c.product, c.slice, (c.tile_row, c.tile_col)) for c in grid.ctas] == [
        (product, number, place) for product in (0, 1) for number in (0, 1) for place in within]
    assert [list(c.steps) for c in grid.ctas[::6]] == [[0], [1], [0], [1]]


@pytest.mark.parametrize(("layer", "tile"), [
    # 4x4_2: 1 CTA of 1 step; I 8, S (32 + 64) / 16 = 6, L 4: 8. 2x2_2: 4 CTAs; I 2, S 2, L 2: 8. First of equals.
    (ones(4, 4, 2), "4x4_2x2"),
    # 4x4_2: 1 x 8; 2x2_2: 1 CTA: 2.
    (ones(2, 2, 2), "2x2_2x2"),
])
def test_auto_takes_the_least_estimate(layer, tile):
    config = Config(tile="auto", dense_tiles=("4x4_2x2", "2x2_2x2"), warps_per_sm=4)
    assert run(layer, config, strict).mapping["tile"] == tile


def test_auto_leaves_out_what_does_not_fit():
    config = Config(tile="auto", dense_tiles=("4x4_2x2", "2x2_2x2"), warps_per_sm=3)
    assert run(ones(4, 4, 2), config, strict).mapping["tile"] == "2x2_2x2"


# What cannot run


def breaks(layer: Layer, config: Config, text: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=text):
        run(layer, config, strict)


def test_first_offender_of_a_matrix():
    weight = np.zeros((2, 3, 8), np.int8)
    weight[1, 1, 4:7] = 1  # product 1, row 1: the weight's row 4
    weight[1, 2, :4] = 1
    layer = matmul("m", weight, np.ones((2, 1, 8), np.int8))
    breaks(layer, Config("n_m", "2x2_4x2"), r"^layer 'm': row 4 of the weight, group 1 \(channels 4, 5, 6, 7\) has 3 "
           r"non-zeros, wanted at most 2 of every 4; .*accelsim prune --nm 2:4.*dense_fallback.*permute_channels")


def test_first_offender_of_a_convolution():
    # Groups run along channels, of one tap each: (c, r, s) order would see offenders elsewhere.
    weight = np.zeros((2, 6, 2, 2), np.int8)
    weight[:, :2] = 1  # two channels with all taps: fits
    layer = conv2d("c", weight, np.ones((1, 6, 2, 2), np.int8))
    assert_laws(layer, Config("n_m", "2x2_4x2"), run(layer, Config("n_m", "2x2_4x2"), strict))
    weight[1, 3, 1, 0] = 1
    breaks(conv2d("c", weight, np.ones((1, 6, 2, 2), np.int8)), Config("n_m", "2x2_4x2"),
           r"row 1 of the weight, tap \(1, 0\), group 0 \(channels 0, 1, 2, 3\) has 3 non-zeros")


def test_grouped_convolution_counts_rows_over_groups():
    weight = np.zeros((4, 4, 1, 1), np.int8)
    weight[3, :3] = 1
    layer = conv2d("g", weight, np.ones((1, 8, 1, 1), np.int8), groups=2)
    breaks(layer, Config("n_m", "2x2_4x2"), r"row 3 of the weight, group 0 \(channels 0, 1, 2, 3\) has 3")


def test_one_dense_product_makes_the_layer_dense():
    weight = np.zeros((2, 2, 4), np.int8)
    weight[1, 0] = 1
    layer = matmul("m", weight, np.ones((2, 2, 4), np.int8))
    result = run(layer, Config("n_m", "2x2_4x2"), dense_fallback)
    assert_laws(layer, Config("n_m", "2x2_4x2"), result)
    assert result.mapping["runs"] == "dense"


@pytest.mark.parametrize(("tile", "need"), [
    ("2x2_6x2", "K to be a multiple of 4"), ("1x2_4x2", "M to be a power of two, 2 or more"),
    ("2x6_4x2", "N to be a power of two, 2 or more"), ("2x2_4x1", "2 stages or more"),
    ("2x2_16x2", "200 bytes of shared memory, an SM has 128"),
    ("4x2_4x2", "registers for 2 warps, an SM has them for 1"),
])
def test_tile_that_does_not_fit(tile, need):
    # 2x2_16: A 2 x 8 x 2 = 32 bytes, B 64, metadata 16 x 2 bits = 4: 100 per stage.
    breaks(ones(2, 2, 1), Config("n_m", tile), rf"^layer 'ones': it runs n_m and no tile fits \({tile} needs {need}\)")


def test_no_tile_at_all():
    with pytest.raises(ConfigError, match="'128by64' is no tile"):
        run(ones(1, 1, 1), Config(tile="128by64"), strict)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 1, 2, 3], [0, 0, 1, -1], [0, 1, -1, -1]])
def test_policy_that_is_no_order(order):
    with pytest.raises(ModelError, match=r"'ones': the policy's order .* wanted 0 \.\. 2 once each and 1 times -1"):
        run(ones(2, 2, 3), Config("n_m", "2x2_4x2"), lambda lines, n, m: order)


def test_pattern_only_layer():
    with pytest.raises(TraceError, match="'pattern' is pattern-only"):
        run(linear("pattern", np.ones((2, 2), bool), np.ones(2, bool)), Config(), strict)


# Drawn layers


PATTERNS = ((2, 4), (1, 2), (1, 4), (3, 4), (2, 8), (1, 1))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Tiny machines; issue times divide the multiplications of an instruction."""
    mode = draw(st.sampled_from(("n_m", "n_m", "dense", "dual_side")))
    keep, group = draw(st.sampled_from(PATTERNS))
    mma_m, mma_n = draw(st.sampled_from((4, 8))), draw(st.sampled_from((4, 8)))
    mma_k = 1 if mode == "dual_side" else draw(st.sampled_from((2, 4, 8)))
    tile = st.builds("{}x{}_{}x{}".format, *[st.sampled_from((8, 16, 32))] * 3, st.integers(2, 4))
    tiles = st.lists(tile, min_size=1, max_size=2).map(tuple)
    few, cycles, rate = st.integers(1, 3), st.integers(0, 30), st.integers(2, 64)
    return draw(st.builds(
        Config, mode=st.just(mode), tile=st.just("auto") | tile, sms=few, sub_cores_per_sm=st.integers(1, 4),
        nm_keep=st.just(keep), nm_group=st.just(group), mma_m=st.just(mma_m), mma_n=st.just(mma_n),
        mma_k=st.just(mma_k), mma_issue_cycles=st.sampled_from((1, 2, 4, 8)), mma_latency_cycles=cycles,
        sparse_tiles=tiles, dense_tiles=tiles,
        warp_edge=st.sampled_from((4, 8, 16)), split_k=few, swizzle=few, operand_bits=st.sampled_from((4, 7, 8, 16)),
        accumulator_bits=st.sampled_from((24, 32)), output_bits=st.sampled_from((7, 16)),
        shared_bytes_per_sm=st.sampled_from((20000, 40000)), shared_bytes_per_cycle=rate,
        warps_per_sm=st.sampled_from((64, 100)), port_bytes_per_cycle=rate,
        l2_bytes=st.sampled_from((1, 50, 300, 10000)), l2_bytes_per_cycle=rate, l2_latency_cycles=cycles,
        dram_bytes_per_cycle=rate, dram_latency_cycles=cycles, launch_cycles=st.integers(0, 5)))


@st.composite
def nm_layers(draw: st.DrawFn, keep: int, group: int, size: int = 40) -> Layer:
    """Layers that keep N:M along the channels of each tap, from all zeros to full groups."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    axis = st.integers(1, size)
    density = draw(st.sampled_from((0.0, 0.4, 1.0)))

    def pruned(rows: int, taps: tuple[int, ...], channels: int) -> np.ndarray:
        groups = -(-channels // group)
        ranks = rng.random((rows, *taps, groups, group)).argsort(axis=-1)
        mask = ((ranks < keep) & (rng.random(ranks.shape) < density)).reshape(rows, *taps, -1)[..., :channels]
        return np.moveaxis(np.where(mask, rng.choice([-3, -1, 2, 7], mask.shape), 0).astype(np.int8), -1, 1)

    op = draw(st.sampled_from(("linear", "matmul", "conv2d")))
    active = draw(st.sampled_from((0.3, 1.0)))
    if op == "linear":
        out, n_in, batch = draw(axis), draw(axis), draw(axis)
        bias = draw(st.none() | st.just(rng.integers(-99, 99, out)))
        return linear("l", pruned(out, (), n_in), testing.tensor(rng, (batch, n_in), active), bias)
    groups = draw(st.integers(1, 3))
    if op == "matmul":
        out, n_in, batch = draw(axis), draw(axis), draw(st.integers(1, 12))
        weight = np.stack([pruned(out, (), n_in) for _ in range(groups)])
        return matmul("m", weight, testing.tensor(rng, (groups, batch, n_in), active))
    channels, filters = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * 2))
    plane = [draw(st.integers(extent, extent + 3)) for extent in kernel]
    weight = pruned(groups * filters, kernel, channels)
    activation = testing.tensor(rng, (draw(st.integers(1, 2)), groups * channels, *plane), active)
    return conv2d("c", weight, activation, draw(st.integers(1, 2)), draw(st.integers(0, 1)), groups=groups)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Layer, Config]:
    config = draw(configs())
    return draw(nm_layers(config.nm_keep, config.nm_group)), config


@given(cases(), st.sampled_from((strict, dense_fallback, shuffled)))
@settings(deadline=None)
def test_structured_layers(case, policy):
    layer, config = case
    result = run(layer, config, policy)
    assert_laws(layer, config, result)
    if policy is not shuffled:
        assert result.mapping["runs"] == config.mode
    if config.mode != "dual_side":
        assert_counts_of_a_lockstep_run(layer, config, result)


def taps_of(layer: Layer) -> int:
    return layer.weight[0, 0].size if isinstance(layer, Conv2d) else 1


def assert_counts_of_a_lockstep_run(layer: Layer, config: Config, result: LayerRun) -> None:
    """What the shapes alone tell."""
    mapping, counts = result.mapping, result.counts
    tile = CtaTile.named(mapping["tile"])
    keep, group = (config.nm_keep, config.nm_group) if mapping["runs"] == "n_m" else (1, 1)
    products = list(matrix_products(layer))
    (m, k), n = products[0].matrix.shape, len(products[0].vectors)
    taps = taps_of(layer)
    k = taps * -(-(k // taps) // group) * group
    tiles = len(products) * -(-m // tile.m) * -(-n // tile.n)
    assert counts["k_steps"] == tiles * -(-k // tile.k)
    assert counts["ctas"] == tiles * mapping["slices"]
    inner = -(-(tile.k * keep // group) // config.mma_k)
    assert counts["mma_instructions"] == counts["k_steps"] * (tile.m // config.mma_m) * (tile.n // config.mma_n) * inner
    inside = len(products) * m * n * (k * keep // group)
    assert counts["macs"] + counts["zero_multiplies"] == inside


@given(configs(), st.data())
@settings(deadline=None)
def test_any_layer_and_both_ways_out(config, data):
    layer = data.draw(testing.layers())
    lines = [product.matrix.reshape(len(product.matrix), -1, taps_of(layer)).transpose(0, 2, 1)
             for product in matrix_products(layer)]
    legal = all(dense_fallback(line.reshape(-1, line.shape[2]), config.nm_keep, config.nm_group) is not None
                for line in lines)
    if config.mode == "n_m" and not legal:
        with pytest.raises(UnsupportedLayerError, match="non-zeros, wanted at most"):
            run(layer, config, strict)
    else:
        assert_laws(layer, config, run(layer, config, strict))
    result = run(layer, config, dense_fallback)
    assert_laws(layer, config, result)
    assert result.mapping["runs"] == ("dense" if config.mode == "n_m" and not legal else config.mode)


@given(cases())
@settings(deadline=None)
def test_instructions_of_condensed_products(case):
    # Counted strip by strip from the matrices, without bitmaps.
    layer, config = case
    config = replace(config, mode="dual_side", mma_k=1)
    operands = prepare(layer, list(matrix_products(layer)), config, strict)
    grid = CtaGrid(layer.name, operands, config)
    height, width = len(grid.warps[0].rows), len(grid.warps[0].cols)
    expected = 0
    for a, b in zip(operands.a, operands.b, strict=True):
        in_a = np.add.reduceat(a != 0, range(0, len(a), height), axis=0, dtype=np.int64)
        in_b = np.add.reduceat(b != 0, range(0, len(b), width), axis=0, dtype=np.int64)
        expected += int(np.sum(-(-in_a // config.mma_m) @ -(-in_b // config.mma_n).T))
    assert run(layer, config, strict).counts["mma_instructions"] == expected


@given(cases())
@settings(deadline=None)
def test_math_units_take_the_step_ready_longest(case):
    layer, config = case
    grid = CtaGrid(layer.name, prepare(layer, list(matrix_products(layer)), config, dense_fallback), config)
    machine = GridRun(grid, config)
    machine.run()
    for sm in machine.sms:
        free = 0
        for position, step in enumerate(sm.math.log):
            later = [other for other in sm.math.log[position:] if other.ready <= step.start]
            assert step is min(later, key=lambda other: (other.ready, other.slot))
            assert step.start == max(free, step.ready)
            free = step.start + step.hold_cycles


@given(cases())
@settings(deadline=None, max_examples=20)
def test_repeats_itself(case):
    layer, config = case
    first, again = run(layer, config, strict), run(layer, config, strict)
    assert (first.cycles, Counter(first.stalls), first.counts) == (again.cycles, Counter(again.stalls), again.counts)
