"""Gamma's recurrence: tasks in the order of dispatch, each on the PE that is free first, behind the tasks it merges.

A task covers a range of the non-zeros of one row of A; what it gives is the union of their fibers. Rules:
docs/machines/gamma.md, "Tasks" and "FiberCache".
"""

from typing import NamedTuple

import numpy as np
from numba import njit

DONE = -1  # child number of a frame that has none left


class Operands(NamedTuple):
    """starts int64 and columns int32 of A's and B's rows; width: columns of B."""

    a_starts: np.ndarray
    a_columns: np.ndarray
    b_starts: np.ndarray
    b_columns: np.ndarray
    width: int


class Tasks(NamedTuple):
    """In order of dispatch, int64 [task]. first .. last - 1: its places in `used`; direct: elements of its own fibers,
    merged: of the tasks that it merges; given: elements it gives. parent: the task that merges it, -1 for a row's last.
    """

    row: np.ndarray
    first: np.ndarray
    last: np.ndarray
    direct: np.ndarray
    merged: np.ndarray
    given: np.ndarray
    parent: np.ndarray


@njit(cache=True, nogil=True)
def used_fibers(operands, order):
    """(used, row_ends): the non-empty fibers of B that rows take, in `order`, and where each row's end."""
    used = np.empty(len(operands.a_columns), np.int64)
    ends = np.empty(len(order), np.int64)
    count = 0
    for place in range(len(order)):
        for i in range(operands.a_starts[order[place]], operands.a_starts[order[place] + 1]):
            fiber = np.int64(operands.a_columns[i])
            if operands.b_starts[fiber + 1] > operands.b_starts[fiber]:
                used[count] = fiber
                count += 1
        ends[place] = count
    return used[:count], ends


@njit(cache=True, nogil=True)
def swaps_of(operands, used, row_ends, radix):
    """Swaps of rows whose groups of `radix` fibers become one fiber each, until one is left."""
    swaps = np.int64(0)
    begin = np.int64(0)
    for end in row_ends:
        fibers, elements = end - begin, np.int64(0)
        for i in range(begin, end):
            elements += operands.b_starts[used[i] + 1] - operands.b_starts[used[i]]
        while fibers > 1:
            swaps += fibers + elements
            fibers = (fibers + radix - 1) // radix
        begin = end
    return swaps


@njit(cache=True, nogil=True)
def count_tasks(row_ends, radix, frames):
    """How many tasks there are; frames int64 [depth, 3] is scratch."""
    count, begin = 0, np.int64(0)
    for end in row_ends:
        if end > begin:
            depth = _open(frames, 0, begin, end, radix)
            while depth > 0:
                depth, closed = _step(frames, depth, radix)
                count += closed
        begin = end
    return count


@njit(inline="always")
def _open(frames, depth, first, last, radix):
    """A new frame: its range, and the next child, `DONE` where all fibers are its own."""
    frames[depth, 0], frames[depth, 1] = first, last
    frames[depth, 2] = DONE if last - first <= radix else 0
    return depth + 1


@njit(inline="always")
def _part(first, fibers, radix, child):
    """Range of a child: even parts, the first ones longer."""
    short, longer = fibers // radix, fibers % radix
    begin = first + child * short + min(child, longer)
    return begin, begin + short + (1 if child < longer else 0)


@njit(cache=True, nogil=True)
def _step(frames, depth, radix):
    """(depth, whether the frame at the old top is a task whose children are all done)."""
    top = depth - 1
    child = frames[top, 2]
    if child in (DONE, radix):
        return top, True
    frames[top, 2] = child + 1
    begin, end = _part(frames[top, 0], frames[top, 1] - frames[top, 0], radix, child)
    if end - begin > 1:
        return _open(frames, depth, begin, end, radix), False
    return depth, False


@njit(cache=True, nogil=True)
def cut_tasks(operands, used, row_ends, order, radix, frames, tasks):
    """Fills `tasks`: of a row children before parents, the first child first."""
    stamp = np.full(operands.width, -1, np.int64)
    waiting = np.full(len(tasks.row), -1, np.int64)  # finished children, as a stack
    depth_of = np.zeros(len(tasks.row), np.int64)
    number, height, begin = 0, 0, np.int64(0)
    for place in range(len(order)):
        end = row_ends[place]
        depth = 0 if end == begin else _open(frames, 0, begin, end, radix)
        while depth > 0:
            top = depth - 1
            depth, closed = _step(frames, depth, radix)
            if closed:
                first, last = frames[top, 0], frames[top, 1]
                tasks.row[number], tasks.first[number], tasks.last[number] = order[place], first, last
                every, given = np.int64(0), np.int64(0)
                for i in range(first, last):
                    low, high = operands.b_starts[used[i]], operands.b_starts[used[i] + 1]
                    every += high - low
                    for j in range(low, high):
                        column = operands.b_columns[j]
                        if stamp[column] != number:
                            stamp[column] = number
                            given += 1
                below = np.int64(0)
                merged = np.int64(0)
                while height > 0 and depth_of[waiting[height - 1]] > top:
                    height -= 1
                    child = waiting[height]
                    tasks.parent[child] = number
                    merged += tasks.given[child]
                    below += _all_elements(operands, used, tasks.first[child], tasks.last[child])
                tasks.direct[number], tasks.merged[number], tasks.given[number] = every - below, merged, given
                tasks.parent[number] = -1
                depth_of[number], waiting[height] = top, number
                height += 1
                number += 1
        height, begin = 0, end


@njit(inline="always")
def _all_elements(operands, used, first, last):
    every = np.int64(0)
    for i in range(first, last):
        every += operands.b_starts[used[i] + 1] - operands.b_starts[used[i]]
    return every


class Cache(NamedTuple):
    """int64 [set, way]: the line that is there (-1: none), its priority, its prediction. most: the largest one."""

    line: np.ndarray
    priority: np.ndarray
    prediction: np.ndarray
    most: int


@njit(cache=True, nogil=True)
def dispatched(tasks, used, line_starts, cache, radix, task_cycles, free, begin, pe, misses):
    """Gives each task in turn to the PE that is free first, and fetches its fibers; fills begin, pe, misses [task].

    free int64 [pe] begins at 0, and ends at each PE's last cycle. Of no sets, each line is fetched once.
    """
    ready = np.zeros(len(tasks.row), np.int64)  # when the children are done
    last = np.full(len(free), -1, np.int64)  # task of each PE
    seen = np.zeros(len(line_starts) - 1, np.bool_)
    for task in range(len(tasks.row)):
        mine = np.argmin(free)
        if len(cache.line):
            if last[mine] >= 0:
                _visit(last[mine], tasks, used, line_starts, cache, radix, True)
            misses[task] = _visit(task, tasks, used, line_starts, cache, radix, False)
        else:
            for i in range(tasks.first[task], tasks.last[task]):
                if not seen[used[i]]:
                    seen[used[i]] = True
                    misses[task] += line_starts[used[i] + 1] - line_starts[used[i]]
        begin[task], pe[task], last[mine] = max(free[mine], ready[task]), mine, task
        free[mine] = begin[task] + task_cycles + tasks.direct[task] + tasks.merged[task]
        if tasks.parent[task] >= 0:
            ready[tasks.parent[task]] = max(ready[tasks.parent[task]], free[mine])


@njit(cache=True, nogil=True)
def _visit(task, tasks, used, line_starts, cache, radix, release):
    """Fetches, or releases, the lines of a task's own fibers; the misses."""
    first, fibers = tasks.first[task], tasks.last[task] - tasks.first[task]
    missed = np.int64(0)
    for child in range(min(fibers, radix)):
        place, end = (first + child, first + child + 1) if fibers <= radix else _part(first, fibers, radix, child)
        if end - place == 1:
            for line in range(line_starts[used[place]], line_starts[used[place] + 1]):
                if release:
                    _release(cache, line)
                else:
                    missed += _fetch(cache, line)
    return missed


@njit(inline="always")
def _release(cache, line):
    own = line % cache.line.shape[0]
    for way in range(cache.line.shape[1]):
        if cache.line[own, way] == line:
            cache.priority[own, way] = max(cache.priority[own, way] - 1, 0)


@njit(inline="always")
def _fetch(cache, line):
    """1 when the line was not there."""
    own = line % cache.line.shape[0]
    for way in range(cache.line.shape[1]):
        if cache.line[own, way] == line:
            cache.priority[own, way] += 1
            cache.prediction[own, way] = 0
            return 0
    victim = 0
    for way in range(cache.line.shape[1]):
        if cache.line[own, way] < 0:
            victim = way
            break
        lower = cache.priority[own, way] - cache.priority[own, victim]
        if lower < 0 or (lower == 0 and cache.prediction[own, way] > cache.prediction[own, victim]):
            victim = way
    if cache.line[own, victim] >= 0:
        lowest, aged = cache.priority[own, victim], cache.most - cache.prediction[own, victim]
        for way in range(cache.line.shape[1]):
            if cache.priority[own, way] == lowest:
                cache.prediction[own, way] += aged
    cache.line[own, victim], cache.priority[own, victim] = line, 1
    cache.prediction[own, victim] = cache.most - 1
    return 1
