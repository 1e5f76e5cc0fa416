"""The bounded memory of what was computed from a layer."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from accelsim.workload import derived as store
from accelsim.workload.derived import derived

pytestmark = pytest.mark.small


class Owner:
    """Anything that can be weakly referenced."""


@pytest.fixture(autouse=True)
def _empty_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(store, "_store", type(store._store)())
    monkeypatch.setattr(store, "_owned", {})
    yield
    gc.collect()


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
    assert [slot[0] for slot in store._store] == [id(other)]
    assert list(store._owned) == [id(other)]


def test_least_recently_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT_BYTES", 250)
    owner = Owner()
    for key in "abc":
        derived(owner, key, lambda: np.zeros(100, np.int8))
    assert [key for _, key in store._store] == ["b", "c"]
    derived(owner, "b", lambda: pytest.fail("was kept"))
    derived(owner, "d", lambda: np.zeros(100, np.int8))
    assert [key for _, key in store._store] == ["b", "d"]


def test_what_is_larger_than_the_limit_is_still_returned_and_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT_BYTES", 10)
    owner = Owner()
    derived(owner, "small", lambda: np.zeros(1, np.int8))
    assert derived(owner, "big", lambda: np.zeros(100, np.int8)).nbytes == 100
    assert [key for _, key in store._store] == ["big"]


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
