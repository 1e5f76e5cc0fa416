"""Does the tensor cores' own DRAM follow `dram`, and what may a faster or larger memory do?"""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import testing
from accelsim.arch.gpu.tensor_core.policies import POLICIES
from accelsim.arch.machine import LayerRun
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import ConfigError
from accelsim.study.checks import load_study
from accelsim.study.space import Space
from accelsim.study.traces import study_traces
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

TENSOR_CORE = machine("tensor_core")
GBPS = (0.05, 0.1, 0.3, 1.0, 2.56, 7.7, 64.0, 1e5)
NANOSECOND = {"clock_mhz": 1000.0}  # a cycle; 1 GB/s is a byte per cycle


def run(layer: Layer, config) -> LayerRun:
    return TENSOR_CORE.run(layer, config, POLICIES["dense_fallback"])


def ones(rows: int, vectors: int, k: int) -> Layer:
    return linear("x", np.ones((rows, k), np.int8), np.ones((vectors, k), np.int8))


def dram(gbps: float, latency_ns: float = 7.0, burst_bytes: int = 1) -> dict[str, float]:
    return {"dram.gbps": gbps, "dram.latency_ns": latency_ns, "dram.burst_bytes": burst_bytes}


@st.composite
def machines(draw: st.DrawFn, design, one_slot: bool = False):
    """Some SMs of some slots behind slow clocks and a small L2; one_slot: one CTA at a time."""
    small = st.integers(1, 30)
    mode = draw(st.sampled_from(({"mode": "dense"}, {"mode": "n_m"}, {"mode": "dual_side", "mma_k": 1})))
    return design(**NANOSECOND, **mode, sms=1 if one_slot else draw(st.integers(1, 5)),
                  warps_per_sm=4 if one_slot else draw(st.sampled_from((4, 8, 16))), swizzle=draw(st.integers(1, 4)),
                  split_k=draw(st.integers(1, 3)), l2_bytes_per_cycle=draw(small), port_bytes_per_cycle=draw(small),
                  tile=draw(st.sampled_from(("8x8_4x2", "8x8_8x3", "8x8_8x4"))),
                  l2_bytes=draw(st.sampled_from((0, 100, 400, 1 << 20))), **dram(2.5, draw(st.integers(0, 20)), 16))


@pytest.mark.small
def test_a_rate_that_is_no_whole_number(design):
    """2.5 bytes per cycle: 32 bytes arrive 12.8 cycles later, 7 + 5 after the 13th; those of step 1 likewise."""
    outcome = run(ones(4, 4, 8), design(**NANOSECOND, **dram(2.5)))
    assert outcome.cycles == (13 + 12) + (13 + 12) + 16 + 3 + 2
    assert outcome.stalls["copy"] == 4 * (13 + 12 - 16)


@pytest.mark.small
def test_transfers_are_whole_bursts(design):
    """16 bytes of A and of B are 24 each, in the DRAM's time and energy; 16 of C are 24."""
    outcome = run(ones(4, 4, 8), design(**NANOSECOND, **dram(2.5, burst_bytes=24)))
    assert outcome.cycles == 2 * (20 + 12) + 16 + 3 + 2
    assert (outcome.counts["dram_read_bytes"], outcome.counts["dram_write_bytes"]) == (4 * 24, 24)
    assert outcome.memory.counts == {"dram_read_bits": 64 * 8, "dram_write_bits": 16 * 8}


@pytest.mark.small
@given(data=st.data(), layer=testing.layers(size=20))
def test_dram_takes_the_place_of_the_designs_own_keys(design, data, layer):
    plain = data.draw(machines(design))
    plain = load_arch(plain, {"dram": None, "dram_bytes_per_cycle": 3, "dram_latency_cycles": 11})
    named = load_arch(plain, {**dram(3.0, 11.0), "dram_bytes_per_cycle": 1, "dram_latency_cycles": 0})
    a, b = run(layer, plain), run(layer, named)
    assert (a.cycles, a.stalls, a.counts) == (b.cycles, b.stalls, b.counts)


@pytest.mark.small
@given(data=st.data(), layer=testing.layers(size=20))
def test_monotone_in_bandwidth_and_latency_with_one_cta_at_a_time(design, data, layer):
    """With one slot nothing can overtake: every time is a sum of largest times."""
    config = data.draw(machines(design, one_slot=True))
    for key, values in (("dram.gbps", GBPS), ("dram.latency_ns", (900.0, 100.0, 20.5, 3.0, 0.0))):
        cycles = [run(layer, load_arch(config, {key: value})).cycles for value in values]
        assert cycles == sorted(cycles, reverse=True), key


@pytest.mark.parametrize("arch", ["a100_40gb", "rtx3090_dense", "v100_dense", "dstc_v100", "stc_sparseloop"])
def test_shipped_designs_are_monotone_in_bandwidth(arch):
    """On these layers; nothing promises it of others, see the next test."""
    rng = np.random.default_rng(2)
    for m, n, k in ((512, 512, 512), (1000, 1, 2048), (64, 3000, 576), (300, 200, 100), (128, 128, 64)):
        layer = linear("x", rng.random((m, k)) < .4, rng.random((n, k)) < .4)
        cycles = [run(layer, load_arch(arch, {"dram.gbps": 2.0 ** power})).cycles for power in range(14)]
        assert cycles == sorted(cycles, reverse=True)


@pytest.mark.small
def test_a_faster_dram_may_cost_cycles(design):
    """docs/machines/tensor_core.md tells this case: six CTAs of two steps on three SMs of two slots."""
    config = design(**NANOSECOND, sms=3, warps_per_sm=8, l2_bytes_per_cycle=3, port_bytes_per_cycle=2, **dram(1.0))
    runs = [run(ones(12, 8, 8), load_arch(config, {"dram.gbps": gbps})) for gbps in (1.0, 2.0, 4.0, 8.0)]
    assert [outcome.cycles for outcome in runs] == [215, 160, 166, 166]
    assert {outcome.counts["dram_read_bytes"] for outcome in runs} == {(12 + 8) * 8}


def test_a_large_gemm_may_take_longer_with_a_faster_dram():
    """And this one: 279 CTAs on 216 slots."""
    large = linear("x", np.ones((1070, 2832), bool), np.ones((1981, 2832), bool))
    runs = [run(large, load_arch("a100_dense", {"dram.gbps": gbps})) for gbps in (256.0, 362.0, 512.0)]
    assert [outcome.cycles for outcome in runs] == [109_540, 85_801, 103_392]
    assert [outcome.mapping["most_ctas_per_sm"] for outcome in runs] == [3, 3, 4]


@pytest.mark.small
@settings(derandomize=True)  # with several slots the order of transfers may differ: no case is known, none excluded
@given(data=st.data(), layer=testing.layers(size=20), one_slot=st.booleans())
def test_a_larger_l2_never_adds_traffic(design, data, layer, one_slot):
    config = data.draw(machines(design, one_slot))
    moved = []
    for size in (0, 20, 40, 80, 160, 320, 640, 5000, 1 << 20):
        counts = run(layer, load_arch(config, {"l2_bytes": size})).memory.counts
        moved.append(counts["dram_read_bits"] + counts["dram_write_bits"])
    assert moved == sorted(moved, reverse=True)


@pytest.mark.small
@given(data=st.data(), m=st.integers(1, 9), n=st.integers(1, 9), k=st.integers(1, 9), runs=st.sampled_from(
    ("dense", "n_m", "dual_side")), seed=st.integers(0, 99))
def test_every_operand_is_read_once_if_all_fits(design, data, m, n, k, runs, seed):
    """m, n: blocks of 4; k: of 8. Indices take 2 bits, bitmaps 1: whole bytes in every block."""
    rng, mode = np.random.default_rng(seed), {"mode": runs} | ({"mma_k": 1} if runs == "dual_side" else {})
    weight, active = rng.random((4 * m, 8 * k)) < .6, rng.random((4 * n, 8 * k)) < .6
    if runs == "n_m":
        weight[:, 2::4] = weight[:, 3::4] = False
    once = {"dense": 8 * (weight.size + active.size), "n_m": 8 * (weight.size // 2 + active.size) + weight.size,
            "dual_side": 8 * int(weight.sum() + active.sum()) + weight.size + active.size}[runs]
    for l2_bytes in (0, 60, 1 << 20):
        config = design(**mode, tile="8x8_8x2", warps_per_sm=4, l2_bytes=l2_bytes, sms=data.draw(st.integers(1, 3)),
                        **dram(1.0))
        read = run(linear("x", weight, active), config).memory.counts["dram_read_bits"]
        assert read == once if l2_bytes == 1 << 20 else read >= once


@pytest.mark.small
@given(data=st.data(), layer=testing.layers(size=20), gbps=st.sampled_from((0.3, 2.56, 31.4)))
def test_roofline_tells_dram_apart(design, data, layer, gbps):
    config = load_arch(data.draw(machines(design)), {"dram.gbps": gbps})
    result = accelsim.simulate(layer, config, policy="dense_fallback").layers[0]
    roof, overflow = result.roofline, max(0, result.counts["dram_write_bits"] // 8 - config.l2_bytes)
    moved = result.counts["dram_read_bytes"] + ceil(overflow / 16) * 16
    assert roof.dram_cycles == ceil(moved / Fraction(str(gbps)))
    assert result.cycles - config.launch_cycles >= roof.dram_cycles
    unbound = load_arch(config, dram(1e6, 0))
    assert run(layer, unbound).cycles == roof.machine_cycles == accelsim.simulate(
        layer, unbound, policy="dense_fallback").layers[0].roofline.machine_cycles
    assert accelsim.simulate(layer, load_arch(config, {"dram": None}),
                             policy="dense_fallback").layers[0].roofline.dram_cycles is None


@pytest.mark.small
def test_engines_agree_on_a_whole_run(design):
    config = design(**NANOSECOND, sms=2, **dram(0.7, 3.3, 7))
    fast, slow = (accelsim.simulate(ones(9, 7, 13), config, engine) for engine in ("kernel", "reference"))
    assert fast.layers[0].roofline == slow.layers[0].roofline
    assert fast.counts == slow.counts
    assert fast.energy_by_component == slow.energy_by_component
    assert fast.counts["dram_read_bits"] < 8 * fast.counts["dram_read_bytes"]


def test_a_preset_has_the_bandwidth_of_its_channels():
    layer = ones(512, 512, 512)
    named = run(layer, load_arch("a100_dense", {"dram.model": "hbm2", "dram.channels": 8}))
    spelt = run(layer, load_arch("a100_dense", dram(256.0, 14.0, 64)))
    assert (named.cycles, named.counts) == (spelt.cycles, spelt.counts)


def test_bandwidth_is_an_axis_of_studies():
    study = load_study({"traces": ["digits_cnn"], "archs": ["dstc_v100"], "set": {"dram.gbps": [1, 8, 64]}})
    with study_traces(study.traces) as traces:
        points = Space(study, traces).points()
    assert [point.facts["config.dram.gbps"] for point in points] == [1, 8, 64]
    results = [accelsim.simulate("digits_cnn", point.config) for point in points]
    assert results[0].cycles > results[1].cycles > results[2].cycles
    assert len({result.counts["dram_read_bits"] for result in results}) == 1
    assert {result.layers[0].roofline.dram_cycles is None for result in results} == {False}


@pytest.mark.small
@pytest.mark.parametrize(("changes", "message"), [
    ({"dram.model": "hbm2", "dram.row_buffer": True}, r"dram\.row_buffer: .* has no rows; leave it false"),
    ({"buffering": 4}, "buffering: .* so 4 would have no effect; leave out buffering, or give 2"),
    ({"prefetch_weights": False}, "prefetch_weights: .* so false would have no effect"),
    ({"resident_weights": True}, "resident_weights: .* leave out resident_weights, or give false"),
    ({"resident_activations": True}, "resident_activations: .* so true would have no effect"),
])
def test_words_without_a_meaning_here_are_told(changes, message):
    with pytest.raises(ConfigError, match=message):
        load_arch("a100_40gb", {"dram.gbps": 100.0} | changes)
    if "dram.model" not in changes:
        load_arch("a100_40gb", changes)  # without dram they count for nothing, as everywhere


@pytest.mark.small
def test_too_fine_a_ratio_is_told():
    with pytest.raises(ConfigError, match=r"bytes per cycle, too fine .* give dram\.gbps and clock_mhz with fewer"):
        run(ones(8, 8, 8), load_arch("a100_dense", {"dram.gbps": 1.2345678901234567, "clock_mhz": 799.98765432123456}))
