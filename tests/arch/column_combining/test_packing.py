"""Packing against the authors' own program, their figures and a trained layer of theirs.

Rows: the authors' packing.py as somebody else ran it on these matrices; one grouping per row.
"""

import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.arch.registry import policies
from accelsim.workload.packing import as_authors_count, surviving

PACK = policies("column_combining")["column_combine"]
DENSEST = policies("column_combining")["dense_column_first"]
TRAINED = Path(__file__).resolve().parents[4] / "shared" / "golden" / "column_combining" / "trained_layer.npz"


def pruned(seed: int, rows: int, cols: int, share: float) -> np.ndarray:
    """float32 normal values, the smallest `share` of them zero."""
    weights = np.random.RandomState(seed).standard_normal((rows, cols)).astype(np.float32)
    smallest = np.argsort(np.abs(weights).ravel())[:math.ceil(rows * cols * share)]
    weights.ravel()[smallest] = 0
    return weights


ROWS = [  # seed, rows, columns, share, alpha, gamma: non-zeros; groups, left, rows, sizes, check sum, first group
    ((1, 16, 24, .8), 4, 0, 76, (10, 76, 16), (3, 3, 1, 3), 1258, (0, 7, 21, 23)),
    ((1, 16, 24, .8), 4, .5, 76, (6, 62, 16), (0, 0, 0, 6), 1083, (0, 12, 19, 7)),
    ((1, 16, 24, .8), 8, .5, 76, (4, 50, 16), (0, 0, 0, 0, 2, 1, 0, 1), 775, (0, 12, 19, 7, 3)),
    ((2, 32, 64, .85), 8, 0, 307, (18, 307, 32), (1, 1, 6, 8, 1, 1, 0, 0), 20738, (0, 1, 2, 45)),
    ((2, 32, 64, .85), 8, .5, 307, (8, 226, 32), (0, 0, 0, 0, 0, 0, 0, 8), 10705, (0, 1, 2, 11, 31, 60, 28, 4)),
    ((3, 64, 96, .8), 8, .5, 1228, (14, 799, 64), (0, 0, 0, 0, 0, 5, 6, 3), 39651, (0, 71, 5, 31, 16, 76)),
    ((5, 128, 128, .875), 8, .25, 2048, (17, 1579, 128), (0, 0, 0, 0, 0, 1, 6, 10), 80067, (0, 22, 77, 38, 72, 16, 50)),
    ((6, 64, 300, .9), 8, .5, 1920, (38, 1638, 63), (0, 0, 0, 1, 0, 0, 0, 37), 1021082,
     (0, 254, 62, 95, 126, 69, 71, 195)),
    ((7, 256, 256, .8), 8, .5, 13107, (40, 8492, 256), (1, 0, 0, 0, 0, 18, 21, 0), 744021, (0, 175, 103, 53, 160, 35))]


def described(groups: list[list[int]], alpha: int) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    sizes = Counter(map(len, groups))
    check_sum = sum(place * sum(group) for place, group in enumerate(groups, 1))
    return tuple(sizes[n] for n in range(1, alpha + 1)), check_sum, tuple(groups[0])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"seed {row[0][0]}, alpha {row[1]}, gamma {row[2]}")
def test_the_authors_groups(row):
    drawn, alpha, gamma, nonzeros, (number, left, rows), *wanted = row
    weights = pruned(*drawn)
    groups = PACK(weights, alpha, gamma)
    assert np.count_nonzero(weights) == nonzeros
    assert as_authors_count(weights, groups) == (rows, number, left)
    assert described(groups, alpha) == tuple(wanted)


def test_rows_without_a_weight_in_the_last_section_keep_their_conflicts_in_the_authors_count_alone():
    weights = pruned(6, 64, 300, .9)
    groups = PACK(weights, 8, .5)
    assert np.count_nonzero(surviving(weights, groups)) == 1637


def trained() -> np.ndarray:
    if not TRAINED.exists():
        pytest.skip(f"needs the trained layer of the authors' figure ({TRAINED}), which is not part of the project")
    with np.load(TRAINED) as data:
        return data["pattern"]


@pytest.mark.parametrize(("alpha", "gamma", "groups", "left", "check_sum"), [
    (8, 0, 18, 1458, 44259), (8, .5, 13, 995, 35292), (4, .5, 24, 1272, 60778)])
def test_a_trained_layer(alpha, gamma, groups, left, check_sum):
    pattern = trained()
    found = PACK(pattern, alpha, gamma)
    assert (len(found), np.count_nonzero(surviving(pattern, found))) == (groups, left)
    assert described(found, alpha)[1] == check_sum
    if gamma == 0:
        assert (described(found, alpha)[0], found[0]) == ((1, 0, 0, 3, 6, 6, 1, 1), [0, 35, 18, 3, 33])


def test_the_authors_own_packing_of_it_fills_three_tiles_instead_of_nine():
    pattern = trained()
    with np.load(TRAINED) as data:
        packed = data["packed"]
    assert (pattern.shape, np.count_nonzero(pattern), packed.shape) == ((96, 94), 1458, (96, 17))
    np.testing.assert_array_equal(packed.sum(axis=1), pattern.sum(axis=1))
    layer = accelsim.linear("trained", pattern, np.ones((7, 94), bool))
    tiles = {alpha: accelsim.simulate(layer, "column_combining", set={"rows": 32, "cols": 32, "alpha": alpha})
             .layers[0].mapping["array_tiles"] for alpha in (1, 8)}
    assert tiles == {1: 9, 8: 3}  # 18 groups where the authors' hand has 17: as many tiles


def test_untrained_columns_pack_differently():
    weights = np.abs(np.random.RandomState(4).standard_normal((96, 94)).astype(np.float32))
    smallest = np.argsort(weights.ravel())[:math.ceil(96 * 94 * .84)]
    weights.ravel()[smallest] = 0
    groups = PACK(weights, 8, .5)
    assert (len(groups), np.count_nonzero(surviving(weights, groups))) == (12, 974)


def test_the_surveys_columns():
    columns = np.array([[0, 2, 0, 3, 0], [1, 0, 2, 1, 0], [1, 2, 0, 1, 0], [0, 0, 0, 0, 4]]).T
    group = [0, 1, 3]
    left = np.where(surviving(columns, [group]), columns, 0)
    assert left[:, group].sum(axis=1).tolist() == [1, 2, 2, 3, 4]
    assert sum(max(0, n - 1) for n in (columns[:, group] != 0).sum(axis=1)) == 1
    assert [0, 1, 3] in [sorted(g) for g in PACK(columns, 3, .2)]


def test_the_authors_figure():
    filters = np.array([[-.3, 0, -.2, 0], [0, -.7, 0, -.8], [0, .1, -1.2, 0], [.9, 0, .4, .7]])
    groups = PACK(filters, 2, .25)
    assert groups == [[0, 1], [2, 3]]
    left = np.where(surviving(filters, groups), filters, 0)
    np.testing.assert_allclose([left[:, group].sum(axis=1) for group in groups],
                               np.array([[-.3, -.2], [-.7, -.8], [.1, -1.2], [.9, .7]]).T)


@pytest.mark.parametrize("pack", [PACK, DENSEST], ids=lambda pack: pack.__name__)
@pytest.mark.parametrize(("seed", "alpha", "gamma", "section"), [(0, 4, 0, 256), (1, 8, .5, 7), (2, 3, 1.75, 10)])
def test_every_policy_keeps_the_limits(pack, seed, alpha, gamma, section):
    weights = pruned(seed, 20, 33, .8)
    groups = pack(weights, alpha, gamma, section)
    assert sorted(c for group in groups for c in group) == np.flatnonzero(weights.any(axis=0)).tolist()
    for group in groups:
        assert len(group) <= alpha
        assert len({column // section for column in group}) == 1
        assert sum(max(0, n - 1) for n in np.count_nonzero(weights[:, group], axis=1)) <= int(gamma * 20)


def test_the_papers_words_take_columns_one_by_one():
    """Column 2 may join either group; the union with the first is denser."""
    columns = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1]]).T
    assert DENSEST(columns, 2, 0) == [[0, 2], [1]]


def test_a_large_layer_in_two_seconds():
    rng = np.random.default_rng(0)
    weights = rng.random((512, 4608)) < 0.2
    PACK(weights[:8, :8], 8, .5)  # compiled
    begin = time.process_time()
    groups = PACK(weights, 8, .5)
    assert time.process_time() - begin < 2
    assert len(groups) < 1000


def test_pruned_conflicts_pack_without_losing_more():
    rng = np.random.default_rng(3)
    layer = accelsim.linear("l", rng.integers(-100, 100, (32, 64)) * (rng.random((32, 64)) < .15), np.ones(64, np.int8))
    left = accelsim.prune(layer, "column_combine:8:0.5")
    assert 0 < np.count_nonzero(left.weight) < np.count_nonzero(layer.weight)
    on_pruned = accelsim.simulate(left, "column_combining").layers[0]
    one_shot = accelsim.simulate(layer, "column_combining_pruned").layers[0]
    assert on_pruned.mapping["nonzeros_left"] == one_shot.mapping["nonzeros_left"] == np.count_nonzero(left.weight)
    assert on_pruned.mapping["groups"] >= one_shot.mapping["groups"]
