"""Schedules, cycles and loads of others: the rows were counted by integer programs and in the authors' Verilog."""

import numpy as np
import pytest

import accelsim
from accelsim.arch.registry import machine, policies

POLICIES = policies("spectral_cnn")
FIGURE = [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]


def uni(seed, kernels, positions, kept):
    state = np.random.RandomState(seed)
    return [sorted(state.permutation(positions)[:kept].tolist()) for _ in range(kernels)]


def rows_of(policy, index_sets, replicas):
    return len(POLICIES[policy]([list(kernel) for kernel in index_sets], replicas))


@pytest.mark.parametrize(("replicas", "optimum", "max_cover", "lowest_index"), [
    (1, 7, 7, 7), (2, 4, 5, 6), (3, 4, 4, 5)])
def test_the_authors_figure(replicas, optimum, max_cover, lowest_index):
    assert rows_of("max_cover", FIGURE, replicas) == max_cover
    assert rows_of("lowest_index", FIGURE, replicas) == lowest_index
    assert all(rows_of(policy, FIGURE, replicas) >= optimum for policy in POLICIES)


@pytest.mark.parametrize(("drawn", "replicas", "optimum", "max_cover", "lowest_index"), [
    ((4, 9, 3), 1, [8, 7, 9, 8], [8, 7, 9, 8], [8, 7, 9, 8]),
    ((5, 12, 4), 2, [6, 6, 6, 5], [7, 6, 7, 6], [7, 7, 7, 6]),
    ((6, 12, 4), 2, [6, 6, 6, 6], [7, 6, 7, 6], [8, 8, 7, 7]),
    ((8, 16, 4), 2, [8, 7, 8, 7], [8, 8, 8, 7], [9, 9, 8, 8]),
    ((8, 16, 4), 3, [5, 5, 5, 5], [6, 6, 6, 5], [7, 6, 6, 7]),
    ((64, 64, 16), 8, [16] * 5, [21] * 5, [25, 25, 25, 24, 25]),
    ((64, 64, 16), 10, [16] * 5, [20, 19, 20, 20, 20], [23, 24, 24, 22, 23])])
def test_drawn_kernels(drawn, replicas, optimum, max_cover, lowest_index):
    sets = [uni(seed, *drawn) for seed in range(1, len(optimum) + 1)]
    assert [rows_of("max_cover", s, replicas) for s in sets] == max_cover
    assert [rows_of("lowest_index", s, replicas) for s in sets] == lowest_index
    for policy in POLICIES:
        assert all(rows_of(policy, s, replicas) >= least for s, least in zip(sets, optimum, strict=True))


def test_our_own_policy_gives_19_rows():
    assert [rows_of("rare_last", uni(seed, 64, 64, 16), 10) for seed in range(1, 6)] == [19] * 5


@pytest.mark.parametrize(("kept", "replicas", "share"), [
    (16, 4, .547), (16, 6, .681), (16, 8, .762), (16, 10, .805), (16, 12, .848), (16, 16, .889), (8, 8, .571),
    (8, 10, .646), (32, 8, .889), (32, 10, .931)])
def test_utilization_of_max_cover(kept, replicas, share):
    rows = sum(rows_of("max_cover", uni(seed, 64, 64, kept), replicas) for seed in range(1, 9))
    assert 8 * kept / rows == pytest.approx(share, abs=5e-4)


VGG = [("conv1_1", 3, 64, 224, 7_728), ("conv1_2", 64, 64, 224, 164_864), ("conv2_1", 64, 128, 112, 83_968),
       ("conv2_2", 128, 128, 112, 167_936), ("conv3_1", 128, 256, 56, 98_304), ("conv3_2", 256, 256, 56, 196_608),
       ("conv3_3", 256, 256, 56, 196_608), ("conv4_1", 256, 512, 28, 98_304), ("conv4_2", 512, 512, 28, 196_608),
       ("conv4_3", 512, 512, 28, 196_608), *[(f"conv5_{n}", 512, 512, 14, 65_536) for n in (1, 2, 3)]]


def vgg_layer(name, channels, kernels, size):
    rng = np.random.default_rng(len(name) + channels)
    return accelsim.conv2d(name, rng.integers(-9, 10, (kernels, channels, 3, 3)).astype(np.int8),
                           np.ones((1, channels, size, size), bool), padding=1)


@pytest.mark.slow
def test_vgg16_takes_8_ms_at_16_rows_and_spec2_68():
    """A replica for each kernel: no conflicts, so 16 rows in every schedule."""
    total = {"spectral_cnn": 0, "spec2": 0}
    for name, *shape, cycles in VGG:
        layer = vgg_layer(name, *shape)
        for arch, found in total.items():
            changes = {"replicas": 64, "selector_bits": 6} if arch == "spectral_cnn" else {}
            counts = accelsim.simulate(layer, arch, set=changes).layers[0].counts
            total[arch] = found + (counts["hadamard_cycles"] if name != "conv1_1" else 0)
            if arch == "spectral_cnn":
                assert counts["hadamard_cycles"] == cycles, name
    assert total == {"spectral_cnn": 1_596_416, "spec2": 13_658_112}  # 7.98 and 68.3 ms at 200 MHz


def with_18_rows(index_sets, replicas):
    """A schedule that is two rows longer than it need be."""
    rows = POLICIES["lowest_index"](index_sets, replicas)
    return rows + [[] for _ in range(18 - len(rows))]


def test_vgg16_takes_9_ms_at_18_rows():
    layer = vgg_layer("conv5_1", 512, 512, 14)
    config = accelsim.load_arch("spectral_cnn", {"replicas": 64, "selector_bits": 6})
    cycles = machine("spectral_cnn").run(layer, config, with_18_rows).counts["hadamard_cycles"]
    assert cycles == 65_536 * 18 // 16
    all_layers_ms = 1_596_416 * 18 / 16 / 200e3  # all scale alike
    assert all_layers_ms == pytest.approx(8.98, abs=.005)


def released(kernels, channels, tiles, **changes):
    """A layer of so many tiles in a row, on the authors' controller, whose register holds `channels`."""
    layer = accelsim.conv2d("l", np.ones((kernels, channels, 3, 3), np.int8),
                            np.ones((1, channels, 6, 6 * tiles), np.int8), padding=1)
    return accelsim.simulate(layer, "spectral_cnn_rtl", set=changes).layers[0]


@pytest.mark.parametrize(("shape", "block", "inputs", "kernels"), [
    ((128, 4, 18), (64, 9), 20, 20), ((128, 4, 18), (128, 9), 10, 20), ((128, 4, 18), (64, 18), 20, 10),
    ((64, 3, 9), (64, 9), 4, 4)])
def test_loads_of_the_released_controller(shape, block, inputs, kernels):
    counts = released(*shape, kernel_block=block[0], tile_block=block[1]).counts
    assert (counts["input_loads"], counts["kernel_loads"]) == (inputs, kernels)


@pytest.mark.parametrize(("latency", "cycles"), [(3, 27), (5, 29), (6, 30), (7, 31), (8, 32)])
def test_runs_of_the_released_controller(latency, cycles):
    """A single run of 16 rows: all that is not load, transform or the inverse transforms."""
    layer = released(64, 1, 9, multiplier_latency_cycles=latency, extra_pass=False, replicas=16)
    slots = 9 * 64
    run = sum(layer.stalls[name] for name in ("busy", "zero_operand", "bubble", "run_overhead"))
    assert layer.counts["runs"] == 1 and run == cycles * slots
    assert {name: layer.stalls[name] // slots for name in ("load_inputs", "load_kernels", "load_indices")} == {
        "load_inputs": 288, "load_kernels": 512, "load_indices": 16 * (8 + 2)}


def test_blocks_of_the_fewest_bytes():
    """b_in = b_out = 256, b_k = 76: the authors' controller's loads, and 24 groups of sums."""
    config, found = accelsim.load_arch("spectral_cnn"), {}
    for name, *shape, _ in VGG:
        if name[:5] not in found and name != "conv1_1":
            mapping = machine("spectral_cnn").run(vgg_layer(name, *shape), config, POLICIES["lowest_index"]).mapping
            found[name[:5]] = (mapping["kernel_block"], mapping["tile_block"])
    assert found == {"conv1": (64, 207), "conv2": (128, 99), "conv3": (256, 54), "conv4": (512, 27), "conv5": (512, 9)}
