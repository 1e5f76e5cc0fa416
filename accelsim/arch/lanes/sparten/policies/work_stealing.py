"""A cluster that is free takes the next output position from a queue (our own)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import Deal
from accelsim.arch.lanes.shared.policies.in_order import in_order


def work_stealing(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Filters as without balancing; jobs come from the queue."""
    return in_order(nonzeros, lanes, places)._replace(dispatch="queue")
