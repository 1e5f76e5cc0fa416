"""What the family moves between DRAM and chip: tiles are rounds of outputs. Rules: docs/machines/lanes.md, "DRAM"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.arch.lanes.shared.fast.account import ProductRun
from accelsim.hw.memory.tiles import MayStay, Tiles
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul

KBYTE_BITS = 8192


@dataclass(frozen=True, eq=False)
class StoredProduct:
    """Bits of a product in the kind's format, and the cycles of its rounds: weights, outputs, cycles and count (of
    outputs) [round]; inputs.
    """

    weights: np.ndarray
    inputs: int
    outputs: np.ndarray
    cycles: np.ndarray
    count: np.ndarray
    positions: int


class InputPlaces:
    """The inputs of a product as they lie in memory: places of `channels` values each."""

    def __init__(self, layer: Layer, group: int) -> None:
        if isinstance(layer, Conv2d):
            images, channels, *plane = layer.activation.shape
            self.channels, self.places = channels // layer.groups, images * plane[0] * plane[1]
            self.values = layer.activation[:, group * self.channels:(group + 1) * self.channels]
        else:
            assert isinstance(layer, Matmul)
            self.values = layer.activation[group]
            self.places, self.channels = self.values.shape
        self.reduction = layer.weight[0].size if isinstance(layer, Conv2d) else self.channels  # of the layer as it was
        self._key = layer, group

    @property
    def size(self) -> int:
        return self.channels * self.places

    @property
    def nonzeros(self) -> int:
        layer, group = self._key
        return derived(layer, ("lanes inputs", group), lambda: int(np.count_nonzero(self.values)))


class Formats:
    """How a kind stores operands: dense, unless it says otherwise."""

    def weight_bits(self, task: Any, run: ProductRun, plane: InputPlaces) -> np.ndarray:
        """[round]"""
        return run.dealt.count * plane.reduction * task.config.weight_bits

    def input_bits(self, task: Any, run: ProductRun, plane: InputPlaces) -> int:
        return plane.size * task.config.activation_bits

    def output_bits(self, task: Any, run: ProductRun) -> np.ndarray:
        """[round]"""
        return run.operands.positions * run.dealt.count * task.config.activation_bits

    def stored_bits(self, task: Any, run: ProductRun) -> StoredProduct:
        plane = InputPlaces(task.layer, task.group)
        return StoredProduct(self.weight_bits(task, run, plane), self.input_bits(task, run, plane),
                      self.output_bits(task, run), np.diff(run.round_ends, prepend=0), run.dealt.count,
                      run.operands.positions)


def sums_of(run: ProductRun, values: np.ndarray) -> np.ndarray:
    """[round]: values[output] of the round's outputs."""
    dealt = run.dealt.deal.outputs[:, 0].reshape(len(run.dealt.count), -1)
    return np.where(dealt < 0, 0, values[dealt]).sum(axis=1)


def layer_tiles(stored: Sequence[StoredProduct], config: Any) -> Tiles:
    """Tiles of all products, with what may stay on chip."""
    room = [config.weight_buffer_kbytes, config.input_buffer_kbytes, config.output_buffer_kbytes]
    bits = [sum(int(part.weights.sum()) for part in stored), sum(part.inputs for part in stored),
            sum(int(part.outputs.sum()) for part in stored)]
    stay = MayStay(*(_fits(size, buffer) for size, buffer in zip(bits, room, strict=True)))
    return Tiles.joined([_tiles(part, config, stay) for part in stored])


def _fits(bits: int, kbytes: float) -> bool:
    return not kbytes or bits <= kbytes * KBYTE_BITS


def _tiles(part: StoredProduct, config: Any, stay: MayStay) -> Tiles:
    rounds = len(part.cycles)
    weights = part.weights.astype(np.int64)
    inputs = np.zeros(rounds, np.int64)
    once = _fits(part.inputs, config.input_buffer_kbytes) or _fits(
        part.positions * int(part.count.sum()) * config.sum_bits, config.output_buffer_kbytes)
    inputs[:1 if once else None] = part.inputs
    if config.weight_buffer_kbytes and config.output_buffer_kbytes:
        block = np.maximum(1, (config.output_buffer_kbytes * KBYTE_BITS // (part.count * config.sum_bits)).astype(int))
        again = weights > config.weight_buffer_kbytes * KBYTE_BITS
        weights = np.where(again, weights * -(-part.positions // block), weights)
    return Tiles.of(part.cycles, weights, inputs, part.outputs, may_stay=stay)
