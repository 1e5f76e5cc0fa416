"""The tensor cores of an SM: one step of a CTA, instruction by instruction, on what lies in shared memory.

Source: docs/machines/tensor_core.md, Time of a step; NVIDIA's selection of B by the metadata of A [paper]; Wang et
al.'s condensed outer products [DSTC].
"""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.blocks import positions, unpack
from accelsim.arch.gpu.tensor_core.reference.grid import CtaGrid
from accelsim.arch.gpu.tensor_core.reference.tiles import Warp


class Stage:
    """One buffer of a CTA's shared memory: payloads of one step by name, A, B, EA, EB."""

    def __init__(self, rows: int, cols: int, k: int) -> None:
        """The real extents of the step."""
        self.rows, self.cols, self.k = rows, cols, k
        self.payloads: dict[str, np.ndarray] = {}


@dataclass
class InstructionWork:
    """What the tensor cores did in one step. inside: multiplications issued inside the real extents."""

    issue_cycles: list[int]
    instructions: int = 0
    macs: int = 0
    inside: int = 0


def work_off(grid: CtaGrid, stage: Stage, sums: np.ndarray) -> InstructionWork:
    """All instructions of a step; their products are added to `sums` [tile row, tile column]."""
    work = InstructionWork([0] * grid.config.sub_cores_per_sm)
    operands = (CondensedOperands if grid.form.runs == "dual_side" else KeptOperands)(grid, stage)
    for warp in grid.warps:
        before = work.instructions
        operands.issue(warp, sums, work)
        work.issue_cycles[warp.sub_core] += (work.instructions - before) * grid.config.mma_issue_cycles
    return work


class KeptOperands:
    """A in kept places with their positions in K, B whole; both filled up with zeros to whole instructions."""

    def __init__(self, grid: CtaGrid, stage: Stage) -> None:
        self.config, self.stage = grid.config, stage
        tile, form = grid.tile, grid.form
        kept = stage.payloads["A"]
        self.kept = kept.shape[1]
        places = tile.inner_steps(form, grid.config) * grid.config.mma_k
        self.a = np.zeros((tile.m, places), np.int64)
        self.a[:stage.rows, :self.kept] = kept
        self.position = np.zeros((tile.m, places), np.int64)
        self.position[:stage.rows, :self.kept] = positions(unpack(stage.payloads["EA"], kept.shape, form.index_bits),
                                                           form.keep, form.group)
        self.b = np.zeros((tile.n, tile.k), np.int64)
        self.b[:stage.cols, :stage.k] = stage.payloads["B"]

    def issue(self, warp: Warp, sums: np.ndarray, work: InstructionWork) -> None:
        """Every instruction of the warp's tile, also where it is all padding."""
        height, width, depth = self.config.mma_m, self.config.mma_n, self.config.mma_k
        for place in range(0, self.a.shape[1], depth):
            for row in warp.rows[::height]:
                for col in warp.cols[::width]:
                    self._multiply(range(row, row + height), range(col, col + width), range(place, place + depth),
                                   sums, work)

    def _multiply(self, rows: range, cols: range, places: range, sums: np.ndarray, work: InstructionWork) -> None:
        a = self.a[rows.start:rows.stop, places.start:places.stop]
        position = self.position[rows.start:rows.stop, places.start:places.stop]
        selected = self.b[cols.start:cols.stop, position]  # [col, row, place]
        products = a * selected
        sums[rows.start:rows.stop, cols.start:cols.stop] += products.sum(axis=2).T
        work.instructions += 1
        work.macs += int(np.count_nonzero(products))
        work.inside += _within(rows, self.stage.rows) * _within(cols, self.stage.cols) * _within(places, self.kept)


def _within(part: range, extent: int) -> int:
    """How many of `part` are below `extent`."""
    return max(0, min(part.stop, extent) - part.start)


class CondensedStrip:
    """Non-zeros of one operand, k by k, and the bitmap [k, row] that says whose they are."""

    def __init__(self, values: np.ndarray, bitmap: np.ndarray) -> None:
        self.values, self.bitmap = values, bitmap
        counted = np.cumsum(bitmap).reshape(bitmap.shape)
        self.first = counted - bitmap  # non-zeros before each bit

    def condense(self, k: int, rows: range) -> tuple[np.ndarray, np.ndarray]:
        """Values and row numbers of the non-zeros at k among `rows`."""
        bits = self.bitmap[k, rows.start:rows.stop]
        if not bits.any():
            return self.values[:0], np.zeros(0, np.int64)
        first = int(self.first[k, rows.start])
        return self.values[first:first + int(bits.sum())], rows.start + np.flatnonzero(bits)


class CondensedOperands:
    """Both operands condensed: an outer product for each k, in steps of mma_m by mma_n non-zeros."""

    def __init__(self, grid: CtaGrid, stage: Stage) -> None:
        self.config, self.stage = grid.config, stage
        payloads = stage.payloads
        self.a = CondensedStrip(payloads["A"], unpack(payloads["EA"], (stage.k, stage.rows), 1))
        self.b = CondensedStrip(payloads["B"], unpack(payloads["EB"], (stage.k, stage.cols), 1))

    def issue(self, warp: Warp, sums: np.ndarray, work: InstructionWork) -> None:
        """Every instruction of the warp's tile; the sums are scattered to where the bitmaps say."""
        rows, cols = _clipped(warp.rows, self.stage.rows), _clipped(warp.cols, self.stage.cols)
        if not rows or not cols:
            return
        for k in range(self.stage.k):
            self._outer_product(*self.a.condense(k, rows), *self.b.condense(k, cols), sums, work)

    def _outer_product(self, a: np.ndarray, rows: np.ndarray, b: np.ndarray, cols: np.ndarray, sums: np.ndarray,
                       work: InstructionWork) -> None:
        height, width = self.config.mma_m, self.config.mma_n
        for row in range(0, len(a), height):
            for col in range(0, len(b), width):
                products = np.outer(a[row:row + height], b[col:col + width])
                sums[np.ix_(rows[row:row + height], cols[col:col + width])] += products
                work.instructions += 1
                work.macs += products.size
                work.inside += height * width


def _clipped(part: range, extent: int) -> range:
    return range(part.start, min(part.stop, extent))


def multiplies_per_instruction(config: TensorCoreConfig) -> int:
    """Multiplications that one instruction issues."""
    return int(config.mma_m * config.mma_n * config.mma_k)
