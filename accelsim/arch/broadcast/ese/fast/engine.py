"""The fast engine of ese: a layer's products are timed, put into slots and steps, and accounted."""

from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from accelsim.arch.broadcast.ese.config import EseConfig
from accelsim.arch.broadcast.ese.fast.products import Runs, Timed, encoded, fullest_pe, timed
from accelsim.arch.broadcast.ese.machine import Ese
from accelsim.arch.broadcast.ese.schedule import SlotProduct, group_steps, slot_products, vectors_of
from accelsim.arch.broadcast.shared.fast.encoding import Encoded
from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products
from accelsim.workload.recurrent import Recurrent

STALLS, COUNTS = names(Ese.stalls), names(Ese.counts)
VALUE_BITS, POINTER_BITS = 16, 16


class Totals:
    """The sums over a layer so far; tiles come in the order of execution."""

    def __init__(self, layer: Layer, config: EseConfig, policy: Policy) -> None:
        self.layer, self.config, self.policy = layer, config, policy
        self.cycles = self.runs = self.voices = self.peak_entries = 0
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.work = np.zeros(config.pes, np.int64)
        self.tiles: list[Tiles] = []

    def matrix(self, place: tuple[int, ...], matrix: np.ndarray) -> Encoded:
        """A matrix of the layer as the PEs hold it; place: which one."""
        key = ("ese encoded", *place, self.policy, self.config.pes, self.config.index_bits)
        return derived(self.layer, key, partial(encoded, matrix, self.config, self.policy))

    def products(self, held: Encoded, runs: Runs) -> Timed:
        """All runs of a matrix, entered."""
        done = timed(held, runs, self.config)
        pes, useful = self.config.pes, int(done.useful.sum())
        self.stalls.update({"busy": useful, "zero_input": done.zero_input, **done.states})
        self.counts.update({"macs": useful, "zero_multiplies": done.zero_input,
                            "padding_entries": done.states["padding"], "broadcasts": done.broadcasts,
                            "queue_writes": pes * done.broadcasts, "pointer_reads": pes * done.columns,
                            "spmat_row_reads": done.row_reads})
        self.work += done.useful
        self.runs += len(runs.voices)
        self.voices = max(self.voices, int(runs.voices.max()))
        self.peak_entries = max(self.peak_entries, fullest_pe(held))
        self.last(done.cycles, runs.voices)
        return done

    def last(self, cycles: np.ndarray, voices: np.ndarray, waits: str = "") -> None:
        """Stretches of time, cycles[n] with voices[n] each; in `waits`, or in what is entered elsewhere."""
        pes = self.config.pes
        self.cycles += int(cycles.sum())
        self.stalls["idle_channel"] += pes * int((cycles * (self.config.channels - voices)).sum())
        if waits:
            self.stalls[waits] += pes * int((cycles * voices).sum())

    def weight_bits(self, held: Encoded) -> int:
        """What a run of a matrix fetches: all PEs filled up to the fullest, and pointers."""
        return self.config.pes * (fullest_pe(held) * self.config.entry_bits + (len(held.entries) + 1) * POINTER_BITS)

    def closed(self) -> LayerRun:
        slots = self.config.channels * self.config.pes
        self.counts["pe_cycles"] = slots * self.cycles
        mapping: dict[str, Any] = {"products": self.runs, "voices": self.voices,
                                   "peak_entries_per_pe": self.peak_entries}
        return LayerRun(self.cycles, slots, {name: self.stalls[name] for name in STALLS},
                        {name: self.counts[name] for name in COUNTS}, mapping=mapping, tiles=Tiles.joined(self.tiles),
                        work=PeWork.of(self.work[None]))


def run(layer: Layer, config: EseConfig, policy: Policy) -> LayerRun:
    totals = Totals(layer, config, policy)
    if isinstance(layer, Recurrent):
        for direction in range(len(layer.cell.directions)):
            _direction(layer, direction, totals)
    else:
        for index, product in enumerate(kept_products(layer)):
            _product(product, index, totals)
    return totals.closed()


def _product(product: MatrixProduct, index: int, totals: Totals) -> None:
    """Groups of vectors of one matrix, scan to drain."""
    layer, channels, count = totals.layer, totals.config.channels, len(product.vectors)
    first = np.arange(0, count, channels)
    voices = np.minimum(channels, count - first)
    held = totals.matrix((index,), product.matrix)
    done = totals.products(held, Runs(product.vectors, voices))
    if isinstance(layer, Conv2d):
        images = layer.activation.shape[0]
        begun = np.bincount(np.arange(0, count, count // images) // channels, minlength=len(first))
        activation_bits = begun * (layer.activation[0].size // layer.groups) * VALUE_BITS
    else:
        activation_bits = voices * product.vectors.shape[1] * VALUE_BITS
    totals.tiles.append(Tiles.of(done.cycles, np.full(len(first), totals.weight_bits(held)), activation_bits,
                                 voices * len(product.matrix) * VALUE_BITS))


def _direction(layer: Recurrent, direction: int, totals: Totals) -> None:
    """All steps of all groups of a direction, product by product; tiles [step, product]."""
    config = totals.config
    slots = slot_products(layer, direction)
    steps = list(group_steps(layer, direction, config.channels))
    voices = np.array([len(step.sequences) for step in steps], np.int64)
    element_cycles = layer.cells + config.slot_overhead_cycles
    tiles = np.zeros((4, len(steps), len(slots)), np.int64)  # cycles, bits of weights, of activations, of outputs
    for number, slot in enumerate(slots):
        held = totals.matrix((direction, number), slot.matrix)
        vectors = np.concatenate([vectors_of(layer, direction, slot, step) for step in steps])
        done = totals.products(held, Runs(vectors, voices))
        rest = np.maximum(0, len(slot.matrix) + config.slot_overhead_cycles - done.cycles)
        before = _before(number, slot, config)
        waited = {name: np.full(len(steps), times * element_cycles) for name, times in before.items()}
        for name, cycles in (waited | {"element_wise": rest}).items():
            totals.last(cycles, voices, name)
        totals.counts["element_steps"] += len(slot.matrix) * int(voices.sum())
        tiles[0, :, number] = done.cycles + rest + sum(before.values()) * element_cycles
        tiles[1, :, number] = totals.weight_bits(held)
    tiles[2, :, 0] = layer.activation.shape[2] * voices * VALUE_BITS
    tiles[3, :, -1] = layer.outputs * voices * VALUE_BITS
    totals.tiles.append(Tiles.of(*tiles.reshape(4, -1)))


def _before(number: int, slot: SlotProduct, config: EseConfig) -> dict[str, int]:
    """Slots of element-wise work before a product of a step."""
    found = {"prologue": config.prologue_slots} if number == 0 else {}
    return found | ({"exposed": config.exposed_slots} if slot.waits else {})
