"""The closed expectations behind the figure, against counted draws and against the survey's reading of it."""

import numpy as np
import pytest

from accelsim.workload import formats
from accelsim.workload.formats.expected import expected_bits


@pytest.mark.parametrize("density", [0.005, 0.05, 0.3, 0.7, 0.95])
def test_counted_draws_agree(density):
    rows, cols = 1920, 2048
    matrix = np.random.default_rng(1).random((rows, cols)) < density
    counted = formats.sizes(matrix, value_bits=8)
    expected = expected_bits(density, rows, cols)
    for name in expected:
        bits = counted[name]
        # the fullest group of a draw is one of two or three whole numbers, its expectation lies between
        slack = 0.35 if name.startswith("n_of_") else 0.01
        assert bits is not None
        assert expected[name] == pytest.approx(bits, rel=slack), name


@pytest.mark.parametrize(("percent", "best"), [(0, "dense"), (5, "dense"), (15, "bitmap"), (40, "bitmap"),
                                               (70, "bitmap"), (80, "run_length"), (90, "run_length"),
                                               (99, "run_length"), (99.999, "coo")])
def test_ranges_of_the_survey(percent, best):
    """[Hoefler et al. 2021]: 10^8 positions, 8-bit values: bitmaps best from 10 to 70 %, deltas above 80 %."""
    bits = expected_bits(1 - percent / 100)
    assert min(bits, key=bits.__getitem__) == best


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.1, 0.5])
def test_ten_to_the_eight_positions_counted(density):
    matrix = np.random.default_rng(2).random((10_000, 10_000), dtype=np.float32) < density
    expected = expected_bits(density)
    counted = formats.sizes(matrix, value_bits=8)
    for name in expected:
        bits = counted[name]
        if bits is not None and not name.startswith("n_of_"):
            assert expected[name] == pytest.approx(bits, rel=0.01), name
