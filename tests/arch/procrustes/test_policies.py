"""Do the policies give out every bit once, and is half-tile pairing the published rule?"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.training.procrustes.policies import POLICIES
from accelsim.arch.training.procrustes.policies.half_tile import half_tile
from accelsim.arch.training.procrustes.policies.ideal import ideal
from accelsim.arch.training.procrustes.policies.none import none
from accelsim.arch.training.procrustes.policies.work_stealing import work_stealing

pytestmark = pytest.mark.small
FULL_RANGE = st.integers(0, 2**32 - 1)


def drawn(seed: int, sets: int = 3, pes: int = 5, lanes: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 + rng.integers(0, 30), (sets, rng.integers(1, pes + 1), rng.integers(1, lanes + 1)))


def halves_of(tile: np.ndarray) -> list[int]:
    """Bits of the halves of one set [pe, lane], PE by PE."""
    cut = (tile.shape[1] + 1) // 2
    return [int(part.sum()) for lanes in tile for part in (lanes[:cut], lanes[cut:])]


def pairings(items: list[int]):
    """Every way to join an even number of items in pairs."""
    if not items:
        yield []
        return
    first, *rest = items
    for i, other in enumerate(rest):
        for others in pairings(rest[:i] + rest[i + 1:]):
            yield [(first, other), *others]


@given(FULL_RANGE)
def test_every_bit_is_given_out_once_and_none_is_never_better(seed):
    work = drawn(seed)
    slowest = {name: policy(work).load.max(axis=1) for name, policy in POLICIES.items()}
    for policy in POLICIES.values():
        balance = policy(work)
        assert balance.load.shape == work.shape[:2] and balance.displaced.shape == balance.swaps.shape == (len(work),)
        np.testing.assert_array_equal(balance.load.sum(axis=1), work.sum(axis=(1, 2)))
        assert min(part.min() for part in balance) >= 0
    for name in ("half_tile", "work_stealing", "ideal"):
        assert (slowest[name] <= slowest["none"]).all()
        assert (slowest["ideal"] <= slowest[name]).all()


@given(FULL_RANGE)
def test_half_tile_is_densest_with_sparsest(seed):
    for tile in drawn(seed):
        bits = sorted(halves_of(tile), reverse=True)
        wanted = sorted(a + b for a, b in zip(bits, reversed(bits[len(bits) // 2:]), strict=False))
        assert sorted(half_tile(tile[None]).load[0].tolist()) == wanted


@given(FULL_RANGE)
def test_no_other_pairing_has_a_smaller_maximum(seed):
    for tile in drawn(seed, sets=1, pes=4):
        best = min(max(a + b for a, b in pairs) for pairs in pairings(halves_of(tile)))
        assert half_tile(tile[None]).load.max() == best


@given(FULL_RANGE)
def test_who_gets_which_pair(seed):
    """The rule of the page, on objects: owners of the denser half first, then of the sparser, then who is left."""
    for tile in drawn(seed):
        halves = [(bits, i // 2, i % 2) for i, bits in enumerate(halves_of(tile))]
        order = sorted(halves, key=lambda half: (-half[0], half[1], half[2]))
        got, left = {}, []
        for pair in zip(order, reversed(order), strict=True):
            if len(got) + len(left) == len(tile):
                break
            owner = next((half[1] for half in pair if half[1] not in got), None)
            if owner is None:
                left.append(pair)
            else:
                got[owner] = pair
        for pe in range(len(tile)):
            if pe not in got:
                got[pe] = left.pop(0)
        cut = (tile.shape[1] + 1) // 2
        lanes = {(pe, side): int((part > 0).sum()) for pe in range(len(tile))
                 for side, part in enumerate((tile[pe, :cut], tile[pe, cut:]))}
        balance = half_tile(tile[None])
        assert balance.load[0].tolist() == [got[pe][0][0] + got[pe][1][0] for pe in range(len(tile))]
        moved = [half[1:] for pe, pair in got.items() for half in pair if half[1] != pe]
        assert balance.displaced[0] == sum(lanes[half] for half in moved)


@pytest.mark.parametrize(("pes", "swaps"), [(1, 2 * 1), (2, 4 * 2), (3, 6 * 3), (16, 32 * 5)])
def test_sort_cost(pes, swaps):
    assert half_tile(np.ones((1, pes, 2), np.int64)).swaps.tolist() == [swaps]


def test_balanced_tiles_stay_at_home():
    balance = half_tile(np.full((1, 4, 6), 3))
    assert balance.load.tolist() == [[18, 18, 18, 18]]


@given(FULL_RANGE)
def test_work_stealing_tick_by_tick(seed):
    for tile in drawn(seed, pes=6, lanes=5):
        balance = work_stealing(tile[None])
        load, stolen = ticked(tile)
        assert balance.load[0].tolist() == load and balance.displaced[0] == stolen


def ticked(tile: np.ndarray) -> tuple[list[int], int]:
    """One bit per PE and tick; the loads, and how many lanes were stolen."""
    queues = [[int(bits) for bits in lanes if bits] for lanes in tile]
    doing = [queue.pop(0) if queue else 0 for queue in queues]
    load, stolen = [0] * len(tile), 0
    for _ in range(int(tile.sum()) + 1):
        for pe in range(len(tile)):
            if doing[pe] == 0:
                victim = max(range(len(tile)), key=lambda other: (sum(queues[other]), -other))
                if queues[pe]:
                    doing[pe] = queues[pe].pop(0)
                elif queues[victim]:
                    doing[pe] = queues[victim].pop()
                    stolen += 1
        for pe in range(len(tile)):
            if doing[pe]:
                doing[pe] -= 1
                load[pe] += 1
    return load, stolen


def test_ideal_and_none_by_hand():
    work = np.array([[[5, 0], [1, 1], [0, 0]]])
    assert none(work).load.tolist() == [[5, 2, 0]]
    assert ideal(work).load.tolist() == [[3, 2, 2]]
    assert [part.tolist() for part in ideal(work)[1:]] == [[0], [0]]


def test_no_sets():
    for policy in (none, ideal):
        assert policy(np.zeros((0, 3, 2), np.int64)).load.shape == (0, 3)


def test_pairings_of_this_test():
    assert len(list(pairings(list(range(6))))) == 15 == len({tuple(p) for p in pairings(list(range(6)))})
    assert list(itertools.chain.from_iterable(pairings([1, 2]))) == [(1, 2)]
