"""What tensor cores do when: every k-step of every SM and what it waits for, and each CTA from start to end.

The event loop is that of the kernel, with its parts, and writes down what it does. Rules: docs/machines/tensor_core.md.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.fast import kernel, traffic
from accelsim.arch.gpu.tensor_core.fast.engine import Launch, Setup, setup_of
from accelsim.arch.gpu.tensor_core.fast.operands import grid_of
from accelsim.arch.gpu.tensor_core.fast.step_work import StepWork
from accelsim.arch.gpu.tensor_core.fast.tiles import choose
from accelsim.arch.machine import Policy
from accelsim.workload.layer import Layer

(BUSY, OPERAND_ZERO, PADDING, IMBALANCE, SHARED_MEMORY, PROLOGUE, COPY, METADATA, MMA_LATENCY, EPILOGUE, TAIL_WAVE,
 WRITE_BACK, REDUCTION, LAUNCH, MATH, FIRST_COPIES, K_STEPS, WRITE_C) = range(18)
NAMES = ("k step", "first copies", "k steps", "write C")
ROOM = 1 << 17  # steps of one chunk: bounds memory
# of log.steps[row]; the idle times lie before START, in this order
SM, CTA, STEP, A_TILE, B_TILE, IDLE_FROM, IDLE, START, ISSUE, TAKEN, COLUMNS = 0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14
IDLE_NAMES = (EPILOGUE, PROLOGUE, MMA_LATENCY, COPY, METADATA)
C_SLOT, C_CTA, C_START, C_FIRST_STEP, C_MATH_END, C_END = range(6)  # of log.ctas[row]


class State(NamedTuple):
    """The kernel's arrays, kept between chunks; of each slot the CTA, its start and its first step; next_cta[0]."""

    totals: np.ndarray
    meters: np.ndarray
    recency: np.ndarray
    sm_state: np.ndarray
    slots: np.ndarray
    arrivals: np.ndarray
    tree: np.ndarray
    blocks: np.ndarray
    ctas: np.ndarray
    next_cta: np.ndarray


class Log(NamedTuple):
    """What happened: steps [row, SM ..], ctas [row, C_SLOT ..], and how many of each."""

    steps: np.ndarray
    ctas: np.ndarray
    used: np.ndarray


def events(layer: Layer, config: TensorCoreConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: SMs; and the slots of their CTAs."""
    grid = grid_of(layer, config, policy)
    shape = choose(grid, config, layer.name)
    setup = setup_of(layer, config, grid, shape)
    slots = np.full(config.sms, config.sub_cores_per_sm * config.multipliers_per_core, np.int64)
    work = StepWork(layer, config, policy, grid, shape, setup)
    ctas = [f"SM {sm}, CTA slot {slot}" for sm in range(config.sms) for slot in range(setup.math.occupancy)]
    return Activity([f"SM {sm}" for sm in range(config.sms)], slots, NAMES, ("CTA", "step"),
                    _chunks(Launch(layer, config, grid, shape), setup, work, window), others=ctas)


def _chunks(launch: Launch, setup: Setup, work: StepWork, window: Window) -> Iterator[Chunk]:
    config, sms = launch.config, np.arange(launch.config.sms)
    begin, end = config.launch_cycles, int(launch.totals[kernel.LAST_CTA_END])
    yield _of_all(sms, (LAUNCH, 0, begin))
    yield from _grid(setup, work, begin, end, Window(window.begin - begin, window.end - begin))
    write_back = begin + launch.grid_cycles
    reduced = write_back + launch.reduction_cycles
    yield _of_all(sms, (WRITE_BACK, begin + end, write_back), (REDUCTION, write_back, reduced))


def _of_all(sms: np.ndarray, *times: tuple[int, int, int]) -> Chunk:
    """All SMs at once: (name, begin, end)."""
    rows = np.concatenate([np.column_stack([sms, *(np.full(len(sms), value) for value in time)]) for time in times])
    rows = rows[rows[:, 3] > rows[:, 2]]
    return Chunk(rows, np.full((len(rows), 2), -1, np.int64), max(time[2] for time in times))


def _grid(setup: Setup, work: StepWork, begin: int, end: int, window: Window) -> Iterator[Chunk]:
    """The grid, which begins at `begin` and whose last CTA ends `end` cycles later; window: from the grid's begin."""
    math, layout, state = setup.math, setup.layout, _new_state(setup)
    running = np.ones(math.sms, np.bool_)
    # a chunk has room for some CTAs on every slot, so that what is complete moves on with every chunk
    room = max(ROOM, 4 * len(state.slots) * -(-layout.steps // layout.slices))
    while running.any():
        log = Log(np.empty((room, COLUMNS), np.int64), np.empty((room, 6), np.int64), np.zeros(2, np.int64))
        trace_grid(math, layout, setup.rates, setup.issue_cycles, state, log, window)
        waits_for = state.slots[:, kernel.WAITS_FOR].reshape(math.sms, -1)
        done = running & (waits_for == kernel.NOTHING).all(axis=1)
        running &= ~done
        told = (_steps(log.steps[:log.used[0]], work), _ctas(log.ctas[:log.used[1]], math.sms),
                _ends(np.flatnonzero(done), state, end))
        rows, parts, labels = (np.concatenate(own) for own in zip(*told, strict=True))
        rows[:, 2:] += begin
        kept = rows[:, 3] > rows[:, 2]
        yield Chunk(rows[kept], labels[kept], begin + _complete(state, running, end), parts[kept])


def _complete(state: State, running: np.ndarray, end: int) -> int:
    """What begins before has been told: idle times of SMs at work, and CTAs that have not ended, come later."""
    if not running.any():
        return end
    active = np.isin(state.slots[:, kernel.WAITS_FOR], (kernel.STEP, kernel.WRITE))
    return min(int(state.sm_state[running, kernel.BUSY_UNTIL].min()), int(state.ctas[active, 1].min(initial=end)))


Told = tuple[np.ndarray, np.ndarray, np.ndarray]  # slices, parts and labels, from the grid's begin


def _steps(log: np.ndarray, work: StepWork) -> Told:
    """The steps of SMs, and the idle time before each."""
    a, b, step = log[:, A_TILE], log[:, B_TILE], log[:, STEP]
    config = work.config
    per_sm = config.sub_cores_per_sm * config.multipliers_per_core
    issued = work.instructions(a, b, step) * config.mma_m * config.mma_n * config.mma_k
    real = issued if work.grid.runs == "dual_side" else work.real(a, b, step)
    parts = np.zeros((len(log), LAUNCH + 1), np.int64)
    parts[:, BUSY] = work.macs(a, b, step)
    parts[:, OPERAND_ZERO], parts[:, PADDING] = real - parts[:, BUSY], issued - real
    parts[:, IMBALANCE] = log[:, ISSUE] * per_sm - issued
    parts[:, SHARED_MEMORY] = (log[:, TAKEN] - log[:, ISSUE]) * per_sm
    slices = [_named(log[:, SM], MATH, log[:, START], log[:, START] + log[:, TAKEN])]
    time = log[:, IDLE_FROM]
    for at, name in enumerate(IDLE_NAMES):
        slices.append(_named(log[:, SM], name, time, time + log[:, IDLE + at]))
        time = time + log[:, IDLE + at]
    rows = np.concatenate(slices)
    return (rows, np.concatenate([parts, np.zeros((len(rows) - len(log), LAUNCH + 1), np.int64)]),
            np.tile(log[:, [CTA, STEP]], (len(slices), 1)))


def _ctas(log: np.ndarray, sms: int) -> Told:
    """CTAs in their slots: until their first step, until their sums are there, until C is written."""
    track = sms + log[:, C_SLOT]
    rows = np.concatenate([_named(track, FIRST_COPIES, log[:, C_START], log[:, C_FIRST_STEP]),
                           _named(track, K_STEPS, log[:, C_FIRST_STEP], log[:, C_MATH_END]),
                           _named(track, WRITE_C, log[:, C_MATH_END], log[:, C_END])])
    labels = np.column_stack([np.tile(log[:, C_CTA], 3), np.full(len(rows), -1)])
    return rows, np.zeros((len(rows), LAUNCH + 1), np.int64), labels


def _ends(sms: np.ndarray, state: State, end: int) -> Told:
    """SMs that have no CTA any more: from their last step on."""
    last_step, last_end = (state.sm_state[sms, field] for field in (kernel.BUSY_UNTIL, kernel.LAST_END))
    rows = np.concatenate([_named(sms, EPILOGUE, last_step, last_end),
                           _named(sms, TAIL_WAVE, last_end, np.full(len(sms), end))])
    return rows, np.zeros((len(rows), LAUNCH + 1), np.int64), np.full((len(rows), 2), -1, np.int64)


def _named(track: np.ndarray, name: int, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.column_stack([track, np.full(len(track), name), begin, end])


def _new_state(setup: Setup) -> State:
    """An empty machine, as `kernel.run_grid` begins."""
    math, layout, blocks = setup.math, setup.layout, setup.blocks.copy()
    slots = np.zeros((math.sms * math.occupancy, kernel.FIELDS), np.int64)
    slots[:, kernel.WAITS_FOR] = kernel.START
    ctas = layout.products * layout.slices * layout.tile_rows * layout.tile_columns
    return State(np.zeros(kernel.TOTALS, np.int64), np.zeros(traffic.PORTS + math.sms, np.int64),
                 traffic.new_recency(len(blocks)), np.zeros((math.sms, 3), np.int64), slots,
                 np.zeros((len(slots), math.stages, 2), np.int64), kernel._new_tree(math.sms), blocks,
                 np.zeros((len(slots), 3), np.int64), np.array([min(ctas, len(slots))], np.int64))


@njit(cache=True, error_model="numpy")
def trace_grid(math, layout, rates, issue_cycles, state, log, window):
    """`kernel._run` from where it stopped, until the log is full: what meets the window is written down."""
    ctas = layout.products * layout.slices * layout.tile_rows * layout.tile_columns
    slots, sm_state, arrivals, totals = state.slots, state.sm_state, state.arrivals, state.totals
    room = len(log.steps) - math.occupancy - 1
    while state.tree[1] < kernel.NEVER and log.used[0] < room and log.used[1] < room:
        now, sm = state.tree[1], kernel._first_leaf(state.tree)
        first_slot = sm * math.occupancy
        chosen = kernel._step_to_start(slots, first_slot, first_slot + math.occupancy, now,
                                       sm_state[sm, kernel.BUSY_UNTIL])
        for slot in range(first_slot, first_slot + math.occupancy):
            if slot == chosen:
                before = totals.copy()
                idle_from, first = sm_state[sm, kernel.BUSY_UNTIL], slots[slot, kernel.FIRST]
                step, row, column = slots[slot, kernel.NEXT], slots[slot, kernel.ROW], slots[slot, kernel.COLUMN]
                kernel._explain(totals, math, slots, arrivals, slot, idle_from, now)
                kernel._copy_later(math, rates, state.blocks, state.recency, state.meters, slots, arrivals, sm, slot,
                                   now)
                sm_state[sm, kernel.BUSY_UNTIL] = kernel._take_sm(math, rates, state.blocks, issue_cycles, slots,
                                                                  arrivals, totals, slot, now)
                if step == first:
                    state.ctas[slot, 2] = now
                if idle_from < window.end and sm_state[sm, kernel.BUSY_UNTIL] > window.begin:
                    _log_step(log, (sm, state.ctas[slot, 0], step, row // layout.steps, column // layout.steps),
                              (idle_from, now, sm_state[sm, kernel.BUSY_UNTIL]), totals - before)
            elif slots[slot, kernel.WHEN] == now and slots[slot, kernel.WAITS_FOR] == kernel.WRITE:
                end = traffic.write_tile(rates, state.meters, slots[slot, kernel.C_BYTES], sm, now)
                slots[slot, kernel.WHEN], slots[slot, kernel.WAITS_FOR] = end, kernel.START
                sm_state[sm, kernel.LAST_END] = max(sm_state[sm, kernel.LAST_END], end)
                if state.ctas[slot, 1] < window.end and end > window.begin:
                    _log_cta(log, slot, state.ctas[slot], now, end)
            elif slots[slot, kernel.WHEN] == now and slots[slot, kernel.WAITS_FOR] == kernel.START:
                cta = (slot - first_slot) * math.sms + sm if now == 0 else state.next_cta[0]
                if cta < ctas:
                    state.next_cta[0] += now > 0
                    sm_state[sm, kernel.CTAS] += 1
                    state.ctas[slot, 0], state.ctas[slot, 1] = cta, now
                    kernel._place_cta(layout, slots, slot, cta)
                    kernel._start_cta(math, rates, state.blocks, state.recency, state.meters, slots, arrivals, sm, slot,
                                      now)
                else:
                    slots[slot, kernel.WAITS_FOR], slots[slot, kernel.WHEN] = kernel.NOTHING, kernel.NEVER
        kernel._set_leaf(state.tree, sm, kernel._next_event(slots, first_slot, first_slot + math.occupancy,
                                                            sm_state[sm, kernel.BUSY_UNTIL]))


@njit(cache=True)
def _log_step(log, place, times, changed):
    """place: SM, CTA, step, tiles of A and B; times: idle from, start, end; changed: by how much the totals grew."""
    own = log.steps[log.used[0]]
    own[SM], own[CTA], own[STEP], own[A_TILE], own[B_TILE] = place
    own[IDLE_FROM], own[START] = times[0], times[1]
    own[IDLE], own[IDLE + 1], own[IDLE + 2], own[IDLE + 3], own[IDLE + 4] = (
        changed[kernel.EPILOGUE], changed[kernel.PROLOGUE], changed[kernel.MMA_LATENCY], changed[kernel.COPY],
        changed[kernel.METADATA_WAIT])
    own[ISSUE], own[TAKEN] = changed[kernel.ISSUE], times[2] - times[1]
    log.used[0] += 1


@njit(cache=True)
def _log_cta(log, slot, cta, math_end, end):
    """cta: its number, start and first step."""
    own = log.ctas[log.used[1]]
    own[C_SLOT], own[C_CTA], own[C_START], own[C_FIRST_STEP] = slot, cta[0], cta[1], cta[2]
    own[C_MATH_END], own[C_END] = math_end, end
    log.used[1] += 1
