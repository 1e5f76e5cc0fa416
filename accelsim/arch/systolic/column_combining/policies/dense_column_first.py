"""The paper's words, recalled: columns are taken one by one, each joins the group that becomes densest."""

import numpy as np

from accelsim.workload.packing import Groups, joined_groups, packed_by_section


def dense_column_first(weights: np.ndarray, alpha: int, gamma: float, section: int = 256) -> Groups:
    """Groups of the columns of weights [filters, columns]; docs/machines/column_combining.md, rules 2, 3 and 5."""
    return packed_by_section(joined_groups, weights, alpha, gamma, section)
