"""SIGMA against its authors' RTL: one Flex-DPE, simulated by others (georgia-tech-synergy-lab/SIGMA, 213a062)."""

import numpy as np
import pytest

import accelsim

REGISTERS = 3  # that the paper does not count: two while the controller decodes, one behind the crossbar
ROWS = {  # multipliers, seed: folds, cycles
    (8, 1): (3, 28), (8, 2): (3, 28), (8, 3): (3, 28), (32, 1): (1, 16), (32, 2): (2, 23), (32, 3): (2, 23),
    (128, 1): (1, 18), (128, 2): (1, 18), (128, 3): (1, 18)}


@pytest.mark.parametrize("engine", ["kernel", "reference"])
@pytest.mark.parametrize(("multipliers", "seed"), ROWS)
def test_a_flex_dpe_of_the_authors(multipliers, seed, engine):
    """Loads of one cycle, vectors and folds without a gap: the product is the RTL without its three registers."""
    rng, inputs = np.random.default_rng(seed), min(multipliers, 12) if multipliers < 64 else 24
    stationary = (rng.random((6, inputs)) < .5) * rng.integers(1, 16, (6, inputs))
    streamed = (rng.random((6, inputs)) < .7) * rng.integers(1, 16, (6, inputs))
    layer = accelsim.linear("l", stationary.astype(np.int8), streamed.astype(np.int8))
    keys = {"flex_dpes": 1, "multipliers_per_dpe": multipliers, "bandwidth_words_per_cycle": multipliers,
            "stationary": "mk", "stationary_filter": False, "overlap": "pipelined"}
    run = accelsim.simulate(layer, "sigma", engine=engine, set=keys).layers[0]
    folds, cycles = ROWS[multipliers, seed]
    assert run.cycles == cycles - REGISTERS == folds * (1 + len(streamed)) + 1 + multipliers.bit_length() - 1
