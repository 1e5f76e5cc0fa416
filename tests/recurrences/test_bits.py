"""Sets as bits of words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.recurrences.bits import members, rows_of_columns, take_first

pytestmark = pytest.mark.small


def elements(words: np.ndarray) -> list[int]:
    return [64 * w + bit for w, word in enumerate(words.tolist()) for bit in range(64) if word >> bit & 1]


@given(st.integers(1, 200), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_rows_of_columns(rows: int, columns: int, seed: int) -> None:
    pattern = (np.random.default_rng(seed).random((rows, columns)) < 0.5).astype(np.uint8) * 3
    sets = np.full((columns, -(-rows // 64)), 7, np.uint64)
    rows_of_columns(pattern, np.empty(columns, np.uint64), sets)
    for j in range(columns):
        assert elements(sets[j]) == np.flatnonzero(pattern[:, j]).tolist()
        assert members(sets[j]) == np.count_nonzero(pattern[:, j])


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128])
def test_take_first(count: int) -> None:
    words = np.full(2, 5, np.uint64)
    take_first(count, words)
    assert elements(words) == list(range(count))
    assert members(words) == count
