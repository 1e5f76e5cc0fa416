"""Work stealing, our own: a PE that runs out of lanes takes one from the PE with the most work not begun.

It needs no sort and balances in steps of a lane instead of half a tile, at the price of an interconnect on which any
PE reaches any other's queue. Never worse than no balancing: a lane is begun by its thief before its owner could.
"""

import heapq

import numpy as np
from numba import njit

from accelsim.arch.training.procrustes.policies.balance import Balance


def work_stealing(work: np.ndarray) -> Balance:
    """load[set, pe]: bits of the lanes the PE worked on; displaced: lanes stolen."""
    load, displaced = _steal(np.ascontiguousarray(work, np.int64))
    return Balance(load, displaced, np.zeros(len(work), np.int64))


@njit(cache=True)
def _steal(work):
    sets, pes, lanes = work.shape
    load, displaced = np.zeros((sets, pes), np.int64), np.zeros(sets, np.int64)
    queue = np.zeros((pes, lanes), np.int64)
    for s in range(sets):
        first, end, waiting = np.zeros(pes, np.int64), np.zeros(pes, np.int64), np.zeros(pes, np.int64)
        free = [(np.int64(0), np.int64(0)) for _ in range(0)]  # numba infers the type of an empty list this way
        for pe in range(pes):
            for lane in range(lanes):
                if work[s, pe, lane] > 0:
                    queue[pe, end[pe]] = work[s, pe, lane]
                    waiting[pe] += work[s, pe, lane]
                    end[pe] += 1
            if end[pe] > 0:
                load[s, pe] = queue[pe, 0]
                waiting[pe] -= queue[pe, 0]
                first[pe] = 1
            heapq.heappush(free, (load[s, pe], np.int64(pe)))
        while len(free) > 0:
            _, pe = heapq.heappop(free)
            if first[pe] < end[pe]:
                bits = queue[pe, first[pe]]
                first[pe] += 1
                waiting[pe] -= bits
            else:
                victim = np.argmax(waiting)
                if waiting[victim] == 0:
                    break
                end[victim] -= 1
                bits = queue[victim, end[victim]]
                waiting[victim] -= bits
                displaced[s] += 1
            load[s, pe] += bits
            heapq.heappush(free, (load[s, pe], pe))
    return load, displaced
