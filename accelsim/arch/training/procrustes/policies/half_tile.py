"""Half-tile pairing, the published policy: every tile is cut in two along its lanes, densest halves join sparsest.

Among all ways to join halves in pairs this has the smallest maximum, so it is never worse than no balancing, which
is one of them. [authors' code]
"""

import numpy as np
from numba import njit

from accelsim.arch.training.procrustes.policies.balance import Balance


def half_tile(work: np.ndarray) -> Balance:
    """load[set, pe]: bits of the pair of halves that the PE got; swaps: n x ceil(log2 n) for n halves."""
    sets, pes, lanes = work.shape
    cut = (lanes + 1) // 2
    halves, filled = (np.stack([part[:, :, :cut].sum(axis=2), part[:, :, cut:].sum(axis=2)], axis=2).astype(np.int64)
                      .reshape(sets, 2 * pes) for part in (work, work > 0))
    order = np.argsort(-halves, axis=1, kind="stable")
    load, displaced = _join(halves, filled, order)
    return Balance(load, displaced, np.full(sets, 2 * pes * (2 * pes - 1).bit_length(), np.int64))


@njit(cache=True)
def _join(halves, filled, order):
    """load[set, pe] and displaced[set]: a pair goes to an owner of its halves that is free, the rest to who is left."""
    sets, count = halves.shape
    pairs = count // 2
    load, displaced = np.zeros((sets, pairs), np.int64), np.zeros(sets, np.int64)
    for s in range(sets):
        pair_of = np.full(pairs, -1, np.int64)
        left = np.zeros(pairs, np.bool_)
        for i in range(pairs):
            densest, sparsest = order[s, i], order[s, count - 1 - i]
            if pair_of[densest // 2] < 0:
                pair_of[densest // 2] = i
            elif pair_of[sparsest // 2] < 0:
                pair_of[sparsest // 2] = i
            else:
                left[i] = True
        waiting = np.flatnonzero(left)
        taken = 0
        for pe in range(pairs):
            if pair_of[pe] < 0:
                pair_of[pe] = waiting[taken]
                taken += 1
            for half in (order[s, pair_of[pe]], order[s, count - 1 - pair_of[pe]]):
                load[s, pe] += halves[s, half]
                if half // 2 != pe:
                    displaced[s] += filled[s, half]
    return load, displaced
