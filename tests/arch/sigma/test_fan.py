"""Does the FAN sum every contiguous cluster on its own, by the adders that the rules name?"""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.flexible.sigma.reference import fan


def clusterings(leaves: int):
    """Every division of the leaves into contiguous clusters, each cluster filled or not: ids, None for unfilled."""
    for divided in product([False, True], repeat=leaves - 1):
        runs = [0]
        for cut in divided:
            runs.append(runs[-1] + cut)
        for filled in product([True, False], repeat=runs[-1] + 1):
            yield [run if filled[run] else None for run in runs]


def reduce(ids: list[int | None], numbers: list[int]) -> tuple[fan.FanSetting, list[tuple[int, int]], int]:
    """The setting, (cluster, sum) of all clusters and the adds made."""
    setting = fan.configure(fan.held_by_ids(ids))
    row: fan.Row = {("leaf", i, cluster): numbers[i] for i, cluster in enumerate(ids) if cluster is not None}
    adds = sum(fan.pass_level(setting, level, row) for level in range(fan.level_count(len(ids))))
    sums = fan.read_sums(setting, row)
    assert not row  # every operand was used, every sum was read
    return setting, sums, adds


def assert_sums(ids: list[int | None]) -> None:
    """Sums and adds are right, every operand stands at a lower level, sums leave at the cluster's highest adder."""
    members: dict[int, list[int]] = {}
    for i, cluster in enumerate(ids):
        if cluster is not None:
            members.setdefault(cluster, []).append(i)
    setting, sums, adds = reduce(ids, [1 << i for i in range(len(ids))])
    assert sums == [(cluster, sum(1 << i for i in own)) for cluster, own in members.items()]
    assert adds == sum(len(own) - 1 for own in members.values())
    for level, adders in enumerate(setting.levels):
        for adder in adders:
            assert fan.adder_level(adder.number) == level
            assert all(place[0] == "leaf" or fan.adder_level(place[1]) < level for place in (adder.left, adder.right))
    for cluster, place in setting.sums:
        own = range(members[cluster][0], members[cluster][-1])
        assert place[1] == (max(own, key=fan.adder_level) if len(own) else members[cluster][0])


def test_levels_are_trailing_ones():
    assert [fan.adder_level(a) for a in range(15)] == [0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0]


@pytest.mark.parametrize(("leaves", "levels"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (8, 3), (9, 4)])
def test_level_count_is_the_logarithm_rounded_up(leaves, levels):
    assert fan.level_count(leaves) == levels


@pytest.mark.parametrize("leaves", range(1, 9))
def test_every_clustering_of_up_to_8_leaves(leaves):
    for ids in clusterings(leaves):
        assert_sums(ids)


@st.composite
def ids_of(draw: st.DrawFn, leaves: int) -> list[int | None]:
    """Clusters of drawn sizes (most not powers of two), some unfilled, until the leaves are used up."""
    ids: list[int | None] = []
    for cluster in range(leaves):
        if len(ids) < leaves:
            size = draw(st.integers(1, draw(st.sampled_from([2, 5, leaves]))))
            ids += [cluster if draw(st.integers(0, 4)) else None] * size
    return ids[:leaves]


@pytest.mark.parametrize("leaves", [16, 32, 64, 5, 23])
@given(data=st.data())
def test_drawn_clusterings(leaves, data):
    assert_sums(data.draw(ids_of(leaves)))


@pytest.mark.parametrize("size", [3, 5, 6, 7, 11, 13, 64])
def test_one_cluster_at_every_place(size):
    for first in range(64 - size + 1):
        assert_sums([None] * first + [7] * size + [None] * (64 - size - first))


def test_whole_tree_uses_its_own_links():
    # 8 leaves, one cluster: adder 1 takes 0 and 2, adder 5 takes 4 and 6, adder 3 takes 1 and 5.
    setting, _, _ = reduce([0] * 8, [1] * 8)
    assert [[(a.number, a.left, a.right) for a in level] for level in setting.levels[1:]] == [
        [(1, ("adder", 0), ("adder", 2)), (5, ("adder", 4), ("adder", 6))], [(3, ("adder", 1), ("adder", 5))]]


def test_forwarding_links():
    # Leaves 2 .. 5 of 8: adders 2, 3, 4. Adder 3 (level 2): 3 - 2 = 1 is left of the cluster; 3 - 1 = 2 is forwarded.
    # Right, 3 + 2 = 5 is not left of leaf 5, so 3 + 1 = 4 is forwarded.
    setting, sums, adds = reduce([0, 0, 1, 1, 1, 1, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128])
    assert setting.levels[1] == ()  # adders 1 and 5 stand between clusters
    assert setting.levels[2] == (fan.Adder(3, ("adder", 2), ("adder", 4)),)
    assert (sums, adds) == ([(0, 3), (1, 60), (2, 192)], 5)


def test_operand_may_be_a_leaf_at_any_level():
    # Leaves 3 and 4 of 8: adder 3 (level 2) alone, between two leaves.
    setting, _, _ = reduce([None] * 3 + [0, 0] + [None] * 3, [1] * 8)
    assert setting.levels == ((), (), (fan.Adder(3, ("leaf", 3, 0), ("leaf", 4, 0)),))


def test_unfilled_leaf_divides_nothing_but_its_neighbours():
    _, sums, adds = reduce([0, 0, None, 1, 1], [1, 2, 4, 8, 16])
    assert (sums, adds) == ([(0, 3), (1, 24)], 2)


def test_a_leaf_with_several_clusters_ends_one_and_begins_another():
    # Across 4 Flex-DPEs: cluster 0 reaches over 0 and 1, clusters 1 and 2 are inside 1, cluster 3 over 1, 2 and 3.
    setting = fan.configure([(0,), (0, 1, 2, 3), (3,), (3, 4)])
    row: fan.Row = {("leaf", 0, 0): 1, ("leaf", 1, 0): 2, ("leaf", 1, 1): 4, ("leaf", 1, 2): 8, ("leaf", 1, 3): 16,
                    ("leaf", 2, 3): 32, ("leaf", 3, 3): 64, ("leaf", 3, 4): 128}
    adds = [fan.pass_level(setting, level, row) for level in range(2)]
    # adder 0 (level 0) for cluster 0, adder 2 (level 0) and then adder 1 (level 1) for cluster 3
    assert adds == [2, 1]
    assert fan.read_sums(setting, row) == [(0, 3), (1, 4), (2, 8), (3, 112), (4, 128)]
    assert not row
