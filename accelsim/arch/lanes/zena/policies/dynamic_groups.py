"""A group that is free takes the next job from a queue (the journal version's way, as the survey names it)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import Deal
from accelsim.arch.lanes.shared.policies.zero_aware import zero_aware


def dynamic_groups(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Kernels as `zero_aware` deals them; jobs come from the queue."""
    return zero_aware(nonzeros, lanes, places)._replace(dispatch="queue")
