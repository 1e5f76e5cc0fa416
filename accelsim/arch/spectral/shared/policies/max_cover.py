"""The index that most kernels can use, again and again."""

from collections import Counter
from collections.abc import Sequence

Cycle = list[tuple[int, int]]


def max_cover(index_sets: Sequence[Sequence[int]], replicas: int) -> list[Cycle]:
    """In a cycle, up to `replicas` times: of the kernels not served yet, serve all that hold the index most of them
    hold; of equal ones the lowest.
    """
    left = [set(indices) for indices in index_sets]
    cycles = []
    while any(left):
        waiting = {kernel for kernel, indices in enumerate(left) if indices}
        cycle: Cycle = []
        for _ in range(replicas):
            holders = Counter(index for kernel in waiting for index in left[kernel])
            if not holders:
                break
            index = min(holders, key=lambda i: (-holders[i], i))
            served = {kernel for kernel in waiting if index in left[kernel]}
            cycle += [(kernel, index) for kernel in sorted(served)]
            waiting -= served
        for kernel, index in cycle:
            left[kernel].remove(index)
        cycles.append(cycle)
    return cycles
