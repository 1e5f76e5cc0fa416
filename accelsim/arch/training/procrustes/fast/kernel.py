"""The fast engine of Procrustes: mask bits folded into sets, and the event recurrence of the threshold unit.

Within a set all waves are alike, so that a set advances the clock once; a barrier is a maximum over PEs.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def count_slices(weight):
    """bits[slice] uint16: non-zeros of each row of `weight` [slice, R x S]."""
    bits = np.zeros(weight.shape[0], np.uint16)
    for i in range(weight.shape[0]):
        count = 0
        for value in weight[i]:
            count += value != 0
        bits[i] = count
    return bits


@njit(cache=True)
def fold(bits, lanes, depth, lane_places, depth_places, by_depth):
    """work[set, pe, lane] int64 of slices `bits` [run, lane axis, depth axis].

    Sets in order of run, lane block, depth block; pe = depth place x lane_places + lane place. The last axis runs over
    the lanes of a PE tile, or over its depth channels with `by_depth`.
    """
    runs, axis_lanes, axis_depth = bits.shape
    lane_blocks = -(-axis_lanes // (lane_places * lanes))
    depth_blocks = -(-axis_depth // (depth_places * depth))
    work = np.zeros((runs * lane_blocks * depth_blocks, depth_places * lane_places, depth if by_depth else lanes),
                    np.int64)
    for run in range(runs):
        for a in range(axis_lanes):
            place, lane = a // lanes, a % lanes
            first_set = (run * lane_blocks + place // lane_places) * depth_blocks
            place %= lane_places
            row = bits[run, a]
            for tile in range(-(-axis_depth // depth)):
                target = work[first_set + tile // depth_places, tile % depth_places * lane_places + place]
                for d in range(tile * depth, min(axis_depth, (tile + 1) * depth)):
                    target[d - tile * depth if by_depth else lane] += row[d]
    return work


@njit(cache=True)
def threshold_ends(array_cycles, gradients, gradients_per_cycle):
    """end[set] of a weight update: per set the array's own time, and its finished gradients for the threshold unit.

    A finished set waits in the unit's one buffer until the unit has taken the set before it.
    """
    ends = np.empty(len(array_cycles), np.int64)
    array_end = unit_end = np.int64(0)
    for s in range(len(array_cycles)):
        array_end = max(array_end + array_cycles[s], unit_end)
        unit_end = array_end + -(-gradients[s] // gradients_per_cycle)
        ends[s] = unit_end
    return ends
