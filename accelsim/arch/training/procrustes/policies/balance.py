"""What a policy answers."""

from typing import NamedTuple

import numpy as np


class Balance(NamedTuple):
    """load[set, pe], displaced[set], swaps[set], all int64; see the package for their meaning."""

    load: np.ndarray
    displaced: np.ndarray
    swaps: np.ndarray
