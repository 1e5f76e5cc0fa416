"""A bounded memory of what was computed from a layer, shared between design points.

Per-PE counts, compressed blocks and prefix sums depend on a layer and on the mapping alone, so a second design
point on the same layer object finds them here. An entry dies with its layer; the least recently used go first
when the total passes `LIMIT_BYTES`.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

LIMIT_BYTES = 1 << 30

T = TypeVar("T")
_store: OrderedDict[tuple[int, Hashable], tuple[Any, int]] = OrderedDict()
_owned: dict[int, set[Hashable]] = {}


def derived(owner: object, key: Hashable, make: Callable[[], T]) -> T:
    """`make()` computed once per `owner` object and `key`; later calls return the same object (do not modify it).

    `make` returns an array, or a (named) tuple, list or frozen dataclass of arrays and scalars.
    """
    slot = (id(owner), key)
    if slot in _store:
        _store.move_to_end(slot)
        return _store[slot][0]
    value = make()
    if id(owner) not in _owned:
        _owned[id(owner)] = set()
        weakref.finalize(owner, _forget, id(owner))
    _owned[id(owner)].add(key)
    _store[slot] = (value, _size_bytes(value))
    _evict(keep=slot)
    return value


def _forget(owner_id: int) -> None:
    for key in _owned.pop(owner_id, ()):
        _store.pop((owner_id, key), None)


def _evict(keep: tuple[int, Hashable]) -> None:
    total = sum(size for _, size in _store.values())
    for slot in list(_store):
        if total <= LIMIT_BYTES:
            return
        if slot != keep:
            total -= _store.pop(slot)[1]


def _size_bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (tuple, list)):
        return sum(map(_size_bytes, value))
    if hasattr(value, "__dict__"):
        return sum(map(_size_bytes, vars(value).values()))
    return 8
