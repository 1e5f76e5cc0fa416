"""The bounded memory of what was computed from a layer."""

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from accelsim.workload import derived as store
from accelsim.workload.derived import derived

pytestmark = pytest.mark.small


class Owner:
    """Anything that can be weakly referenced."""


@pytest.fixture(autouse=True)
def _empty_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(store, "_kept", store.KeptValues())
    yield
    gc.collect()


def kept_keys() -> list[object]:
    """Keys of what is kept, least recently used first; their sizes sum to the running total."""
    kept = store._kept
    assert kept.size_bytes == sum(size for _, size in kept.values.values())
    assert {(owner, key) for owner, keys in kept.keys_of_owner.items() for key in keys} == set(kept.values)
    return [key for _, key in kept.values]


def test_made_once_per_owner_and_key() -> None:
    owner, other, made = Owner(), Owner(), []

    def make() -> np.ndarray:
        made.append(1)
        return np.zeros(3)

    first = derived(owner, "key", make)
    assert derived(owner, "key", make) is first
    assert len(made) == 1
    assert derived(owner, "other key", make) is not first
    assert derived(other, "key", make) is not first
    assert len(made) == 3


def test_entries_die_with_their_owner() -> None:
    owner, other = Owner(), Owner()
    derived(owner, "a", lambda: np.zeros(3))
    derived(owner, "b", lambda: np.zeros(3))
    derived(other, "a", lambda: np.zeros(3))
    del owner
    gc.collect()
    assert kept_keys() == ["a"]
    assert list(store._kept.keys_of_owner) == [id(other)]


def test_least_recently_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT_BYTES", 250)
    owner = Owner()
    for key in "abc":
        derived(owner, key, lambda: np.zeros(100, np.int8))
    assert kept_keys() == ["b", "c"]
    derived(owner, "b", lambda: pytest.fail("was kept"))
    derived(owner, "d", lambda: np.zeros(100, np.int8))
    assert kept_keys() == ["b", "d"]


def test_what_is_larger_than_the_limit_is_still_returned_and_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT_BYTES", 10)
    owner = Owner()
    derived(owner, "small", lambda: np.zeros(1, np.int8))
    assert derived(owner, "big", lambda: np.zeros(100, np.int8)).nbytes == 100
    assert kept_keys() == ["big"]


def test_sizes_of_nested_values() -> None:
    from accelsim.workload.lowering import MatrixProduct

    block = np.zeros((10, 10), np.int16)
    assert store._size_bytes(block) == 200
    assert store._size_bytes((block, [block, 1])) == 408
    assert store._size_bytes(MatrixProduct(block, block, None)) == 408


def test_a_failure_is_not_kept() -> None:
    owner = Owner()
    with pytest.raises(ZeroDivisionError):
        derived(owner, "key", lambda: 1 // 0)
    assert derived(owner, "key", lambda: 7) == 7


def test_a_dead_owners_values_are_never_those_of_a_new_object_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner dies while another thread is in the middle of a change: its entries go before the next look-up."""
    owner = Owner()
    derived(owner, "key", lambda: 1)
    with store._kept._lock:
        old_id = id(owner)
        del owner
        gc.collect()
        assert kept_keys() == ["key"]
        others = []
        while id(new := Owner()) != old_id and len(others) < 10_000:
            others.append(new)
    assert derived(new, "key", lambda: 2) == 2
    assert kept_keys() == ["key"]


def test_threads_see_whole_and_right_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads, short-lived owners and a limit that evicts all the time."""
    monkeypatch.setattr(store, "LIMIT_BYTES", 2000)
    shared = [Owner() for _ in range(3)]

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(400):
            own = Owner()
            for owner, base in ((own, 0), *((one, 10 * (i + 1)) for i, one in enumerate(shared))):
                key = int(rng.integers(10))
                value = derived(owner, key, lambda base=base, key=key: np.full(base + key + 1, base + key))
                assert len(value) == base + key + 1
                assert (value == base + key).all()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)
    del shared[1:]
    gc.collect()
    derived(shared[0], "last", lambda: 1)
    assert store._kept.size_bytes <= 2000
    assert kept_keys()[-1] == "last"
    assert list(store._kept.keys_of_owner) == [id(shared[0])]


def test_an_entry_costs_the_same_however_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are taken once per entry, also where each new one pushes out an old one."""
    monkeypatch.setattr(store, "LIMIT_BYTES", 8 * 300)
    sized = []
    size_bytes = store._size_bytes
    monkeypatch.setattr(store, "_size_bytes", lambda value: sized.append(value) or size_bytes(value))
    owner = Owner()
    for key in range(1000):
        derived(owner, key, lambda: 1)
    assert len(sized) == 1000
    assert kept_keys() == list(range(700, 1000))
