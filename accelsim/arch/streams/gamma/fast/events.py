"""What the PEs of Gamma do when: a task is one slice with its slot-cycles; the waits before it, and after the last."""

from collections.abc import Iterator

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.facts import names
from accelsim.arch.machine import Policy
from accelsim.arch.streams.gamma.config import GammaConfig
from accelsim.arch.streams.gamma.fast.engine import ProductRun, product_runs
from accelsim.arch.streams.gamma.machine import Gamma
from accelsim.workload.layer import Layer

LABELS = ("product", "row", "number")  # no stall is called so
TASKS = 1 << 16  # of one chunk: bounds memory
_STALLS = names(Gamma.stalls)


def events(layer: Layer, config: GammaConfig, policy: Policy, window: Window) -> Activity:
    """The tracks of a layer: its PEs."""
    return Activity([f"PE {pe}" for pe in range(config.pes)], np.ones(config.pes, np.int64), ("compute",), LABELS,
                    _chunks(layer, config, policy, window))


def _chunks(layer: Layer, config: GammaConfig, policy: Policy, window: Window) -> Iterator[Chunk]:
    begin = 0
    for number, done in enumerate(product_runs(layer, config, policy)):
        if window.meets(begin, begin + done.cycles):
            yield from _product(done, config, number, begin)
        begin += done.cycles


def _product(done: ProductRun, config: GammaConfig, number: int, begin: int) -> Iterator[Chunk]:
    """Tasks in order of the times at which their PEs become free for them."""
    tasks = done.cut.tasks
    length = tasks.direct + tasks.merged + config.task_cycles
    free = _free(done, length)
    order = np.argsort(free, kind="stable")
    for low in range(0, len(order), TASKS):
        some = order[low:low + TASKS]
        until = int(free[order[low + TASKS]]) if low + TASKS < len(order) else done.cycles
        parts = np.zeros((len(some), len(_STALLS)), np.int64)
        for stall, cells in (("busy", tasks.direct), ("merge", tasks.merged), ("task", config.task_cycles)):
            parts[:, _STALLS.index(stall)] = np.broadcast_to(cells, tasks.row.shape)[some]
        alone = parts.max(axis=1) == length[some]
        name = np.where(alone, parts.argmax(axis=1), len(_STALLS))
        work = np.stack([done.pe[some], name, done.begin[some], done.begin[some] + length[some]], axis=1)
        waits = np.stack([done.pe[some], np.full(len(some), _STALLS.index("dependency")), free[some],
                          done.begin[some]], axis=1)
        labels = np.stack([np.full(len(some), number), tasks.row[some], some], axis=1)
        yield _chunk(np.concatenate([work, waits]), np.concatenate([labels, labels]),
                     np.concatenate([parts, np.zeros_like(parts)]), begin, until)
    pes = np.arange(config.pes)
    rest = np.stack([pes, np.full(config.pes, _STALLS.index("finished")), done.ends,
                     np.full(config.pes, done.cycles)], axis=1)
    labels = np.stack([np.full(config.pes, number), np.full(config.pes, -1), np.full(config.pes, -1)], axis=1)
    yield _chunk(rest, labels, np.zeros((config.pes, len(_STALLS)), np.int64), begin, done.cycles)


def _free(done: ProductRun, length: np.ndarray) -> np.ndarray:
    """When the PE of each task was free for it, int64 [task]."""
    order = np.argsort(done.pe, kind="stable")
    ends = (done.begin + length)[order]
    before = np.concatenate([[0], ends[:-1]]) if len(order) else ends
    before[np.flatnonzero(np.diff(done.pe[order], prepend=-1))] = 0
    free = np.empty(len(order), np.int64)
    free[order] = before
    return free


def _chunk(slices: np.ndarray, labels: np.ndarray, parts: np.ndarray, begin: int, until: int) -> Chunk:
    some = slices[:, 3] > slices[:, 2]
    slices = slices[some]
    slices[:, 2:] += begin
    return Chunk(slices, labels[some], until + begin, parts[some])
