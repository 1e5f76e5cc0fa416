"""The multipliers and their tree, cycle by cycle, through the tiles of one pass."""

from collections import Counter, deque
from typing import NamedTuple

import numpy as np

from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.reference.operands import NOTHING, Operands
from accelsim.arch.training.eager_pruning.reference.packing import Slot, WeightList, runs_of


class OnMultipliers(NamedTuple):
    """A tile in the multipliers' registers. met [position, weight]: places in what is streamed; holders: multipliers
    that have a weight; run_owners and run_starts: of each run, its owner and its first place among the weights."""

    slots: list[Slot]
    holders: np.ndarray
    values: np.ndarray
    met: np.ndarray
    run_owners: np.ndarray
    run_starts: np.ndarray


class MultiplierArray:
    """Runs one pass by `run`; then read cycle, stalls, counts, products [multiplier], sums, gradients, stream_ends."""

    def __init__(self, operands: Operands, weights: WeightList, config: EagerPruningConfig, preset: np.ndarray) -> None:
        """preset int64 [owner, position]: what the sums begin with."""
        self.operands, self.list, self.config, self.sums = operands, weights, config, preset
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.products = np.zeros(config.multipliers, np.int64)
        self.gradients: np.ndarray = np.zeros(operands.planar.weight.shape, np.int64)
        self.stream_ends: list[int] = []
        self.cycle = 0
        self._streamed = operands.streamed.ravel()
        self._begun: set[int] = set()  # owners with a sum in the buffer
        self._tree: deque[tuple[int, int, np.ndarray, np.ndarray]] = deque()  # due cycle, position, owners, sums
        self._latency = (config.multipliers - 1).bit_length() + 1

    def run(self) -> None:
        tiles = self.list.tiles
        loading, left = 0, len(self._weights(0)) if tiles else 0  # the tile that is next to be loaded, weights to come
        streaming, position = 0, 0
        tile: OnMultipliers | None = None
        while streaming < len(tiles) or self._tree:
            if tile is None and streaming < loading:
                tile, position = self._place(tiles[streaming]), 0
            can_load = loading < len(tiles) and loading <= streaming + (tile is not None and self.config.double_buffer)
            if can_load and (self.config.double_buffer or tile is None):
                left -= self.config.load_width
            if tile is not None:
                self._stream(tile, position)
                position += 1
            else:
                self.stalls["load" if streaming < len(tiles) else "drain"] += self.config.multipliers
            self._take_from_tree()
            self.cycle += 1
            if can_load and left <= 0:
                loading += 1
                left = len(self._weights(loading)) if loading < len(tiles) else 0
            if tile is not None and position == len(self.operands.positions):
                self._finish(tile)
                tile, streaming = None, streaming + 1
        self.counts["macs"] = int(self.products.sum())
        self._write_empty_owners()

    def _weights(self, tile: int) -> list[Slot]:
        return [slot for slot in self.list.tiles[tile] if slot.weight is not None]

    def _place(self, slots: list[Slot]) -> OnMultipliers:
        weights = [slot.weight for slot in slots if slot.weight is not None]
        holders = [m for m, slot in enumerate(slots) if slot.weight is not None]
        runs = runs_of(slots, self.config, each_alone=self.operands.updates)
        if not self.operands.updates:
            self.counts["weight_reads"] += len(weights)
        return OnMultipliers(
            slots, np.array(holders), np.array([weight.value for weight in weights]),
            np.array([self.operands.met(weight) for weight in weights]).T,
            np.array([slots[run[0]].owner for run in runs]), np.array([holders.index(run[0]) for run in runs]))

    def _stream(self, tile: OnMultipliers, position: int) -> None:
        """One cycle with a tile's position."""
        met = tile.met[position]
        inside = met != NOTHING
        words = np.where(inside, self._streamed[met], 0)
        self.products[tile.holders[inside]] += 1
        self.stalls["busy"] += int((inside & (tile.values != 0)).sum())
        self.stalls["ineffectual"] += int((inside & (tile.values == 0)).sum())
        self.stalls["outside"] += int((~inside).sum())
        self.stalls["fragmented"] += len(tile.slots) - len(tile.holders)
        self.stalls["unused"] += self.config.multipliers - len(tile.slots)
        self.counts["activation_reads"] += len({*met[inside].tolist()})
        if self.operands.updates:
            self._add_gradients(tile, position, words)
        else:
            sums = np.add.reduceat(words * tile.values, tile.run_starts)
            self.counts["tree_adds"] += len(words) - len(sums)
            self._enter_tree(position, tile.run_owners, sums)

    def _add_gradients(self, tile: OnMultipliers, position: int, words: np.ndarray) -> None:
        image, row, col = self.operands.positions[position]
        of_filter = self.operands.dy[image, :, row, col]
        self.counts["activation_reads"] += len({*tile.run_owners.tolist()})  # dL/dy, a word for each filter
        for m, word in zip(tile.holders, words, strict=True):
            weight = tile.slots[m].weight
            assert weight is not None
            channel = weight.c % self.gradients.shape[1]
            self.gradients[weight.k, channel, weight.r, weight.s] += word * of_filter[weight.k]
        self._enter_tree(position, np.zeros(0, np.int64), np.zeros(0, np.int64))  # the pipeline is as deep

    def _enter_tree(self, position: int, owners: np.ndarray, sums: np.ndarray) -> None:
        self._tree.append((self.cycle + self._latency, position, owners, sums))

    def _take_from_tree(self) -> None:
        """Sums that leave the tree are added to those of their owners in the buffer."""
        if not self._tree or self._tree[0][0] > self.cycle:
            return
        _, position, owners, sums = self._tree.popleft()
        for owner, value in zip(owners.tolist(), sums.tolist(), strict=True):
            self.sums[owner, position] += value
        self.counts["sum_writes"] += len(sums)

    def _finish(self, tile: OnMultipliers) -> None:
        """The end of a tile's stream: which of its runs took up a sum that was there, and gradients that leave."""
        self.stream_ends.append(self.cycle)
        if self.operands.updates:
            self.counts["sum_writes"] += len(tile.holders)
            return
        for owner in tile.run_owners.tolist():
            if owner in self._begun:
                self.counts["sum_reads"] += len(self.operands.positions)
            self._begun.add(owner)

    def _write_empty_owners(self) -> None:
        if not self.operands.updates:
            self.counts["sum_writes"] += len(self.list.empty_owners) * len(self.operands.positions)
