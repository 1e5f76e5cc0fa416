"""`kn`, `cn`, `ck`: PEs hold different weights; the columns of `kn` and `cn` different images."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.balance import Share
from accelsim.arch.training.procrustes.reference.loops import LoopAxis, Loops
from accelsim.arch.training.procrustes.reference.sets import WeightSet
from accelsim.arch.training.procrustes.reference.tiling import PeTiling
from accelsim.arch.training.procrustes.reference.traffic import PassTraffic
from accelsim.arch.training.procrustes.reference.values import Tensors


class WeightsInSpace:
    """The array in one pass. Stalls are PE-cycles."""

    def __init__(self, loops: Loops, tiling: PeTiling, config: ProcrustesConfig, phase: str, tensors: Tensors) -> None:
        self.loops, self.config, self.phase, self.tensors = loops, config, phase, tensors
        self.stalls: Counter[str] = Counter()
        self.products = np.zeros((config.pe_rows, config.pe_cols), np.int64)  # of each PE
        by_landing = tiling.axes.input_plane
        self._rows = _cut(loops.rows, tiling.words.p, tiling.tile_rows, by_landing)
        self._cols = _cut(loops.cols, tiling.words.q, tiling.tile_cols, by_landing)

    def walk(self, one: WeightSet, share: Share, traffic: PassTraffic) -> tuple[int, int]:
        """All waves of a set. Returns its cycles and how many PEs hold sums of the same weight."""
        cycles = holders = 0
        for images, columns in self._rounds():
            made = [0] * len(share.weights)  # products of each PE, in each of its columns with an image
            for plane_tile in self._plane_tiles():
                for pe, weights in enumerate(share.weights):
                    made[pe] += sum(self._multiply(weight, images, *plane_tile) // columns for weight in weights)
                traffic.wave(one, len(images))
            self._book(made, columns)
            cycles += self._wait_for_slowest(one, made, columns)
            holders = max(holders, columns)
        return cycles, holders

    def _book(self, made: list[int], columns: int) -> None:
        """Count a round's products for the PEs; in `kn` and `cn` all columns with an image made as many."""
        if self.config.dataflow == "ck":
            self.products += np.reshape(made, self.products.shape)
        else:
            self.products[:, :columns] += np.reshape(made, (-1, 1))

    def _rounds(self) -> Iterator[tuple[range, int]]:
        """Images that are on the array together, and the columns that a row's weights work in."""
        if self.config.dataflow == "ck":
            yield range(self.loops.images), 1  # one image after the other: nothing waits between them
            return
        for first in range(0, self.loops.images, self.config.pe_cols):
            images = range(first, min(first + self.config.pe_cols, self.loops.images))
            yield images, len(images)

    def _plane_tiles(self) -> Iterator[tuple[list[range], list[range]]]:
        """Outputs of each plane tile: rows for each tap r, columns for each tap s."""
        for rows in self._rows:
            for cols in self._cols:
                yield rows, cols

    def _multiply(self, weight: Any, images: range, rows: list[range], cols: list[range]) -> int:
        made = self.tensors.multiply(self.phase, weight, images, rows[weight.r], cols[weight.s])
        self.stalls["busy" if weight.value != 0 else "ineffectual"] += made
        return made

    def _wait_for_slowest(self, one: WeightSet, made: list[int], columns: int) -> int:
        """The waves of a set have equal loads, so that a round lasts as long as its slowest PE."""
        slowest = max(made)
        width = 1 if self.config.dataflow == "ck" else self.config.pe_cols
        for products, tile in zip(made, one.tiles, strict=True):
            if tile.owned or products > 0:
                self.stalls["barrier"] += (slowest - products) * columns
                self.stalls["unused"] += slowest * (width - columns)
            else:
                self.stalls["unused"] += slowest * width
        return slowest


def _cut(axis: LoopAxis, size: int, tiles: int, by_landing: bool) -> list[list[range]]:
    """outputs[plane tile][tap]: the outputs themselves are cut, or the inputs that they land on."""
    if by_landing:
        places = [[axis.landing(output, tap) // size for output in range(axis.outputs)] for tap in range(axis.taps)]
    else:
        places = [[output // size for output in range(axis.outputs)]] * axis.taps
    return [[_run(tile, of_tap) for of_tap in places] for tile in range(tiles)]


def _run(tile: int, places: list[int]) -> range:
    """The outputs in a tile; landing places ascend with the outputs."""
    first = sum(place < tile for place in places)
    return range(first, first + places.count(tile))
