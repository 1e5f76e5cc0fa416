"""Outputs as they come: lane after lane, round after round."""

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY, Deal


def in_order(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Round r, lane l, place i: output (r x lanes + l) x places + i."""
    return Deal(dealt_in_rounds(np.arange(len(nonzeros)), lanes, places))


def dealt_in_rounds(order: np.ndarray, lanes: int, places: int) -> np.ndarray:
    """outputs [round, 1, lane, place]: `order` from its begin to its end, the last round filled up with NOBODY."""
    rounds = -(-len(order) // (lanes * places))
    outputs = np.full(rounds * lanes * places, NOBODY, np.int64)
    outputs[:len(order)] = order
    return outputs.reshape(rounds, 1, lanes, places)
