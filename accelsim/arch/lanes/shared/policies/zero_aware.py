"""Outputs sorted by their non-zero weights, so that those of one round are alike (ZeNA's name for it)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import Deal
from accelsim.arch.lanes.shared.policies.in_order import dealt_in_rounds


def zero_aware(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Descending non-zeros, equal ones by number; then dealt as `in_order` deals."""
    return Deal(dealt_in_rounds(np.argsort(-nonzeros.sum(axis=1), kind="stable"), lanes, places))
