"""The ways to divide a layer among the PEs of a planar machine, for bounds over all policies."""

from collections.abc import Iterator

import numpy as np


def divisions(pes: int, filters: int, plane: tuple[int, int]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(parts, tile rows [grid], tile columns [grid]): the ways to use all PEs that are worth trying.

    Any assignment has as many PEs as one of these or fewer, and nothing is gained by fewer.
    """
    parts_worth_trying = {min(pes // tiles, filters) for tiles in {pes // parts for parts in range(1, pes + 1)}}
    for parts in sorted(parts_worth_trying):
        rows = np.arange(1, min(pes // parts, plane[0]) + 1)
        yield parts, rows, np.minimum(pes // parts // rows, plane[1])
