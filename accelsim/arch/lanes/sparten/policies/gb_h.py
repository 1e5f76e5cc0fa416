"""Greedy balancing in hardware: the filters of a round are paired anew for every chunk (SparTen)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY, Deal
from accelsim.arch.lanes.sparten.policies.gb_s import paired, sorted_rounds


def gb_h(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Rounds as in `gb_s`; in each chunk by descending non-zeros of that chunk, equal ones in the round's order."""
    rounds = sorted_rounds(nonzeros, lanes)[:, None]  # [round, 1, filter]
    density = np.where(rounds == NOBODY, -1, nonzeros.T[:, rounds[:, 0]].transpose(1, 0, 2))  # [round, chunk, filter]
    order = np.argsort(-density, axis=2, kind="stable")
    return Deal(paired(np.take_along_axis(np.broadcast_to(rounds, order.shape), order, axis=2)))
