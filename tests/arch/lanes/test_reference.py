"""The references of the lanes family against rows of other people's models, and small cases worked out by hand.

The rows are cycles that third parties' simulators answer for drawn masks (see the pages of Cnvlutin and SparTen).
"""

import numpy as np
import pytest

import accelsim
from accelsim.arch.registry import load_arch, machine


def reference(layer, arch, policy=None, **changes):
    config = load_arch(arch, changes)
    model = machine(config.kind)
    return model.reference(layer, config, model.policies[policy or next(iter(model.policies))])


def masked_conv(weights, inputs, **keys):
    return accelsim.conv2d("c", weights.astype(np.int8), inputs[None].astype(np.int8), **keys)


@pytest.mark.parametrize(("shape", "density", "seed", "keys", "cycles"), [
    ((64, 4, 256, 3), .3, 1, {}, {"early": 113, "dense": 200, "one": 63, "none": 61}),
    ((64, 5, 256, 3), .05, 2, {"stride": 2, "padding": 1}, {"early": 111, "dense": 450, "one": 42, "none": 30})])
def test_cnvlutin_is_the_early_simulator(shape, density, seed, keys, cycles):
    channels, size, filters, taps = shape
    inputs = np.random.default_rng(seed).random((channels, size, size)) < density
    layer = masked_conv(np.ones((filters, channels, taps, taps)), inputs, **keys)
    plain = {"brick_overhead_cycles": 0, "drain_cycles": 0, "position_overhead_cycles": 0}
    designs = {"early": {}, "dense": {"skip_zeros": False}, "one": plain | {"empty_brick_cycles": 1}, "none": plain}
    for name, changes in designs.items():
        assert reference(layer, "cnvlutin_early", **changes).cycles == cycles[name], name


def test_sparten_is_bitsim():
    rng = np.random.default_rng(3)
    weights, inputs = rng.random((32, 3, 3, 3)) < .8, rng.random((3, 16, 16)) < 1.0
    done = reference(masked_conv(weights, inputs, padding=1), "sparten_bitsim")
    assert (done.cycles, done.counts["joins"]) == (384, 166_614)


def test_sparten_is_loas():
    rng = np.random.default_rng(5)
    vectors, weights = rng.random((32, 128)) < 1, rng.random((128, 16)) < 1
    done = reference(accelsim.linear("l", weights.T.astype(np.int8), vectors.astype(np.int8)), "sparten_loas")
    assert (done.cycles, done.counts["joins"]) == (4_096, 65_536)


def one_row(weights, inputs):
    return accelsim.linear("l", np.array(weights, np.int8), np.array(inputs, np.int8))


def stalls(done):
    return {name: n for name, n in done.stalls.items() if n}


def test_diannao_by_hand():
    """5 outputs on 4 places, 5 inputs on 2 multipliers each: 2 rounds of 3 steps."""
    done = reference(one_row(np.ones((5, 5)), np.ones(5)), "diannao", outputs_per_step=4, inputs_per_step=2)
    assert done.cycles == 6
    assert stalls(done) == {"busy": 25, "fragmentation": 5, "unused": 18}


@pytest.mark.parametrize(("scope", "cycles"), [("window", 2 * (2 + 1)), ("output", 2 * 2), ("async", 2 * 2)])
def test_cambricon_x_scopes_by_hand(scope, cycles):
    """Windows of two, one multiplier: PE 0 takes 2 + 0, PE 1 takes 0 + 1 cycles of each of two vectors."""
    layer = accelsim.linear("l", np.array([[1, 1, 0, 0], [0, 0, 1, 0]], np.int8), np.ones((2, 4), np.int8))
    done = reference(layer, "cambricon_x", pes=2, multipliers=1, window=2, min_window_cycles=0, scope=scope)
    assert done.cycles == cycles


def test_sparten_pairs_by_hand():
    """Filters of 4, 3, 2, 1 non-zeros on two units: in order 4 + 2 cycles, paired (4 + 1, 3 + 2) 5."""
    weights = np.triu(np.ones((4, 4)))
    plain = reference(one_row(weights, np.ones(4)), "sparten", clusters=1, units=2)
    paired = reference(one_row(weights, np.ones(4)), "sparten", policy="gb_s", clusters=1, units=2)
    assert (plain.cycles, paired.cycles) == (6, 5)
    assert stalls(plain) == {"busy": 10, "barrier": 2}
    assert stalls(paired) == {"busy": 10}


def test_zena_groups_by_hand():
    """Two groups of one PE, three positions with 3, 1 and 1 matches: group 0 has one of them, group 1 two."""
    inputs = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]], np.int8)
    layer = accelsim.linear("l", np.ones((1, 3), np.int8), inputs)
    done = reference(layer, "zena", groups=2, pes_per_group=1, tile_positions=1)
    assert done.cycles == 3
    assert stalls(done) == {"busy": 5, "finished": 1}


def test_minerva_gates_by_hand():
    """Two lanes, three outputs: 2 groups of 2 inputs and 4 cycles behind; a small input is switched off."""
    done = reference(one_row(np.ones((3, 2)), [5, 1]), "minerva", lanes=2, threshold=2)
    assert done.cycles == 2 * (2 + 4)
    assert stalls(done) == {"busy": 3, "gated": 3, "unused": 2, "overhead": 2 * 2 * 4}
    assert done.output.ravel().tolist() == [5, 5, 5]


def test_cambricon_s_selects_by_hand():
    """Two outputs share an index of 3 of 4 inputs, one of which is zero: two neurons in one step of two."""
    weights = np.array([[1, 0, 2, 3], [4, 0, 5, 6]], np.int8)
    done = reference(accelsim.linear("l", weights, np.array([7, 7, 0, 7], np.int8)), "cambricon_s", pes=2,
                     multipliers=2, window=4, block_outputs=2)
    assert (done.cycles, stalls(done)) == (1, {"busy": 4})
    assert done.counts["kept_positions"] == 3
