"""What the PEs of ExTensor do when: a slice for each PE in each pair of LLB tiles, and its wait for the others."""

import math
from collections.abc import Iterator

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.facts import names
from accelsim.arch.machine import Policy
from accelsim.arch.streams.extensor.config import ExTensorConfig
from accelsim.arch.streams.extensor.fast.engine import ProductRun, roof_cycles, walked
from accelsim.arch.streams.extensor.machine import ExTensor
from accelsim.arch.streams.shared.products import stream_products
from accelsim.workload.layer import Layer

LABELS = ("product", "pair")
_STALLS = names(ExTensor.stalls)


def events(layer: Layer, config: ExTensorConfig, policy: Policy, window: Window) -> Activity:
    """The tracks of a layer: its PEs."""
    return Activity([f"PE {pe}" for pe in range(config.pes)], np.ones(config.pes, np.int64), ("compute",), LABELS,
                    _chunks(layer, config, policy, window))


def _chunks(layer: Layer, config: ExTensorConfig, policy: Policy, window: Window) -> Iterator[Chunk]:
    begin = 0
    for number, product in enumerate(stream_products(layer)):
        done, log = walked(product, config, policy(config), logs=True)
        assert log is not None
        roof = config.time == "roof"
        cycles = math.ceil(roof_cycles(done.counts, config)) if roof else (
            int(done.pairs.cycles.sum() + done.pairs.before.sum()) + done.rest)
        if window.meets(begin, begin + cycles):
            yield _under_roof(log, config, number, begin, cycles) if roof else _stepped(done, log, number, begin)
        begin += cycles


def _stepped(done: ProductRun, log: np.ndarray, number: int, begin: int) -> Chunk:
    """All pairs of a product: the K2 unit's steps, work, the wait; then what the K2 unit does at the end."""
    pairs, pes = log.shape[:2]
    ends = np.cumsum(done.pairs.before + done.pairs.cycles)
    first = (ends - done.pairs.cycles)[:, None] + np.zeros(pes, np.int64)
    last = first + log[:, :, 2]
    steps, found = log[:, :, 0], log[:, :, 1]
    pair = np.arange(pairs)[:, None]
    end = int(ends[-1]) if pairs else 0
    rest = np.full((1, pes), end)
    spans = [
        _spans("coordinate", first - done.pairs.before[:, None], first, pair),
        _spans("compute", first, last, pair),
        _spans("barrier", last, ends[:, None] + np.zeros_like(last), pair),
        _spans("coordinate", rest, rest + done.rest, np.array([[-1]]))]
    parts = [np.zeros((len(rows), len(_STALLS)), np.int64) for rows, _ in spans]
    for stall, cells in (("busy", found), ("skip", steps - found), ("starved", last - first - steps)):
        parts[1][:, _STALLS.index(stall)] = cells.reshape(-1)
    return _chunk(spans, parts, number, begin, end + done.rest)


def _under_roof(log: np.ndarray, config: ExTensorConfig, number: int, begin: int, cycles: int) -> Chunk:
    """A product is one slice for each PE, with the work that it is given in mixed with the roof's wait."""
    steps, found = log[:, :, 0].sum(axis=0), log[:, :, 1].sum(axis=0)
    shared = _shared_out(int(steps.sum()), config.pes), _shared_out(int(found.sum()), config.pes)
    zeros = np.zeros((1, config.pes), np.int64)
    spans = [_spans("compute", zeros, zeros + cycles, np.array([[-1]]))]
    parts = [np.zeros((config.pes, len(_STALLS)), np.int64)]
    for stall, cells in (("busy", shared[1]), ("skip", shared[0] - shared[1]), ("roof", cycles - shared[0])):
        parts[0][:, _STALLS.index(stall)] = cells
    return _chunk(spans, parts, number, begin, cycles)


def _shared_out(total: int, pes: int) -> np.ndarray:
    """Evenly, as a roof takes it; the first PEs have one more."""
    return total // pes + (np.arange(pes) < total % pes)


def _spans(name: str, begin: np.ndarray, end: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slices [pair, pe] as rows, and their pairs."""
    pes = np.broadcast_to(np.arange(begin.shape[1]), begin.shape)
    number = (*_STALLS, "compute").index(name)
    rows = np.stack([pes, np.full(begin.shape, number), begin, end], axis=2).reshape(-1, 4)
    return rows, np.broadcast_to(pair, begin.shape).reshape(-1)


def _chunk(spans: list[tuple[np.ndarray, np.ndarray]], parts: list[np.ndarray], number: int, begin: int,
           until: int) -> Chunk:
    rows, mixed = np.concatenate([rows for rows, _ in spans]), np.concatenate(parts)
    labels = np.stack([np.full(len(rows), number), np.concatenate([pair for _, pair in spans])], axis=1)
    some = rows[:, 3] > rows[:, 2]
    rows = rows[some] + np.array([0, 0, begin, begin])
    return Chunk(rows, labels[some], until + begin, mixed[some])
