"""Greedy balancing in software: each unit has a dense and a sparse filter, paired once for the layer (SparTen)."""

import numpy as np

from accelsim.arch.lanes.shared.deal import NOBODY, Deal

PAIR = 2


def gb_s(nonzeros: np.ndarray, lanes: int, places: int) -> Deal:
    """Filters by descending non-zeros, 2 x lanes to a round; unit i has number i and number 2 x lanes - 1 - i."""
    rounds = sorted_rounds(nonzeros, lanes)
    return Deal(paired(rounds)[:, None])


def sorted_rounds(nonzeros: np.ndarray, lanes: int) -> np.ndarray:
    """[round, 2 x lanes]: filters by descending non-zeros, equal ones by number, filled up with NOBODY."""
    order = np.argsort(-nonzeros.sum(axis=1), kind="stable")
    rounds = np.full((-(-len(order) // (PAIR * lanes)), PAIR * lanes), NOBODY, np.int64)
    rounds.reshape(-1)[:len(order)] = order
    return rounds


def paired(sorted_filters: np.ndarray) -> np.ndarray:
    """[.., unit, 2] from [.., 2 x units], densest first: the first with the last, and so on inwards."""
    half = sorted_filters.shape[-1] // PAIR
    return np.stack([sorted_filters[..., :half], sorted_filters[..., :half - 1:-1]], axis=-1)
