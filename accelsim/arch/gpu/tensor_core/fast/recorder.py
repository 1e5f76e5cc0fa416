"""What the kernel of the tensor cores writes down for timelines, where it is given a `Log`: steps and CTAs."""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.gpu.tensor_core.fast.state import (
    BUSY_UNTIL,
    COLUMN,
    COPY,
    EPILOGUE,
    FIRST,
    ISSUE,
    METADATA_WAIT,
    MMA_LATENCY,
    NEXT,
    PROLOGUE,
    ROW,
    WHEN,
)
from accelsim.arch.gpu.tensor_core.fast.traffic import HOT

# Of log.steps[row]: where it ran; since when its SM idled and on what, in this order; the step itself.
(SM, CTA, STEP, A_TILE, B_TILE, IDLE_FROM, IDLE_EPILOGUE, IDLE_PROLOGUE, IDLE_LATENCY, IDLE_COPY, IDLE_METADATA,
 STEP_START, STEP_ISSUE, TAKEN, STEP_COLUMNS) = range(15)
# Of log.ctas[row], and the first three of log.running[slot].
C_CTA, C_START, C_FIRST_STEP, C_SLOT, C_MATH_END, C_END, CTA_COLUMNS = range(7)
STEPS_USED, CTAS_USED = 0, 1  # of log.used


class Log(NamedTuple):
    """Room for what meets the window from `begin` to `end`; used: rows written; running: CTAs under way."""

    steps: np.ndarray
    ctas: np.ndarray
    used: np.ndarray
    running: np.ndarray
    begin: int
    end: int


def new_log(room: int, running: np.ndarray, begin: int, end: int) -> Log:
    """With room for so many steps, and CTAs."""
    return Log(np.empty((room, STEP_COLUMNS), np.int64), np.empty((room, CTA_COLUMNS), np.int64), np.zeros(2, np.int64),
               running, begin, end)


@njit(**HOT)
def is_full(log, most):
    """Whether the next event, with up to `most` CTAs, may find no room."""
    room = len(log.steps) - most - 1
    return log.used[STEPS_USED] >= room or log.used[CTAS_USED] >= room


@njit(**HOT)
def begin_step(log, layout, state, sm, slot, now):
    """A step is about to start: where, and less the totals before it."""
    own, slots = log.steps[log.used[STEPS_USED]], state.slots
    own[SM], own[CTA], own[STEP] = sm, log.running[slot, C_CTA], slots[slot, NEXT]
    own[A_TILE], own[B_TILE] = slots[slot, ROW] // layout.steps, slots[slot, COLUMN] // layout.steps
    own[IDLE_FROM], own[STEP_START], own[TAKEN] = state.sm_state[sm, BUSY_UNTIL], now, -now
    own[IDLE_EPILOGUE:STEP_START], own[STEP_ISSUE] = 0, 0
    _add_totals(own, state.totals, -1)
    if slots[slot, NEXT] == slots[slot, FIRST]:
        log.running[slot, C_FIRST_STEP] = now


@njit(**HOT)
def end_step(log, state, sm):
    """The step has been accounted: by how much the totals grew."""
    own = log.steps[log.used[STEPS_USED]]
    own[TAKEN] += state.sm_state[sm, BUSY_UNTIL]
    _add_totals(own, state.totals, 1)
    if own[IDLE_FROM] < log.end and state.sm_state[sm, BUSY_UNTIL] > log.begin:
        log.used[STEPS_USED] += 1


@njit(**HOT)
def _add_totals(own, totals, sign):
    own[IDLE_EPILOGUE] += sign * totals[EPILOGUE]
    own[IDLE_PROLOGUE] += sign * totals[PROLOGUE]
    own[IDLE_LATENCY] += sign * totals[MMA_LATENCY]
    own[IDLE_COPY] += sign * totals[COPY]
    own[IDLE_METADATA] += sign * totals[METADATA_WAIT]
    own[STEP_ISSUE] += sign * totals[ISSUE]


@njit(**HOT)
def begin_cta(log, slot, cta, now):
    """A CTA takes its slot."""
    log.running[slot, C_CTA], log.running[slot, C_START] = cta, now


@njit(**HOT)
def end_cta(log, state, slot, now):
    """A CTA's sums are there now; its C is written when the slot is free again."""
    end = state.slots[slot, WHEN]
    if log.running[slot, C_START] < log.end and end > log.begin:
        own = log.ctas[log.used[CTAS_USED]]
        own[C_CTA], own[C_START] = log.running[slot, C_CTA], log.running[slot, C_START]
        own[C_FIRST_STEP], own[C_SLOT] = log.running[slot, C_FIRST_STEP], slot
        own[C_MATH_END], own[C_END] = now, end
        log.used[CTAS_USED] += 1
