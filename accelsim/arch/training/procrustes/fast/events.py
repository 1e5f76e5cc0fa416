"""What Procrustes does when: each PE in each set of PE tiles, the threshold unit, and the wait for the banks.

Within a set all waves are alike: a PE works, then waits for the slowest, once per wave. A set's waves are one slice
with its slot-cycles. Rules: docs/machines/procrustes.md.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.fast.geometry import LoopExtents, PassMapping, ceil_div, loops_of
from accelsim.arch.training.procrustes.fast.passes import (
    Mask,
    PassRun,
    balanced,
    folded,
    mask_of,
    owned_by,
    run_pass,
    sets_of,
)
from accelsim.arch.training.shared.passes import PHASES, Phase
from accelsim.workload.layer import Layer

BUSY, INEFFECTUAL, BARRIER, UNUSED, THRESHOLD, GLB, WAVES, GRADIENTS = range(8)
LABELS = ("pass", "set")  # pass: 1 forward, 2 backward, 3 weight update
CHUNK_CELLS = 1 << 16  # sets x PEs of one chunk: bounds memory


class Loads(NamedTuple):
    """load, nonzero [set, row]: mask bits that a PE multiplies, and non-zero weights among them; owned [set, row].

    A PE looks at row[pe]. Of a set's `steps` it works in working[pe], and takes part in taking_part[pe] of them.
    """

    load: np.ndarray
    nonzero: np.ndarray
    owned: np.ndarray
    row: np.ndarray
    steps: int
    working: np.ndarray
    taking_part: np.ndarray


class SetTimes(NamedTuple):
    """Per set: when the array begins it, has computed it and has handed it over, and when the threshold unit is done
    with it. Without the unit the last three are equal.
    """

    begin: np.ndarray
    computed: np.ndarray
    handed: np.ndarray
    done: np.ndarray


def events(layer: Layer, config: ProcrustesConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs, row by row; and the threshold unit."""
    pes = [f"PE ({row}, {col})" for row in range(config.pe_rows) for col in range(config.pe_cols)]
    return Activity(pes, np.ones(len(pes), np.int64), ("waves", "gradients"), LABELS,
                    _chunks(layer, config, policy, window), others=("threshold unit",))


def _chunks(layer: Layer, config: ProcrustesConfig, policy: Policy, window: Window) -> Iterator[Chunk]:
    loops = loops_of(layer)
    mask = mask_of(layer, loops, config.sparse)
    time = 0
    for phase in config.passes(layer.name):
        run = run_pass(layer, loops, mask, phase, config, policy)
        end = time + run.time.cycles
        if window.meets(time, end):
            sets = sets_of(layer, mask, run.mapping, config)
            numbers = np.flatnonzero(sets.live)
            loads = _loads(layer, loops, mask, run, config, policy)
            times = _times(loads, phase, config, time)
            at_once = max(1, CHUNK_CELLS // config.slots)
            for low in range(0, len(numbers), at_once):
                own = range(low, min(len(numbers), low + at_once))
                if window.meets(int(times.begin[low]), int(times.done[own.stop - 1])):
                    yield _sets(loads, times, own, (PHASES.index(phase) + 1, numbers), config.slots)
            yield _end_of_pass(times, PHASES.index(phase) + 1, (time, end), config.slots)
        time = end


def _loads(layer: Layer, loops: LoopExtents, mask: Mask, run: PassRun, config: ProcrustesConfig,
           policy: Policy) -> Loads:
    mapping = run.mapping
    sets = sets_of(layer, mask, mapping, config)
    load = nonzero = balanced(layer, sets.work, config, policy).load
    if not config.sparse:  # zero weights are multiplied too, each by its owner
        nonzero = folded(mask_of(layer, loops, True), mapping, config).sum(axis=2)[sets.live]
    owned = owned_by(mapping, sets.live)
    rows, cols = (index.ravel() for index in np.indices((config.pe_rows, config.pe_cols)))
    if config.dataflow == "pq":
        own, taking, longest = _plane_steps(loops, mapping, config)
        return Loads(load, nonzero, np.ones_like(owned), 0 * rows, longest, own.ravel(), taking.ravel())
    if config.dataflow == "ck":
        steps = loops.positions * loops.images
        working = np.full(config.slots, steps)
        return Loads(load, nonzero, owned, rows * config.pe_cols + cols, steps, working, working)
    images = ceil_div(loops.images, config.pe_cols)
    working = (loops.images - cols + config.pe_cols - 1) // config.pe_cols * loops.positions
    return Loads(load, nonzero, owned, rows, images * loops.positions, working, working)


def _plane_steps(loops: LoopExtents, mapping: PassMapping,
                 config: ProcrustesConfig) -> tuple[np.ndarray, np.ndarray, int]:
    """`pq`: positions of each PE [row, col], positions of the first PE in the patches where it has some, and in all."""
    own, taking, longest = [], [], loops.images
    for extent, tile, pes in zip(loops.out_plane, mapping.plane, (config.pe_rows, config.pe_cols), strict=True):
        starts = np.arange(0, extent, tile * pes)[:, None] + np.arange(pes) * tile  # [patch, pe]
        held = np.clip(extent - starts, 0, tile)
        own.append(held.sum(axis=0))
        taking.append(np.where(held > 0, held[:, :1], 0).sum(axis=0))
        longest *= int(held[:, 0].sum())
    return np.outer(*own) * loops.images, np.outer(*taking) * loops.images, longest


def _times(loads: Loads, phase: Phase, config: ProcrustesConfig, begin: int) -> SetTimes:
    """The clock of `passes`, kept set by set."""
    count = len(loads.load)
    cycles = (loads.load.max(axis=1) * loads.steps).tolist() if count else []
    gradients = [0] * count
    if phase == "weight_update" and config.sparse and config.threshold_unit:
        gradients = (-(-loads.load.sum(axis=1) // config.gradients_per_cycle)).tolist()
    times = SetTimes(*(np.zeros(count, np.int64) for _ in SetTimes._fields))
    array = unit = begin
    for s in range(count):
        times.begin[s], times.computed[s] = array, array + cycles[s]
        array = times.handed[s] = max(array + cycles[s], unit)
        unit = times.done[s] = array + gradients[s]
    return times


def _sets(loads: Loads, times: SetTimes, own: range, place: tuple[int, np.ndarray], pes: int) -> Chunk:
    """The given sets: every PE's waves and its wait for the threshold unit, and the unit; place: pass, set numbers."""
    sets = np.arange(own.start, own.stop)
    row, pe, of = np.tile(loads.row, len(sets)), np.tile(np.arange(pes), len(sets)), np.repeat(sets, pes)
    slowest, load = loads.load.max(axis=1)[of], loads.load[of, row]
    working, taking = np.tile(loads.working, len(sets)), np.tile(loads.taking_part, len(sets))
    parts = np.zeros((len(of), GLB + 1), np.int64)
    parts[:, BUSY] = loads.nonzero[of, row] * working
    parts[:, INEFFECTUAL] = load * working - parts[:, BUSY]
    parts[:, BARRIER] = np.where(loads.owned[of, row] | (load > 0), slowest * taking - load * working, 0)
    parts[:, UNUSED] = slowest * loads.steps - parts[:, :UNUSED].sum(axis=1)
    rows = np.concatenate([
        np.column_stack([pe, np.full(len(of), WAVES), times.begin[of], times.computed[of]]),
        np.column_stack([pe, np.full(len(of), THRESHOLD), times.computed[of], times.handed[of]]),
        np.column_stack([np.full(len(sets), pes), np.full(len(sets), GRADIENTS), times.handed[sets],
                         times.done[sets]])])
    numbers = np.concatenate([of, of, sets])
    labels = np.column_stack([np.full(len(numbers), place[0]), place[1][numbers]])
    kept = rows[:, 3] > rows[:, 2]
    pieces = np.concatenate([parts, np.zeros((len(rows) - len(parts), GLB + 1), np.int64)])
    return Chunk(rows[kept], labels[kept], int(times.handed[own.stop - 1]), pieces[kept],
                 barriers=times.computed[sets])


def _end_of_pass(times: SetTimes, number: int, span: tuple[int, int], pes: int) -> Chunk:
    """All PEs wait for the last set's gradients, and for the banks of the global buffer; span: of the pass."""
    begin, end = span
    handed, done = (int(np.append(begin, t)[-1]) for t in (times.handed, times.done))
    pe = np.arange(pes)
    rows = np.concatenate([np.column_stack([pe, np.full(pes, name), np.full(pes, low), np.full(pes, high)])
                           for name, low, high in ((THRESHOLD, handed, done), (GLB, done, end))])
    rows = rows[rows[:, 3] > rows[:, 2]]
    return Chunk(rows, np.tile([number, -1], (len(rows), 1)), end, np.zeros((len(rows), GLB + 1), np.int64))
