"""Ours: kernels with much left weigh more; an index that few still hold is taken before it costs a read of its own."""

from collections import Counter
from collections.abc import Sequence

Cycle = list[tuple[int, int]]


def rare_last(index_sets: Sequence[Sequence[int]], replicas: int) -> list[Cycle]:
    """A cycle reads the indices whose holders, not counting those that hold an index read already, have most entries
    left (squared, summed). Each kernel takes the one of them that the fewest kernels still hold.
    """
    left = [set(indices) for indices in index_sets]
    cycles = []
    while any(left):
        holders = Counter(index for indices in left for index in indices)
        read = _heaviest(left, replicas)
        cycle: Cycle = []
        for kernel, indices in enumerate(left):
            usable = indices.intersection(read)
            if usable:
                index = min(usable, key=lambda i: (holders[i], i))
                cycle.append((kernel, index))
                indices.remove(index)
        cycles.append(cycle)
    return cycles


def _heaviest(left: Sequence[set[int]], replicas: int) -> list[int]:
    waiting = [indices for indices in left if indices]
    read: list[int] = []
    while waiting and len(read) < replicas:
        weight: Counter[int] = Counter()
        for indices in waiting:
            weight.update(dict.fromkeys(indices, len(indices) ** 2))
        read.append(min(weight, key=lambda i: (-weight[i], i)))
        waiting = [indices for indices in waiting if read[-1] not in indices]
    return read
