"""Are the bounds of the machines true, and how near are they? Small cases, against everything a policy could do."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import shipped, testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.planar.shared.assignment import Assignment
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.arch.training.procrustes.policies.balance import Balance
from accelsim.hw.balance import least_fullest

SEEDS = st.integers(0, 2**32 - 1)


def cuts(size: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to cut `size` positions into `parts` runs, empty ones too."""
    for inner in itertools.combinations_with_replacement(range(size + 1), parts - 1):
        yield (0, *inner, size)


def assignments(plane: tuple[int, int], pes: int) -> Iterator[Assignment]:
    """Everything that a policy of a planar machine can answer."""
    for parts, rows, cols in itertools.product(range(1, pes + 1), repeat=3):
        if parts * rows * cols <= pes:
            for row_cuts, col_cuts in itertools.product(cuts(plane[0], rows), cuts(plane[1], cols)):
                yield Assignment(parts, row_cuts, col_cuts)


def fewest_cycles(kind: str, layer: accelsim.Layer, config: ArchConfig, plane: tuple[int, int]) -> int:
    return min(machine(kind).run(layer, config, lambda *_, chosen=chosen: chosen).cycles
               for chosen in assignments(plane, config.pe_rows * config.pe_cols))


def convolution(seed: int) -> accelsim.Layer:
    rng = np.random.default_rng(seed)
    weight = testing.tensor(rng, (3, 2, 2, 2), 0.6)
    activation = testing.tensor(rng, (1, 2, 3, 4), 0.6)
    return accelsim.conv2d("c", weight, activation, padding=(int(rng.integers(0, 2)), 0))


@given(SEEDS, st.sampled_from([(1, 1), (2, 2), (4, 1)]), st.sampled_from([1, 4]))
@settings(max_examples=6, deadline=None)
def test_scnn_against_all_planes_and_parts(seed, vectors, pes):
    changes = {"pe_rows": 1, "pe_cols": pes, "weight_vector": vectors[0], "activation_vector": vectors[1],
               "post_entries_per_cycle": 0, "halo": "none"}
    config, layer = load_arch("scnn", changes), convolution(seed)
    best = fewest_cycles("scnn", layer, config, (3, 4))
    run = machine("scnn").run(layer, config, machine("scnn").policies["equal_planes"])
    bound = machine("scnn").bound_cycles(layer, config, run)
    assert bound <= best <= run.cycles
    assert pes > 1 or best <= 2 * bound + 2  # one PE: what is left are bank conflicts and drains


@given(SEEDS, st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=6, deadline=None)
def test_dcnns_bound_is_the_optimum_of_all_planes_and_parts(seed, pes, dot_width):
    config = load_arch("dcnn", {"pe_rows": 1, "pe_cols": pes, "dot_width": dot_width, "iaram_bits": 0})
    layer = convolution(seed)
    run = machine("dcnn").run(layer, config, machine("dcnn").policies["equal_planes"])
    assert machine("dcnn").bound_cycles(layer, config, run) == fewest_cycles("dcnn", layer, config, (3, 4))


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4),
       st.sampled_from(["ws", "is", "os"]), st.booleans())
def test_the_systolic_bound_is_the_optimum_of_all_tile_heights(m, k, n, rows, cols, dataflow, double_buffer):
    config = load_arch("tpu_128x128", {"rows": rows, "cols": cols, "dataflow": dataflow,
                                       "double_buffer": double_buffer})
    layer, model = accelsim.linear("l", np.ones((m, k), bool), np.ones((n, k), bool)), machine("systolic")
    down, across = {"ws": (k, m), "is": (k, n), "os": (m, n)}[dataflow]
    assume((down, rows) != (across, cols))  # else a policy cannot tell the axes apart
    best = None
    for height, width in itertools.product(range(1, min(down, rows) + 1), range(1, min(across, cols) + 1)):
        chosen = {(down, rows): height, (across, cols): width}
        run = model.run(layer, config, lambda extent, size, chosen=chosen: chosen[extent, size])
        best = run.cycles if best is None else min(best, run.cycles)
    assert model.bound_cycles(layer, config, run) == best


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_procrustes_against_all_ways_to_give_out_lanes(seed):
    """One set of 2 PEs and 4 lanes each: no way to give out whole lanes beats the bound; half-tile comes within it."""
    rng = np.random.default_rng(seed)
    layer = accelsim.linear("l", rng.random((8, 6)) < rng.random((8, 1)), np.ones(6, bool))
    config = load_arch("procrustes", {"pe_rows": 2, "pe_cols": 1, "phases": ["forward"], "tile_lanes": 4})
    model = machine("procrustes")
    cycles = set()
    for owner in itertools.product(range(2), repeat=8):
        def given_out(work: np.ndarray, owner: tuple[int, ...] = owner) -> Balance:
            lanes = np.zeros((len(work), 8), np.int64)
            lanes[:, :work[0].size] = work.reshape(len(work), -1)
            load = np.stack([lanes[:, np.array(owner) == pe].sum(axis=1) for pe in range(2)], axis=1)
            return Balance(load, np.zeros(len(work), np.int64), np.zeros(len(work), np.int64))
        cycles.add(model.run(layer, config, given_out).cycles)
    published = model.run(layer, config, model.policies["half_tile"])
    bound = model.bound_cycles(layer, config, published)
    assert bound <= min(cycles)
    assert bound <= published.cycles <= model.run(layer, config, model.policies["none"]).cycles


@given(SEEDS, st.sampled_from(["none", "drain", "load"]), st.booleans(), st.sampled_from(["limited", "unlimited"]))
@settings(max_examples=20, deadline=None)
def test_sigma_against_all_gaps(seed, overlap, drain_per_k_tile, streaming):
    """Three rows on four multipliers, with every gap of 0 to 3 slots before each row."""
    rng = np.random.default_rng(seed)
    layer = accelsim.linear("l", rng.random((3, 6)) < 0.6, rng.random((5, 6)) < 0.6)
    config = load_arch("sigma", {"flex_dpes": 2, "multipliers_per_dpe": 2, "bandwidth_words_per_cycle": 1,
                                 "overlap": overlap, "drain_per_k_tile": drain_per_k_tile, "streaming": streaming,
                                 "stationary": "mk"})
    model, cycles = machine("sigma"), []
    for gaps in itertools.product(range(4), repeat=3):
        def spread(counts: np.ndarray, slots: int, gaps: tuple[int, ...] = gaps) -> np.ndarray:
            before = np.cumsum(counts, axis=1) - counts
            return before + np.cumsum(gaps)
        cycles.append(model.run(layer, config, spread).cycles)
    packed = model.run(layer, config, model.policies["packed"])
    assert model.bound_cycles(layer, config, packed) <= min(cycles) <= packed.cycles


def test_a_tensor_core_bound_is_the_better_of_compressed_and_dense():
    """An order of channels that passes halves the work; where a line is too full for any order, dense is best."""
    rng = np.random.default_rng(0)
    model, config = machine("tensor_core"), load_arch("a100_40gb")
    weight = np.zeros((256, 256), bool)
    weight[:, rng.permutation(256)[:128]] = True  # half of the channels, many groups of four with three of them or more
    vectors = np.ones((2048, 256), bool)
    layer = accelsim.linear("l", weight, vectors)
    dense, ordered = (model.run(layer, config, model.policies[name]) for name in ("dense_fallback", "permute_channels"))
    assert (dense.mapping["runs"], ordered.mapping["runs"]) == ("dense", "n_m")
    assert model.bound_cycles(layer, config, dense) == model.bound_cycles(layer, config, ordered) == min(
        dense.cycles, ordered.cycles)
    full = accelsim.linear("l", np.ones((256, 256), bool), vectors)
    run = model.run(full, config, model.policies["permute_channels"])
    assert model.bound_cycles(full, config, run) == run.cycles


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 7))
def test_least_fullest_is_that_of_all_cuts(weights, most):
    found = least_fullest(np.array(weights), most)
    for parts in range(1, most + 1):
        best = min(max(sum(weights[a:b]) for a, b in itertools.pairwise(cut)) for cut in cuts(len(weights), parts))
        assert found[parts] == best


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_machine_tells_the_work_of_its_pes_and_a_bound(kind):
    presets = [name for name in shipped.names("arch") if load_arch(name).kind == kind]
    arch = "dstc_v100" if kind == "tensor_core" else presets[0]
    comparison = accelsim.compare_policies(convolution(1), arch)
    for row in comparison.rows:
        assert 0 < row.bound_cycles <= row.cycles
        assert row.imbalance is not None
        assert row.imbalance >= 1
