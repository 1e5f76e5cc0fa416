"""Which values of kernels are kept, and how many rows the family's own schedules of them have.

Rules 6 to 9, 13 and 14 of docs/machines/spectral.md. Axes: [kernel, channel, place among the kept].
"""

import numpy as np
from numba import njit

POWER_UNIT = 1 << 24
MAX_COVER, LOWEST_INDEX, RARE_LAST = 0, 1, 2


@njit(cache=True, nogil=True)
def kept_places(weight, row_waves, col_waves, kept, live):
    """kept int16 [n, m, k] and live int32 [n, m] are filled: places of the largest powers; how many are not 0.

    weight [n, m, taps, taps]; waves complex [frequency, tap] of rows and columns.
    """
    size, places = len(row_waves), kept.shape[2]
    halves = np.empty((size, weight.shape[3]), np.complex128)
    keys = np.empty(size * size, np.int64)
    work = np.empty(size * size, np.int64)
    for n in range(weight.shape[0]):
        for m in range(weight.shape[1]):
            _powers(weight[n, m], row_waves, col_waves, halves, keys)
            threshold = _ranked(keys, work, places)
            found = alive = 0
            for place in range(len(keys)):
                if keys[place] >= threshold:
                    kept[n, m, found] = place
                    found += 1
                    alive += keys[place] >= len(keys)
            live[n, m] = alive


@njit(cache=True, nogil=True)
def _powers(taps, row_waves, col_waves, halves, keys):
    """keys [place]: powers, then places from the last: no two are equal."""
    size, (rows, cols) = len(row_waves), taps.shape
    total = 0
    for i in range(rows):
        for j in range(cols):
            total += abs(np.int64(taps[i, j]))
    share = 0.0 if total == 0 else POWER_UNIT / (float(total) * float(total))
    for u in range(size):
        for j in range(cols):
            wave = 0j
            for i in range(rows):
                wave += row_waves[u, i] * taps[i, j]
            halves[u, j] = wave
    for u in range(size):
        for v in range(size):
            value = 0j
            for j in range(cols):
                value += halves[u, j] * col_waves[v, j]
            power = np.int64(np.rint(share * (value.real * value.real + value.imag * value.imag)))
            place = u * size + v
            keys[place] = power * len(keys) + (len(keys) - 1 - place)


@njit(cache=True, nogil=True)
def _ranked(keys, work, rank):
    """The rank-th largest key."""
    work[:] = keys
    low, high, wanted = 0, len(work) - 1, rank - 1
    while low < high:
        pivot, i, j = work[(low + high) // 2], low, high
        while i <= j:
            while work[i] > pivot:
                i += 1
            while work[j] < pivot:
                j -= 1
            if i <= j:
                work[i], work[j] = work[j], work[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    return work[wanted]


@njit(cache=True, nogil=True)
def schedule_rows(kept, group, positions, replicas, rule):
    """rows and reads int64 [kernel group, channel]: rows of the schedule, and distinct indices summed over rows."""
    kernels, channels, places = kept.shape
    groups = (kernels + group - 1) // group
    rows, reads = np.zeros((groups, channels), np.int64), np.zeros((groups, channels), np.int64)
    holds = np.zeros((group, positions), np.bool_)
    left = np.zeros(group, np.int64)
    for g in range(groups):
        first, last = g * group, min(kernels, (g + 1) * group)
        for m in range(channels):
            own = kept[first:last, m]
            for n in range(last - first):
                left[n] = places
                for p in range(places):
                    holds[n, own[n, p]] = True
            if rule == MAX_COVER:
                rows[g, m], reads[g, m] = _max_cover(own, holds, left, replicas)
            elif rule == LOWEST_INDEX:
                rows[g, m], reads[g, m] = _lowest_index(own, positions, replicas)
            else:
                rows[g, m], reads[g, m] = _rare_last(own, holds, left, replicas)
            holds[:] = False
    return rows, reads


@njit(cache=True, nogil=True)
def _max_cover(own, holds, left, replicas):
    kernels, positions = len(own), holds.shape[1]
    holders = _holders(own, positions)
    waiting, chosen = np.empty(positions, np.int64), np.empty(kernels, np.int64)
    todo, rows, reads = own.size, 0, 0
    while todo:
        rows += 1
        waiting[:] = holders
        chosen[:] = -1
        for _ in range(replicas):
            index = np.argmax(waiting)
            if waiting[index] == 0:
                break
            reads += 1
            for n in range(kernels):
                if chosen[n] < 0 and holds[n, index]:
                    chosen[n] = index
                    for place in own[n]:
                        waiting[place] -= holds[n, place]
        todo -= _served(chosen, holds, left, holders)
    return rows, reads


@njit(cache=True, nogil=True)
def _lowest_index(own, positions, replicas):
    kernels, places = own.shape
    following = np.zeros(kernels, np.int64)
    wanted = np.empty(positions, np.bool_)
    todo, rows, reads = own.size, 0, 0
    while todo:
        rows += 1
        wanted[:] = False
        for n in range(kernels):
            if following[n] < places:
                wanted[own[n, following[n]]] = True
        read, last = 0, -1
        for index in range(positions):
            if wanted[index] and read < replicas:
                read, last = read + 1, index
        reads += read
        for n in range(kernels):
            if following[n] < places and own[n, following[n]] <= last:
                following[n] += 1
                todo -= 1
    return rows, reads


@njit(cache=True, nogil=True)
def _rare_last(own, holds, left, replicas):
    kernels, positions = len(own), holds.shape[1]
    holders = _holders(own, positions)
    weight, chosen = np.empty(positions, np.int64), np.empty(kernels, np.int64)
    used, waits = np.empty(positions, np.bool_), np.empty(kernels, np.bool_)
    todo, rows, reads = own.size, 0, 0
    while todo:
        rows += 1
        chosen[:] = -1
        used[:] = False
        weight[:] = 0
        for n in range(kernels):
            waits[n] = left[n] > 0
            for place in own[n]:
                weight[place] += holds[n, place] * left[n] * left[n]
        for _ in range(replicas):
            index = np.argmax(weight)
            if weight[index] == 0:
                break
            for n in range(kernels):
                if holds[n, index]:
                    best = chosen[n]
                    if best < 0 or (holders[index], index) < (holders[best], best):
                        chosen[n] = index
                    if waits[n]:
                        waits[n] = False
                        for place in own[n]:
                            weight[place] -= holds[n, place] * left[n] * left[n]
        for n in range(kernels):
            if chosen[n] >= 0 and not used[chosen[n]]:
                used[chosen[n]] = True
                reads += 1
        todo -= _served(chosen, holds, left, holders)
    return rows, reads


@njit(cache=True, nogil=True)
def _holders(own, positions):
    """[index]: kernels that hold it."""
    holders = np.zeros(positions, np.int64)
    for n in range(len(own)):
        for place in own[n]:
            holders[place] += 1
    return holders


@njit(cache=True, nogil=True)
def _served(chosen, holds, left, holders):
    """Take the chosen entries off; how many there are."""
    served = 0
    for n in range(len(chosen)):
        index = chosen[n]
        if index >= 0:
            holds[n, index] = False
            left[n] -= 1
            holders[index] -= 1
            served += 1
    return served
