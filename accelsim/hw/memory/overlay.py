"""Layers of a run under the memory timeline: cycles, named waits, DRAM counts. Rules: docs/memory.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from accelsim.arch.config import ArchConfig
from accelsim.errors import ConfigError, TraceError
from accelsim.hw.energy import Action
from accelsim.hw.memory.dram import Channel, channel_of, check_range
from accelsim.hw.memory.tiles import STALLS, LayerMemory, Tiles

BURSTS = {"dram_weight_bursts": "weight", "dram_activation_bursts": "activation", "dram_output_bursts": "output"}
COUNTS = ("dram_read_bits", "dram_write_bits", *BURSTS)


def actions(config: ArchConfig) -> dict[str, Action]:
    """The energy action behind each DRAM count; nothing without `dram`."""
    if config.dram is None:
        return {}
    bits = channel_of(config.dram, config.clock_mhz).burst_bits
    return {count: Action("dram_bit", bits=bits, data=data) for count, data in BURSTS.items()}


@dataclass(frozen=True)
class Work:
    """All tiles of a run, layer by layer: layer i has the tiles bounds[i] .. bounds[i + 1] - 1.

    demand, bits [queue, tile]: what is moved, exactly and in whole bursts; compute_cycles, load_cycles [tile]; order:
    needs and gate of the timeline.
    """

    bounds: Sequence[int]
    demand: np.ndarray
    bits: np.ndarray
    compute_cycles: np.ndarray
    load_cycles: np.ndarray
    order: tuple[np.ndarray, np.ndarray]
    channel: Channel

    def schedule(self) -> Any:
        """The TileSchedule of the fast timeline."""
        from accelsim.hw.memory.timeline import TileSchedule

        return TileSchedule(self.bits, self.compute_cycles, self.load_cycles, *self.order)


def overlay(tiles: Sequence[Tiles | None], names: Sequence[str], edges: Sequence[tuple[str, str]], config: ArchConfig,
            engine: str) -> list[LayerMemory]:
    """Memory of each layer; tiles[layer] in order of execution. engine: "kernel": the fast timeline, else its twin.

    Raises ConfigError when the engine gave no tiles or the bandwidth's ratio is too fine, TraceError when a layer comes
    before one that it needs.
    """
    work = work_of(tiles, names, edges, config, engine)
    run = _fast if engine == "kernel" else _slow
    waits, ending = run(work, config.buffering)
    return [_layer(work.demand[:, a:b], work.bits[:, a:b], wait, work.channel)
            for (a, b), wait in zip(pairwise(work.bounds), _by_layer(waits, ending, work.bounds), strict=True)]


def work_of(tiles: Sequence[Tiles | None], names: Sequence[str], edges: Sequence[tuple[str, str]], config: ArchConfig,
            engine: str) -> Work:
    """What the timeline has to do; arguments and errors are those of `overlay`."""
    assert config.dram is not None
    channel = channel_of(config.dram, config.clock_mhz)
    parts = []
    for name, layer_tiles in zip(names, tiles, strict=True):
        if layer_tiles is None:
            raise ConfigError(f"layer {name!r}: the {engine} engine of kind {config.kind!r} does not say what it moves "
                              "from DRAM; leave out dram" + ("" if engine == "kernel" else " or use engine='kernel'"))
        parts.append(layer_tiles.moved(config.resident_weights, config.resident_activations))
    whole = Tiles.joined(parts)
    bounds = [0, *accumulate(map(len, parts))]
    demand = np.stack([whole.weight_bits, whole.activation_bits, whole.output_bits])
    bits = np.concatenate([_whole_bursts(demand[:, a:b], channel.burst_bits) for a, b in pairwise(bounds)], axis=1)
    needs, gate = _dependences(names, edges, bounds, config.prefetch_weights)
    before = np.arange(len(whole)) - 1  # whose scratchpads the weights of a load go to
    order = needs, np.where(whole.load_cycles > 0, np.maximum(gate, before), gate)
    check_range(channel, int(whole.compute_cycles.sum()), int(bits.sum()), 3 * len(whole))
    return Work(bounds, demand, bits, whole.compute_cycles, whole.load_cycles, order, channel)


def _whole_bursts(demand: np.ndarray, burst_bits: int) -> np.ndarray:
    """Bits of the bursts that each request of a layer moves; demand[queue, tile] lies one behind the other."""
    bursts = -(-np.cumsum(demand, axis=1) // burst_bits)
    return np.diff(bursts, axis=1, prepend=0) * burst_bits


def _dependences(names: Sequence[str], edges: Sequence[tuple[str, str]], bounds: Sequence[int],
                 prefetch: bool) -> tuple[np.ndarray, np.ndarray]:
    """needs[tile] and gate[tile] of the timeline: last tiles of what a layer needs, and of the layer before."""
    place = {name: i for i, name in enumerate(names)}
    last = [-1] * len(names)  # per layer: the tile after which all that it needs is written
    for source, target in edges:
        if place[source] >= place[target]:
            raise TraceError(f"layer {target!r} is listed before {source!r}, whose output it needs; list the trace's "
                             "layers in execution order")
    for source, target in sorted(edges, key=lambda edge: place[edge[0]]):
        last[place[target]] = max(last[place[target]], last[place[source]], bounds[place[source] + 1] - 1)
    sizes = np.diff(bounds)
    gate = np.full(len(names), -1) if prefetch else np.array(bounds[:-1]) - 1
    return np.repeat(np.array(last, np.int64), sizes), np.repeat(gate.astype(np.int64), sizes)


def _fast(work: Work, buffering: int) -> tuple[np.ndarray, int]:
    """waits[tile, cause], those inside loads last, and the cycles after the last compute, by the event loop."""
    from accelsim.hw.memory.timeline import run_timeline

    times = run_timeline(work.schedule(), work.channel, buffering)
    inside = times.loaded - times.start - work.load_cycles
    return np.column_stack([times.waits, inside]), int(times.written[-1] - times.end[-1]) if len(times.end) else 0


def _slow(work: Work, buffering: int) -> tuple[np.ndarray, int]:
    """The same on SimPy."""
    from accelsim.hw.memory.reference import NAMES, Accelerator, TileJob

    needs, gate = ([None if tile < 0 else tile for tile in tiles.tolist()] for tiles in work.order)
    jobs = [TileJob(dict(zip(NAMES, tile_bits, strict=True)), *rest)
            for tile_bits, *rest in zip(work.bits.T.tolist(), work.compute_cycles.tolist(), work.load_cycles.tolist(),
                                        needs, gate, strict=True)]
    records = Accelerator(jobs, work.channel, buffering).run()
    waits = np.array([[*record.waits.values(), record.load_wait] for record in records], np.int64).reshape(-1, 5)
    return waits, records[-1].written - records[-1].end if records else 0


def _by_layer(waits: np.ndarray, ending: int, bounds: Sequence[int]) -> list[dict[str, int]]:
    """Waiting cycles by stall and layer; a layer's draining before the next one's first tile is its own."""
    layers = [dict.fromkeys(STALLS, 0) for _ in bounds[1:]]
    filled = [i for i in range(len(layers)) if bounds[i + 1] > bounds[i]]
    before = None
    for i in filled:
        own = waits[bounds[i]:bounds[i + 1]]
        weights, handover, activations, writeback, loads = own.sum(axis=0).tolist()
        first = int(own[0, 1]) if before is not None else 0
        if before is not None:
            layers[before]["memory_writeback"] += first
        layers[i]["memory_weights"] += weights + loads
        layers[i]["memory_activations"] += activations
        layers[i]["memory_writeback"] += writeback + handover - first
        before = i
    if before is not None:
        layers[before]["memory_writeback"] += ending
    return layers


def _layer(demand: np.ndarray, bits: np.ndarray, waits: Mapping[str, int], channel: Channel) -> LayerMemory:
    weights, activations, outputs = demand.sum(axis=1).tolist()
    moved: list[int] = bits.sum(axis=1).tolist()
    counts: dict[str, Any] = {"dram_read_bits": weights + activations, "dram_write_bits": outputs}
    counts |= {name: moved_bits // channel.burst_bits for name, moved_bits in zip(BURSTS, moved, strict=True)}
    return LayerMemory(waits, counts, -(-sum(moved) * channel.bit_ticks // channel.cycle_ticks))
