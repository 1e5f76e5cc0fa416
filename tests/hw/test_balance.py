"""Heaviest item first to the least loaded bin, against a plain version and the bound of its paper."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.hw.balance import heaviest_first

pytestmark = pytest.mark.small

LOADS = st.lists(st.integers(0, 1000), max_size=40)


def plain(load: list[int], bins: int) -> list[int]:
    totals, bin_of = [0] * bins, [0] * len(load)
    for item in sorted(range(len(load)), key=lambda i: (-load[i], i)):
        bin_of[item] = min(range(bins), key=lambda b: (totals[b], b))
        totals[bin_of[item]] += load[item]
    return bin_of


@given(LOADS, st.integers(1, 12))
def test_equals_the_plain_version(load: list[int], bins: int) -> None:
    bin_of = heaviest_first(np.array(load, np.int64), bins)
    assert bin_of.dtype == np.int64
    assert bin_of.tolist() == plain(load, bins)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=7), st.integers(1, 3))
def test_fullest_bin_keeps_grahams_bound(load: list[int], bins: int) -> None:
    fullest = np.bincount(heaviest_first(np.array(load), bins), weights=load, minlength=bins).max()
    optimum = min(max(sum(n for n, b in zip(load, way, strict=True) if b == own) for own in range(bins))
                  for way in product(range(bins), repeat=len(load)))
    assert fullest * 3 * bins <= optimum * (4 * bins - 1)


def test_empty_and_single() -> None:
    assert heaviest_first(np.zeros(0, np.int64), 3).tolist() == []
    assert heaviest_first(np.array([5, 5, 5]), 1).tolist() == [0, 0, 0]
    assert heaviest_first(np.array([1, 9, 1]), 5).tolist() == [1, 0, 2]


def test_unsigned_loads_are_not_turned_around() -> None:
    """Negating unsigned integers to sort them would wrap."""
    assert heaviest_first(np.array([0, 7, 3], np.uint8), 2).tolist() == plain([0, 7, 3], 2)
