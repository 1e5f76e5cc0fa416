"""What tensor cores do when: every k-step of every SM and what it waits for, and each CTA from start to end.

The kernel runs with a log, a part of the grid at a time. Rules: docs/machines/tensor_core.md.
"""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.fast import recorder, state
from accelsim.arch.gpu.tensor_core.fast.engine import Launch, Setup, launched
from accelsim.arch.gpu.tensor_core.fast.kernel import run_grid
from accelsim.arch.gpu.tensor_core.fast.operands import grid_of
from accelsim.arch.gpu.tensor_core.fast.recorder import (
    A_TILE,
    B_TILE,
    C_CTA,
    C_END,
    C_FIRST_STEP,
    C_MATH_END,
    C_SLOT,
    C_START,
    CTA,
    CTAS_USED,
    IDLE_EPILOGUE,
    IDLE_FROM,
    SM,
    STEP,
    STEP_ISSUE,
    STEP_START,
    STEPS_USED,
    TAKEN,
)
from accelsim.arch.gpu.tensor_core.fast.state import State
from accelsim.arch.gpu.tensor_core.fast.step_work import StepWork
from accelsim.arch.machine import Policy
from accelsim.workload.layer import Layer

(BUSY, OPERAND_ZERO, PADDING, IMBALANCE, SHARED_MEMORY, PROLOGUE, COPY, METADATA, MMA_LATENCY, EPILOGUE, TAIL_WAVE,
 WRITE_BACK, REDUCTION, LAUNCH, MATH, FIRST_COPIES, K_STEPS, WRITE_C) = range(18)
NAMES = ("k step", "first copies", "k steps", "write C")
ROOM = 1 << 17  # steps of one chunk: bounds memory
IDLE_NAMES = (EPILOGUE, PROLOGUE, MMA_LATENCY, COPY, METADATA)  # of the log's idle times, in its order


def events(layer: Layer, config: TensorCoreConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: SMs; and the slots of their CTAs."""
    launch = launched(layer, config, grid_of(layer, config, policy))
    slots = np.full(config.sms, config.sub_cores_per_sm * config.multipliers_per_core, np.int64)
    work = StepWork(layer, policy, launch)
    ctas = [f"SM {sm}, CTA slot {slot}" for sm in range(config.sms) for slot in range(launch.setup.math.occupancy)]
    return Activity([f"SM {sm}" for sm in range(config.sms)], slots, NAMES, ("CTA", "step"),
                    _chunks(launch, work, window), others=ctas)


def _chunks(launch: Launch, work: StepWork, window: Window) -> Iterator[Chunk]:
    config, sms = launch.config, np.arange(launch.config.sms)
    begin, end = config.launch_cycles, int(launch.totals[state.LAST_CTA_END])
    yield _of_all(sms, (LAUNCH, 0, begin))
    yield from _grid(launch.setup, work, begin, end, Window(window.begin - begin, window.end - begin))
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
    math, layout, gpu = setup.math, setup.layout, state.new_state(setup.math, setup.layout, setup.blocks)
    running, ctas = np.ones(math.sms, np.bool_), np.zeros((len(gpu.slots), recorder.CTA_COLUMNS), np.int64)
    # a chunk has room for some CTAs on every slot, so that what is complete moves on with every chunk
    room = max(ROOM, 4 * len(gpu.slots) * -(-layout.steps // layout.slices))
    while running.any():
        log = recorder.new_log(room, ctas, window.begin, window.end)
        run_grid(math, layout, setup.rates, setup.issue_cycles, gpu, log)
        waits_for = gpu.slots[:, state.WAITS_FOR].reshape(math.sms, -1)
        done = running & (waits_for == state.NOTHING).all(axis=1)
        running &= ~done
        told = (_steps(log.steps[:log.used[STEPS_USED]], work), _ctas(log.ctas[:log.used[CTAS_USED]], math.sms),
                _ends(np.flatnonzero(done), gpu, end))
        rows, parts, labels = (np.concatenate(own) for own in zip(*told, strict=True))
        rows[:, 2:] += begin
        kept = rows[:, 3] > rows[:, 2]
        yield Chunk(rows[kept], labels[kept], begin + _complete(gpu, ctas, running, end), parts[kept])


def _complete(gpu: State, ctas: np.ndarray, running: np.ndarray, end: int) -> int:
    """What begins before has been told: idle times of SMs at work, and CTAs that have not ended, come later."""
    if not running.any():
        return end
    active = np.isin(gpu.slots[:, state.WAITS_FOR], (state.STEP, state.WRITE))
    return min(int(gpu.sm_state[running, state.BUSY_UNTIL].min()), int(ctas[active, C_START].min(initial=end)))


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
    parts[:, IMBALANCE] = log[:, STEP_ISSUE] * per_sm - issued
    parts[:, SHARED_MEMORY] = (log[:, TAKEN] - log[:, STEP_ISSUE]) * per_sm
    slices = [_named(log[:, SM], MATH, log[:, STEP_START], log[:, STEP_START] + log[:, TAKEN])]
    time = log[:, IDLE_FROM]
    for at, name in enumerate(IDLE_NAMES):
        slices.append(_named(log[:, SM], name, time, time + log[:, IDLE_EPILOGUE + at]))
        time = time + log[:, IDLE_EPILOGUE + at]
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


def _ends(sms: np.ndarray, gpu: State, end: int) -> Told:
    """SMs that have no CTA any more: from their last step on."""
    last_step, last_end = (gpu.sm_state[sms, field] for field in (state.BUSY_UNTIL, state.LAST_END))
    rows = np.concatenate([_named(sms, EPILOGUE, last_step, last_end),
                           _named(sms, TAIL_WAVE, last_end, np.full(len(sms), end))])
    return rows, np.zeros((len(rows), LAUNCH + 1), np.int64), np.full((len(rows), 2), -1, np.int64)


def _named(track: np.ndarray, name: int, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.column_stack([track, np.full(len(track), name), begin, end])
