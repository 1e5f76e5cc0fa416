"""What Eyeriss does when: each PE in each pass, from its weights to the pass's end.

A PE's windows, and its waits between them, are one slice with its slot-cycles; waits after its last window are slices
of their own. Rules: docs/machines/eyeriss.md, "Time of a lane", "Time of a pass", "Where every slot-cycle goes".
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.engine import job_of, simulated
from accelsim.arch.row_stationary.eyeriss.fast.kernel import lane_work, pass_at
from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    BARRIER,
    COLUMN,
    COMPUTE_CYCLES,
    CYCLES,
    FRAGMENTATION,
    PSUM,
    TOTALS,
    WAITS_FOR,
    WEIGHT,
    WEIGHT_CYCLES,
    Job,
)
from accelsim.arch.row_stationary.eyeriss.fast.legality import tiling_of
from accelsim.arch.row_stationary.eyeriss.fast.mapper import mapping_for
from accelsim.arch.row_stationary.eyeriss.fast.windows import row_of_windows
from accelsim.arch.row_stationary.eyeriss.mapping import Tiling
from accelsim.arch.row_stationary.eyeriss.shape import shape_of
from accelsim.workload.layer import Layer

STALLS = FRAGMENTATION + 1  # how many; their places in `totals` are the first ones
WINDOWS = STALLS  # the name behind them
Times = np.ndarray | int
LABELS = ("pass", "group", "filter tile", "strip")
WORKED, SLOWEST, LEFT = range(3)  # of times[PE]


def events(layer: Layer, config: EyerissConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs, row by row of the array. Raises what `run` does."""
    shape = shape_of(layer)
    tiling = tiling_of(shape, mapping_for(layer, config, policy), config)
    pes = [f"PE ({row}, {col})" for row in range(config.rows) for col in range(config.cols)]
    return Activity(pes, np.full(len(pes), config.macs_per_pe, np.int64), ("windows",), LABELS,
                    _chunks(job_of(layer, shape, tiling, config), tiling, len(pes), window))


def _chunks(job: Job, tiling: Tiling, pes: int, window: Window) -> Iterator[Chunk]:
    """A chunk per pass that meets the window; the passes before tell when it begins."""
    per_pass, _, _ = simulated(job, tiling.passes, pes)
    ends = np.cumsum(per_pass[:, CYCLES]).tolist()
    for number, (end, row) in enumerate(zip(ends, per_pass, strict=True)):
        begin = end - int(row[CYCLES])
        if window.meets(begin, end):
            yield _pass(job, _place(tiling, number), number, (begin, end), row, pes)


def _place(tiling: Tiling, number: int) -> tuple[int, int, int, int]:
    """Group round, filter round, chunk and step of a pass."""
    rest, z = divmod(number, tiling.steps)
    rest, chunk = divmod(rest, tiling.chunks)
    group_round, filter_round = divmod(rest, tiling.filter_rounds)
    return group_round, filter_round, chunk, z


def _pass(job: Job, place: tuple[int, int, int, int], number: int, span: tuple[int, int], row: np.ndarray,
          pes: int) -> Chunk:
    """All PEs in a pass that takes span[0] .. span[1] - 1; row: of it in `per_pass`."""
    totals, times = np.zeros((pes, TOTALS), np.int64), np.zeros((pes, 3), np.int64)
    works_on = np.full((pes, 3), -1, np.int64)
    trace_pass(job, place, totals, times, works_on)
    mapped, idle = np.flatnonzero(works_on[:, 0] >= 0), np.flatnonzero(works_on[:, 0] < 0)
    loaded = span[0] + row[WEIGHT_CYCLES]
    own, computed = loaded + times[mapped].T, loaded + row[COMPUTE_CYCLES]
    bounds = ((WEIGHT, span[0], loaded), (WINDOWS, loaded, own[WORKED]), (COLUMN, own[WORKED], own[SLOWEST]),
              (PSUM, own[SLOWEST], own[LEFT]), (BARRIER, own[LEFT], computed), (row[WAITS_FOR], computed, span[1]))
    slices = np.concatenate([
        *(_slices(mapped, *each) for each in bounds),
        *(_slices(idle, FRAGMENTATION, *part) for part in ((span[0], loaded), (loaded, span[1])))])
    slices = slices[slices[:, 3] > slices[:, 2]]
    labels = np.column_stack([np.full(len(slices), number), works_on[slices[:, 0]]])
    return Chunk(slices, labels, span[1], totals[slices[:, 0], :STALLS], barriers=np.array([span[1]]))


def _slices(pes: np.ndarray, name: int, begin: Times, end: Times) -> np.ndarray:
    """A slice of each PE; begin and end of each, or of all."""
    rows = np.empty((len(pes), 4), np.int64)
    for column, values in enumerate((pes, name, begin, end)):
        rows[:, column] = values
    return rows


@njit(cache=True)
def trace_pass(job, place, totals, times, works_on):
    """Fill totals [PE, total], zeros before, with the windows of a pass and the waits between them; times [PE, WORKED
    SLOWEST LEFT]: cycles of computing until a PE's last window is over, the slowest's of its column, and its lane; and
    works_on [PE, (group, filter tile, strip)] of PEs that are mapped.
    """
    tiling, design = job.tiling, job.design
    now = pass_at(tiling, place[0], place[1], place[2], place[3])
    for lane in range(design.rows // tiling.column * design.cols):
        g, t, filters, first = lane_work(job.shape, tiling, now, lane)
        if filters == 0:
            continue
        top = lane // design.cols * tiling.column * design.cols + lane % design.cols
        own = slice(top, top + (now.strips - 1) * design.cols + 1, design.cols)  # the lane's mapped PEs
        for i in range(now.strips):
            works_on[top + i * design.cols] = (g, t, now.strip + i)
        _trace_lane(job, now, (g, t, filters), first, totals[own], times[own])


@njit(cache=True)
def _trace_lane(job, now, weights, first, totals, times):
    """The recurrence of the kernel's lanes, kept PE by PE: totals and times [PE of the lane]."""
    shape, tiling, design = job.shape, job.tiling, job.design
    cost = np.zeros((now.strips, shape.out_cols), np.int64)
    ahead, drain = design.psum_words // tiling.m0, -(-weights[2] // design.sums_per_cycle)
    slowest = np.full(ahead, -design.latency, np.int64)
    w = 0
    for item in range(now.item + first, now.item + now.items, tiling.row_lanes):
        for i in range(now.strips):
            row_of_windows(job, now.strip + i, weights, (item // shape.out_rows, item % shape.out_rows), cost[i],
                           totals[i])
        for q in range(shape.out_cols):
            at = w % ahead
            met = slowest[at]
            for i in range(now.strips):
                end = times[i, WORKED]
                begin = max(end, met + design.latency)
                behind = max(met - end, 0)
                totals[i, COLUMN] += design.macs_per_pe * behind
                totals[i, PSUM] += design.macs_per_pe * (begin - end - behind + drain)
                times[i, WORKED] = begin + cost[i, q] + drain
            slowest[at] = times[:, WORKED].max()
            w += 1
    times[:, SLOWEST] = times[:, WORKED].max()
    times[:, LEFT] = times[:, SLOWEST] + design.latency
