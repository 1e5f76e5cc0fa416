"""What lanes do when, for timelines: a lane's job is one slice with its slot-cycles.

Where lanes have outputs of their own and take matches, jobs are told apart, from the same kernel with a log; elsewhere
a slice is all jobs of a round, since positions follow one another without a gap. Rules: docs/machines/lanes.md, "Time".
"""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.lanes.shared.deal import NOBODY
from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.arch.lanes.shared.fast.engine import LanesEngine, LayerTask
from accelsim.arch.lanes.shared.fast.lowering import Dealt
from accelsim.arch.machine import Policy
from accelsim.workload.layer import Layer

LABELS = ("product", "round", "group")
CHUNK_CELLS = 1 << 16  # jobs x lanes of one chunk: bounds memory


class Drawing:
    """Slices of one product, which begins at cycle `begin` of the layer."""

    def __init__(self, engine: LanesEngine, task: LayerTask, begin: int) -> None:
        self.names, self.schedule = engine.model.stall_names, task.schedule
        self.product, self.begin = task.group, begin

    def chunk(self, tracks: np.ndarray, begin: np.ndarray, parts: dict[str, np.ndarray],
              labels: Sequence[np.ndarray | np.int64 | int], until: int) -> Chunk:
        """Slices [slice] with slot-cycles `parts`, which also say how long each is; those of one kind get its name."""
        shape = tracks.shape
        table = np.zeros((tracks.size, len(self.names)), np.int64)
        for name, cells in parts.items():
            if np.any(cells):
                table[:, self.names.index(name)] = np.broadcast_to(cells, shape).reshape(-1)
        total, most = table.sum(axis=1), table.argmax(axis=1)
        alone = table.max(axis=1) == total
        start = np.broadcast_to(begin, shape).reshape(-1) + self.begin
        rows = np.stack([tracks.reshape(-1), np.where(alone, most, len(self.names)), start,
                         start + total // self.schedule.lane_slots], axis=1)
        every: tuple[np.ndarray | np.int64 | int, ...] = (self.product, *labels)
        tags = np.stack([np.broadcast_to(label, shape).reshape(-1) for label in every], axis=1)
        some = total > 0
        return Chunk(rows[some], tags[some], until + self.begin, table[some])


def events(engine: LanesEngine, unit: str, layer: Layer, config: object, policy: Policy, window: Window) -> Activity:
    """unit: what a lane is called; the whole array where all lanes are in lock-step."""
    task = LayerTask(layer, engine.design(layer, config), policy)
    schedule = task.schedule
    count = schedule.sections * schedule.lanes
    names = [unit] if count == 1 else [
        f"{unit} {lane}" if schedule.sections == 1 else f"{unit} {lane // schedule.lanes}.{lane % schedule.lanes}"
        for lane in range(count)]
    return Activity(names, np.full(count, schedule.lane_slots, np.int64), ("compute",), LABELS,
                    _chunks(engine, task, window))


def _chunks(engine: LanesEngine, task: LayerTask, window: Window) -> Iterator[Chunk]:
    begin = 0
    for own, run in engine.products(task):
        if window.meets(begin, begin + run.cycles):
            drawing = Drawing(engine, own, begin)
            if run.placed is None:
                yield _without_scopes(drawing, run)
            elif task.schedule.effectual == "both":
                yield from _jobs(drawing, engine, own, run, Window(window.begin - begin, window.end - begin))
            else:
                yield _rounds(drawing, run)
            yield _ending(drawing, run)
        begin += run.cycles


def _round_parts(run: ProductRun, width: int) -> dict[str, np.ndarray]:
    """Slot-cycles [round, lane] of lanes with outputs, waits left out."""
    did = run.products
    return {"busy": did.busy, "zero_operand": did.made - did.busy - did.gated - did.fillers, "filler": did.fillers,
            "gated": did.gated, "fragmentation": did.fragmented, "unused": did.idle, "empty": did.empty * width,
            "overhead": did.overhead * width}


def _rounds(drawing: Drawing, run: ProductRun) -> Chunk:
    """Lanes round by round, on one section."""
    width, lanes, jobs = drawing.schedule.lane_slots, drawing.schedule.lanes, run.jobs
    time, longest = (array.sum(axis=1)[:, None] * jobs.times for array in (jobs.outcome.cycles, jobs.outcome.longest))
    parts = _round_parts(run, width)
    parts["barrier"] = (longest - run.products.spent) * width
    parts["overhead"] = parts["overhead"] + (time - longest) * width
    parts = _over_lanes(parts, run.dealt, lanes, drawing.schedule.dealt_lanes > 1, time * width)
    return drawing.chunk(np.tile(np.arange(lanes), (len(time), 1)), np.cumsum(time)[:, None] - time, parts,
                         (np.arange(len(time))[:, None], -1), run.cycles)


def _over_lanes(parts: dict[str, np.ndarray], dealt: Dealt, lanes: int, by_deal: bool,
                unused: np.ndarray | np.int64 | int) -> dict[str, np.ndarray]:
    """[round, lane of the section] from [round, lane with outputs]; the others are `unused`."""
    if not by_deal:
        return parts
    works = np.arange(dealt.lane_of.shape[1]) < dealt.active[:, None]
    spread = {}
    for name, cells in parts.items():
        spread[name] = np.zeros((len(works), lanes), np.int64)
        np.put_along_axis(spread[name], dealt.lane_of, np.where(works, cells, 0), axis=1)
    idle = np.ones((len(works), lanes), bool)
    np.put_along_axis(idle, dealt.lane_of, ~works, axis=1)
    spread["unused"] += idle * unused
    return spread


def _without_scopes(drawing: Drawing, run: ProductRun) -> Chunk:
    """Lanes that never wait before the product ends: each goes through its rounds by itself."""
    width, lanes, cycles = drawing.schedule.lane_slots, drawing.schedule.lanes, int(run.round_ends[-1])
    cycles -= drawing.schedule.costs.product
    parts = _over_lanes(_round_parts(run, width), run.dealt, lanes, True, 0)
    spent = np.zeros((len(run.products.spent) + 1, lanes), np.int64)
    for cells in parts.values():
        spent[1:] += cells
    begin = np.cumsum(spent, axis=0) // width
    works = (run.dealt.deal.outputs != NOBODY).any(axis=(0, 1, 3))
    rest = (cycles - begin[-1]) * width
    parts = {name: np.concatenate([cells, np.zeros((1, lanes), np.int64)]) for name, cells in parts.items()}
    parts["barrier"] = np.zeros_like(begin)
    parts["barrier"][-1], parts["unused"][-1] = rest * works, rest * ~works
    rounds = np.append(np.arange(len(begin) - 1), -1)[:, None]
    return drawing.chunk(np.tile(np.arange(lanes), (len(begin), 1)), begin, parts, (rounds, -1), run.cycles)


def _jobs(drawing: Drawing, engine: LanesEngine, task: LayerTask, run: ProductRun, window: Window) -> Iterator[Chunk]:
    """Lanes job by job."""
    place, out, schedule = run.placed, run.jobs.outcome, drawing.schedule
    assert place is not None
    log = np.zeros((*out.steps.shape[:2], 2, out.steps.shape[2]), np.int32)
    engine.jobs(task, run.operands, log)
    order = np.argsort(place.begin, axis=None, kind="stable")
    begin, time = place.begin.reshape(-1)[order], out.cycles.reshape(-1)[order]
    order = order[(begin < window.end) & (begin + time > window.begin)]
    at_once = max(1, CHUNK_CELLS // schedule.lanes)
    for low in range(0, len(order), at_once):
        jobs = order[low:low + at_once]
        until = int(place.begin.reshape(-1)[order[low + at_once]]) if low + at_once < len(order) else run.cycles
        yield from _some_jobs(drawing, run, log, np.unravel_index(jobs, out.cycles.shape), until)


def _some_jobs(drawing: Drawing, run: ProductRun, log: np.ndarray, jobs: tuple[np.ndarray, ...],
               until: int) -> Iterator[Chunk]:
    """Those of rounds jobs[0] and groups jobs[1]."""
    schedule, out, dealt, place = drawing.schedule, run.jobs.outcome, run.dealt, run.placed
    assert place is not None
    r, g = jobs
    columns = schedule.columns
    rows = g[:, None] * columns + np.arange(columns)  # [job, column]
    time, longest = out.cycles[r, g][:, None, None], out.longest[r, g][:, None, None]
    positions = np.diff(run.jobs.groups)[g][:, None] if columns > 1 else np.ones((len(r), 1), np.int64)
    works = ((np.arange(columns) < positions)[:, :, None]
             & (np.arange(out.steps.shape[2]) < dealt.active[r][:, None])[:, None])
    steps = out.steps[r[:, None], rows].astype(np.int64)  # [job, column, lane]
    spent, empty = (log[r[:, None], rows, field].astype(np.int64) for field in (0, 1))
    empty = empty * schedule.costs.empty
    # over all lanes of the section: [job, dealt lane x columns + column]
    lane = dealt.lane_of[r][:, None] * columns + np.arange(columns)[:, None]
    parts = {"busy": steps, "empty": empty, "overhead": spent - steps - empty + time - longest,
             "barrier": longest - spent}
    spread = {}
    for name, cells in parts.items():
        spread[name] = np.zeros((len(r), schedule.lanes), np.int64)
        np.put_along_axis(spread[name], lane.reshape(len(r), -1), np.where(works, cells, 0).reshape(len(r), -1), axis=1)
    idle = np.ones((len(r), schedule.lanes), bool)
    np.put_along_axis(idle, lane.reshape(len(r), -1), ~works.reshape(len(r), -1), axis=1)
    spread["unused"] = idle * time[:, :, 0]
    tracks = place.section[r, g][:, None] * schedule.lanes + np.arange(schedule.lanes)
    begin, labels = place.begin[r, g][:, None], (r[:, None], g[:, None])
    if schedule.scope == "job":  # the wait comes behind all the work
        waits = spread.pop("barrier")
        yield drawing.chunk(tracks, begin, spread, labels, int(place.begin[r, g].min()))
        yield drawing.chunk(tracks, begin + time[:, :, 0] - waits, {"barrier": waits}, labels, until)
    else:
        yield drawing.chunk(tracks, begin, spread, labels, until)


def _ending(drawing: Drawing, run: ProductRun) -> Chunk:
    """Sections that are done wait for the others; then all for what a product costs on top."""
    schedule, end = drawing.schedule, run.cycles - drawing.schedule.costs.product
    ends = np.array([end]) if run.placed is None else run.placed.ends
    tracks = np.tile(np.arange(schedule.sections * schedule.lanes), (2, 1))
    begin = np.stack([np.repeat(ends, schedule.lanes), np.full(tracks.shape[1], end)])
    length = np.stack([end - begin[0], np.full(tracks.shape[1], schedule.costs.product)]) * schedule.lane_slots
    nothing = np.zeros_like(length)
    parts = {"finished": nothing.copy(), "overhead": nothing.copy()}
    parts["finished"][0], parts["overhead"][1] = length[0], length[1]
    chunk = drawing.chunk(tracks, begin, parts, (-1, -1), run.cycles)
    return Chunk(chunk.slices, chunk.labels, chunk.until, chunk.parts,
                 barriers=np.array([drawing.begin + end], np.int64))
