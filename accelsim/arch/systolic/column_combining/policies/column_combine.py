"""The authors' packing: one group is filled to the end, each time with the partner that leaves fewest rows empty."""

import numpy as np

from accelsim.workload.packing import Groups, merged_groups, packed_by_section


def column_combine(weights: np.ndarray, alpha: int, gamma: float, section: int = 256) -> Groups:
    """Groups of the columns of weights [filters, columns]; docs/machines/column_combining.md, rules 2 to 4."""
    return packed_by_section(merged_groups, weights, alpha, gamma, section)
