"""Cycles of packed arrays by hand: words, bits in series, and tiles."""

import numpy as np
import pytest

import accelsim


def run(weight: np.ndarray, vectors: int, **changes: object):
    layer = accelsim.linear("l", weight, np.ones((vectors, weight.shape[1]), np.int8))
    return accelsim.simulate(layer, "column_combining", set={"rows": 4, "cols": 3, "alpha": 2, **changes}).layers[0]


ALTERNATING = np.array([[1, 0, 2, 0], [0, 3, 0, 4], [5, 0, 0, 6]], np.int8)  # columns 0 and 1 share, and 2 and 3


@pytest.mark.parametrize(("arithmetic", "vectors", "stream"), [
    ("word", 9, 9), ("bit_serial", 8, 32 * 2), ("bit_serial", 9, 32 * 3)])
def test_a_tile_takes_its_load_its_stream_and_its_skew(arithmetic, vectors, stream):
    """Two groups along rows, three filters along columns: 2 + stream + 3. Four streams share 32 cycles."""
    found = run(ALTERNATING, vectors, arithmetic=arithmetic)
    assert (found.mapping["groups"], found.mapping["array_tiles"]) == (2, 1)
    assert found.cycles == 2 + stream + 3


def test_packing_does_not_enter_the_time_of_a_tile():
    """Without packing four groups, two more cycles of load; half of the 12 cells hold zeros."""
    alone, shared = run(ALTERNATING, 9, alpha=1), run(ALTERNATING, 9)
    assert alone.cycles - shared.cycles == 4 - 2
    assert alone.counts["macs"] == shared.counts["macs"] == 6 * 9
    assert (alone.counts["dense_macs"], shared.counts["dense_macs"]) == (12 * 9, 6 * 9)


def test_bits_in_series_keep_the_ratio_of_tiles():
    """Eight columns on two rows of the array: four tiles without packing, two with it, either way of counting."""
    weight = np.array([[1, 0] * 4, [0, 1] * 4], np.int8)
    for arithmetic, stream in (("word", 32), ("bit_serial", 32 * 8)):
        alone, shared = (run(weight, 32, rows=2, alpha=alpha, arithmetic=arithmetic) for alpha in (1, 2))
        assert (alone.mapping["array_tiles"], shared.mapping["array_tiles"]) == (4, 2)
        assert (alone.cycles, shared.cycles) == (2 + 3 + 4 * stream, 2 + 3 + 2 * stream)
