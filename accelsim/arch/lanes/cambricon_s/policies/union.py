"""A position is kept for all outputs of a block when one of them needs it (our own)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import Deal
from accelsim.arch.lanes.shared.policies.in_order import in_order


def union(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """As `in_order`; nothing is refused, zeros inside of kept positions are multiplied."""
    return in_order(nonzeros, lanes, places)._replace(union=True)
