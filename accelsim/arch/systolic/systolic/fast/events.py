"""What a systolic array does when, wavefront by wavefront: PEs (r, c) with the same r + c work in step.

The d-th wavefront gets its first operands d cycles after the first PE, streams for as long as every other and then
drains, so that its slices have exact bounds with and without double buffering. Rules: docs/machines/systolic.md.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from accelsim.arch.activity import Activity, Chunk, Window
from accelsim.arch.machine import Policy
from accelsim.arch.systolic.shared.fast.array import ArrayDesign
from accelsim.arch.systolic.systolic.config import SystolicConfig
from accelsim.arch.systolic.systolic.fast.engine import checked, fastest
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

BUSY, INEFFECTUAL, UNUSED, LOAD, FILL, DRAIN, STREAM, LOAD_AND_FILL = range(8)
LABELS = ("gemm", "row tile", "column tile")
CHUNK_CELLS = 1 << 16  # tiles x wavefronts of one chunk: bounds memory


def events(layer: Layer, config: SystolicConfig, policy: Policy, window: Window) -> Activity:
    """Tracks: wavefronts of the PEs that tiles lie on, and the PEs that none lies on."""
    array = ArrayDesign(config.rows, config.cols, config.double_buffer, checked(policy))
    products = kept_products(layer)
    sizes = _Product(0, products[0], config, array).wave_sizes  # products of a layer have one shape, so one schedule
    outside = config.rows * config.cols - int(sizes.sum())
    units = [f"wavefront {d}" for d in range(len(sizes))]
    if outside:
        units, sizes = [*units, "PEs without a tile"], np.append(sizes, outside)
    return Activity(units, sizes, ("stream", "load and fill"), LABELS, _chunks(products, config, array, window))


def _chunks(products: list[MatrixProduct], config: SystolicConfig, array: ArrayDesign,
            window: Window) -> Iterator[Chunk]:
    begin = 0
    for index, matrices in enumerate(products):
        product = _Product(index, matrices, config, array)
        end = begin + product.cycles
        if window.meets(begin, end):
            if config.rows * config.cols > product.wave_sizes.sum():
                outside = [[len(product.wave_sizes), UNUSED, begin, end]]
                yield Chunk(np.array(outside, np.int64), np.array([[index, -1, -1]], np.int64), begin)
            low, high = product.tiles_in(window, begin)
            at_once = max(1, CHUNK_CELLS // len(product.wave_sizes))
            for first in range(low, high, at_once):
                yield product.chunk(begin, range(first, min(high, first + at_once)))
        begin = end


class _Product:
    """One matrix product on the array, in the words of the rules: docs/machines/systolic.md, "Time".

    area: rows and columns of PEs that wait for the wave; cut: of a tile's part of the `extents`. streams: cycles of a
    tile's stream; lead: from a tile's begin to the first PE's first operands; period: from tile to tile.
    """

    def __init__(self, index: int, product: MatrixProduct, config: SystolicConfig, array: ArrayDesign) -> None:
        self.index, self.product, self.double_buffer = index, product, array.double_buffer
        self.dataflow, work = fastest(product, config, array)
        self.cycles = work.cycles
        (m, k), n = product.matrix.shape, len(product.vectors)
        self.extents, self.streams = {"ws": ((k, m), n), "is": ((k, n), m), "os": ((m, n), k)}[self.dataflow]
        self.cut = (array.tile_height(self.extents[0], array.rows), array.tile_height(self.extents[1], array.cols))
        stationary = self.dataflow != "os"
        self.area = (self.cut[0], array.cols) if stationary else self.cut
        self.lead = 1 if stationary else 0
        self.tail = sum(self.area) - 1 + (0 if stationary else self.area[0] - 1)  # drain of the first PE
        if array.double_buffer:
            self.period = max(self.streams, *self.area) if stationary else max(self.streams, self.area[0])
        else:
            self.period = self.lead + self.streams + self.tail
        self.grid = (-(-self.extents[0] // self.cut[0]), -(-self.extents[1] // self.cut[1]))

    @cached_property
    def wave_sizes(self) -> np.ndarray:
        """PEs of each wavefront."""
        return self._by_wave(np.ones(self.area, np.int64))

    def _by_wave(self, per_pe: np.ndarray) -> np.ndarray:
        """Sums of per_pe[row, col] over each wavefront."""
        waves = np.zeros(sum(self.area) - 1, np.int64)
        rows, cols = np.indices(per_pe.shape)
        np.add.at(waves, (rows + cols).ravel(), per_pe.ravel())
        return waves

    def tiles_in(self, window: Window, begin: int) -> tuple[int, int]:
        """The first tile, and the one after the last, of which anything may lie in the window."""
        longest = self.lead + len(self.wave_sizes) + self.period + self.tail
        low = max(0, (window.begin - begin - longest) // self.period)
        high = -(-(window.end - begin) // self.period)
        return low, min(self.grid[0] * self.grid[1], high)

    def chunk(self, begin: int, tiles: range) -> Chunk:
        """The given tiles of the product, which begins at `begin`."""
        wave, last = np.arange(len(self.wave_sizes)), self.grid[0] * self.grid[1] - 1
        slices, parts, labels = [], [], []
        for tile in tiles:
            row, col = divmod(tile, self.grid[1])
            if self.dataflow != "os":
                col, row = divmod(tile, self.grid[0])
            start = begin + tile * self.period
            stream = start + self.lead + wave
            until = stream + self.streams
            rows = [(STREAM, stream, until)]
            if tile == 0 or not self.double_buffer:
                rows.append((LOAD_AND_FILL if self.lead else FILL, np.full(len(wave), start), stream))
            if tile == last or not self.double_buffer:
                rows.append((DRAIN, until, np.full(len(wave), start + self.lead + self.streams + self.tail)))
            elif self.period > self.streams:
                rows.append((LOAD, until, stream + self.period))
            for name, low, high in rows:
                slices.append(np.column_stack([wave, np.full(len(wave), name), low, high]))
                parts.append(self._parts(name, row, col))
                labels.append(np.tile([self.index, row, col], (len(wave), 1)))
        table, end = np.concatenate(slices), begin + tiles.stop * self.period
        kept = table[:, 3] > table[:, 2]
        return Chunk(table[kept], np.concatenate(labels)[kept], end, np.concatenate(parts)[kept])

    def _parts(self, name: int, row: int, col: int) -> np.ndarray:
        """Slot-cycles [wavefront, stall] of a slice of several stalls."""
        parts = np.zeros((len(self.wave_sizes), DRAIN + 1), np.int64)
        if name == LOAD_AND_FILL:
            rows, cols = np.indices(self.area)
            parts[:, LOAD], parts[:, FILL] = self._by_wave(rows + 1), self._by_wave(cols)
        elif name == STREAM:
            effectual = self._effectual(row, col)
            parts[:, BUSY] = self._by_wave(effectual)
            real = self._by_wave(np.full(effectual.shape, self.streams))
            parts[:, INEFFECTUAL], parts[:, UNUSED] = real - parts[:, BUSY], self.wave_sizes * self.streams - real
        return parts

    def _effectual(self, row: int, col: int) -> np.ndarray:
        """Products of two non-zeros of each PE [row, col] that the tile really fills."""
        rows, cols = (slice(i * cut, (i + 1) * cut) for i, cut in zip((row, col), self.cut, strict=True))
        weights, vectors = self.product.matrix, self.product.vectors
        if self.dataflow == "os":
            pairs = (weights[rows] != 0).astype(np.float64) @ (vectors[cols] != 0).astype(np.float64).T
            return pairs.astype(np.int64)  # whole numbers far below 2^53
        held = weights if self.dataflow == "ws" else vectors
        return (held[cols, rows] != 0).T * self._streamed[rows, None]

    @cached_property
    def _streamed(self) -> np.ndarray:
        """Non-zeros of the streamed operand per k."""
        streamed = self.product.vectors if self.dataflow == "ws" else self.product.matrix
        return column_nonzeros(streamed).astype(np.int64)
