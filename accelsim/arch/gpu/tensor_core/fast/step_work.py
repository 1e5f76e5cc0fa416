"""What the multipliers do in each k-step, for events: effectual products, real extents, instructions."""

import numpy as np

from accelsim.arch.gpu.tensor_core.fast.engine import Launch
from accelsim.arch.gpu.tensor_core.fast.operands import layouts, weight_lines
from accelsim.arch.gpu.tensor_core.fast.pattern import strip_counts
from accelsim.arch.machine import Policy
from accelsim.workload.layer import Layer

AT_ONCE = 1 << 14  # steps whose products are summed at once: bounds memory


class StepWork:
    """Of a step of the A tile a (product and tile row) and the B tile b (product and tile column)."""

    def __init__(self, layer: Layer, policy: Policy, launch: Launch) -> None:
        self.layer, self.policy, self.config = layer, policy, launch.config
        self.grid, self.shape, self.layout = launch.grid, launch.shape, launch.setup.layout
        self._operands: tuple[np.ndarray, np.ndarray] | None = None
        self._units: tuple[np.ndarray, np.ndarray] | None = None

    def macs(self, a: np.ndarray, b: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Products of two non-zeros."""
        if self._operands is None:
            self._operands = self._counted()
        return _pairs(self._operands, a, b, step)

    def instructions(self, a: np.ndarray, b: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Instructions of all sub-cores."""
        if self.grid.runs != "dual_side":
            warps = self.shape.warps[0] * self.shape.warps[1]
            return np.full(len(a), warps * self.shape.warp_instructions)
        if self._units is None:
            self._units = self._condensed()
        return _pairs(self._units, a, b, step)

    def real(self, a: np.ndarray, b: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Multiplications inside the real extents; not for dual-side steps, which have no others."""
        tile, grid, layout = self.shape.tile, self.grid, self.layout
        rows = np.minimum(tile.m, grid.rows - a % layout.tile_rows * tile.m)
        columns = np.minimum(tile.n, grid.vectors - b % layout.tile_columns * tile.n)
        deep = np.minimum(tile.k, grid.k - step * tile.k)
        if grid.runs == "n_m":
            deep = deep * self.config.nm_keep // self.config.nm_group
        return rows * columns * deep

    def _counted(self) -> tuple[np.ndarray, np.ndarray]:
        """Non-zeros [tile, step, k] of A and of B, k as the machine orders it."""
        tile, sides = self.shape.tile, ([], [])  # type: ignore[var-annotated]
        orders = self._orders()
        _, taps = weight_lines(self.layer)
        for product, matrices in enumerate(layouts(self.layer)):
            for side, (matrix, edge) in enumerate(zip(matrices, (tile.m, tile.n), strict=True)):
                counts = strip_counts(matrix, edge).astype(np.int64)
                if orders is not None:
                    by_tap = counts.reshape(len(counts), taps, -1)
                    padded = np.concatenate([by_tap, np.zeros((*by_tap.shape[:2], 1), np.int64)], axis=2)
                    counts = padded[:, :, orders[product]].reshape(len(counts), -1)  # -1: the zeros behind
                sides[side].append(counts)
        return self._by_step(sides[0]), self._by_step(sides[1])

    def _orders(self) -> list[np.ndarray] | None:
        """The policy's order of channels, per product, where A is compressed."""
        if self.grid.runs != "n_m":
            return None
        lines, _ = weight_lines(self.layer)
        return [np.asarray(self.policy(own, self.config.nm_keep, self.config.nm_group), np.int64) for own in lines]

    def _condensed(self) -> tuple[np.ndarray, np.ndarray]:
        """Condensed steps [tile, step, k] of A and of B, summed over the warps of a tile."""
        sides, instruction = ([], []), (self.config.mma_m, self.config.mma_n)  # type: ignore[var-annotated]
        for matrices in layouts(self.layer):
            for side in (0, 1):
                counts = strip_counts(matrices[side], self.shape.warp_edges[side]).astype(np.int64)
                units = -(-counts // instruction[side])
                sides[side].append(np.add.reduceat(units, np.arange(0, len(units), self.shape.warps[side]), axis=0))
        return self._by_step(sides[0]), self._by_step(sides[1])

    def _by_step(self, products: list[np.ndarray]) -> np.ndarray:
        """[tile, step, k of the step] from [tile, k] of each product."""
        counts = np.concatenate(products)
        steps, depth = self.layout.steps, self.shape.tile.k
        padded = np.zeros((len(counts), steps * depth), np.int64)
        padded[:, :counts.shape[1]] = counts
        return padded.reshape(len(counts), steps, depth)


def _pairs(counts: tuple[np.ndarray, np.ndarray], a: np.ndarray, b: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Sum over the k of each step of the product of both counts."""
    total = np.empty(len(a), np.int64)
    for low in range(0, len(a), AT_ONCE):
        own = slice(low, low + AT_ONCE)
        total[own] = (counts[0][a[own], step[own]] * counts[1][b[own], step[own]]).sum(axis=1)
    return total
