"""Every kernel in the order of its indices."""

from collections.abc import Sequence

Cycle = list[tuple[int, int]]


def lowest_index(index_sets: Sequence[Sequence[int]], replicas: int) -> list[Cycle]:
    """A cycle reads the lowest distinct values among the kernels' lowest remaining indices."""
    left = [sorted(indices) for indices in index_sets]
    cycles = []
    while any(left):
        read = sorted({indices[0] for indices in left if indices})[:replicas]
        cycles.append([(kernel, indices.pop(0)) for kernel, indices in enumerate(left)
                       if indices and indices[0] in read])
    return cycles
