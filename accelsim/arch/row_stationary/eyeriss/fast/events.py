"""What Eyeriss does when: each PE in each pass, from its weights to the pass's end.

A PE's windows, and its waits between them, are one slice with its slot-cycles; waits after its last window are slices
of their own. Rules: docs/machines/eyeriss.md, "Time of a lane", "Time of a pass", "Where every slot-cycle goes".
"""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import layout
from accelsim.arch.row_stationary.eyeriss.fast.engine import STALLS, SimulatedPasses, lane_scratch, simulated
from accelsim.arch.row_stationary.eyeriss.fast.kernel import run_lanes
from accelsim.arch.row_stationary.eyeriss.fast.lowering import LaneData, design_of, lower
from accelsim.arch.row_stationary.eyeriss.legality import mapping_for, tiling_of
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, shape_of
from accelsim.workload.layer import Layer

NUMBER_OF = {name: place for place, name in enumerate(STALLS)}
IN_WINDOWS = len(STALLS)  # the name behind them
Times = np.ndarray | int
LABELS = ("pass", "group", "filter tile", "strip")


def events(layer: Layer, config: EyerissConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: PEs, row by row of the array. Raises what `run` does."""
    shape = shape_of(layer)
    tiling = tiling_of(shape, mapping_for(layer, config, policy), config)
    pes = [f"PE ({row}, {col})" for row in range(config.rows) for col in range(config.cols)]
    return Activity(pes, np.full(len(pes), config.macs_per_pe, np.int64), ("windows",), LABELS,
                    _chunks(layer, shape, tiling, config, window))


def _chunks(layer: Layer, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig,
            window: Window) -> Iterator[Chunk]:
    """A chunk per pass that meets the window; the passes before tell when it begins."""
    lowered = lower(layer, shape, tiling, config)
    passes = simulated(lowered, shape, tiling, config)
    ends = np.cumsum(passes.cycles).tolist()
    for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if window.meets(begin, end):
            record = recorded(lowered.lanes, shape, tiling, config, number)
            yield _pass(record, slot_cycles(record, shape, tiling, config), passes, number, (begin, end))


def recorded(data: LaneData, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig, number: int) -> np.ndarray:
    """int64 [PE, column of `layout.RECORD`] of a pass."""
    record = np.zeros((config.pes, layout.RECORD), np.int64)
    record[:, layout.GROUP] = -1
    work, busy = np.zeros((tiling.passes, layout.WORK), np.int64), np.zeros(config.pes, np.int64)
    run_lanes(data, shape, tiling, design_of(config), (number, number + 1), lane_scratch(shape, tiling, config),
              (work, busy), record)
    return record


def slot_cycles(record: np.ndarray, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig) -> np.ndarray:
    """int64 [PE, stall] of its windows and the waits between them."""
    windows, words, entries = (record[:, column] for column in (layout.WINDOW, layout.WORDS, layout.ENTRIES))
    if not tiling.compressed:  # every filter of every position
        filters = np.minimum(tiling.m0, shape.filters - record[:, layout.FILTER_TILE] * tiling.m0)
        words, entries = windows, windows // -(-filters // config.macs_per_pe) * filters
    spent = {"busy": record[:, layout.PRODUCTS], "ineffectual": entries - record[:, layout.PRODUCTS],
             "simd_idle": config.macs_per_pe * words - entries, "bubble": config.macs_per_pe * (windows - words),
             "column": config.macs_per_pe * record[:, layout.COLUMN_WAIT],
             "psum": config.macs_per_pe * record[:, layout.PSUM_WAIT]}
    none = np.zeros(len(record), np.int64)
    return np.stack([spent.get(name, none) for name in STALLS], axis=1)


def _pass(record: np.ndarray, spent: np.ndarray, passes: SimulatedPasses, number: int, span: tuple[int, int]) -> Chunk:
    """All PEs in a pass that takes span[0] .. span[1] - 1."""
    mapped, idle = np.flatnonzero(record[:, layout.GROUP] >= 0), np.flatnonzero(record[:, layout.GROUP] < 0)
    loaded = span[0] + int(passes.load_cycles[number])
    configured = loaded - int(passes.loads[number, layout.WEIGHT_CYCLES])
    worked, slowest, left = loaded + record[mapped][:, [layout.WORKED, layout.SLOWEST, layout.LEFT]].T
    computed = loaded + int(passes.work[number, layout.COMPUTE_CYCLES])
    flows = "psum" if passes.psums_last[number] else "iact"
    bounds = (("config", span[0], configured), ("weight", configured, loaded), ("column", worked, slowest),
              ("psum", slowest, left), ("barrier", left, computed), (flows, computed, span[1]))
    slices = np.concatenate([
        _slices(mapped, IN_WINDOWS, loaded, worked),
        *(_slices(mapped, NUMBER_OF[name], *part) for name, *part in bounds),
        _slices(idle, NUMBER_OF["config"], span[0], configured),
        *(_slices(idle, NUMBER_OF["fragmentation"], *part) for part in ((configured, loaded), (loaded, span[1])))])
    slices = slices[slices[:, 3] > slices[:, 2]]
    works_on = record[:, [layout.GROUP, layout.FILTER_TILE, layout.STRIP]]
    works_on[idle] = -1
    labels = np.column_stack([np.full(len(slices), number), works_on[slices[:, 0]]])
    return Chunk(slices, labels, span[1], spent[slices[:, 0]], barriers=np.array([span[1]]))


def _slices(pes: np.ndarray, name: int, begin: Times, end: Times) -> np.ndarray:
    """A slice of each PE; begin and end of each, or of all."""
    rows = np.empty((len(pes), 4), np.int64)
    for column, values in enumerate((pes, name, begin, end)):
        rows[:, column] = values
    return rows
