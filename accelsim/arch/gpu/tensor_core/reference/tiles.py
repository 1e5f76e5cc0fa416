"""Tiles: their names, their warps, what of them fits an SM, and which one a layer gets.

Source: docs/machines/tensor_core.md, section Tiles; names and shapes of CUTLASS.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.blocks import OperandBlock, OperandFormat
from accelsim.errors import ConfigError, UnsupportedLayerError


@dataclass(frozen=True)
class ProblemShape:
    """A layer's batched GEMM: `products` times A [m, k] with B [n, k]."""

    products: int
    m: int
    n: int
    k: int


@dataclass(frozen=True)
class Warp:
    """Rows and columns of the CTA tile that one warp owns, and the tensor core it works on."""

    rows: range
    cols: range
    sub_core: int


@dataclass(frozen=True)
class CtaTile:
    """A CTA tile m x n, k values of K per step, and stages of buffers."""

    name: str
    m: int
    n: int
    k: int
    stages: int

    @classmethod
    def named(cls, name: str) -> "CtaTile":
        """`128x64_32x3`: m, n, k, stages. Raises ConfigError for another form."""
        match = re.fullmatch(r"(\d+)x(\d+)_(\d+)x(\d+)", name)
        if match is None:
            raise ConfigError(f"{name!r} is no tile, wanted <M>x<N>_<K>x<stages> as in 128x128_64x3")
        return cls(name, *map(int, match.groups()))

    def warp_grid(self, config: TensorCoreConfig) -> tuple[int, int]:
        """Warps along m and along n."""
        return self.m // self._edge(self.m, config.mma_m, config), self.n // self._edge(self.n, config.mma_n, config)

    def warps(self, config: TensorCoreConfig) -> list[Warp]:
        """All warps, row by row."""
        height, width = self._edge(self.m, config.mma_m, config), self._edge(self.n, config.mma_n, config)
        cores = config.sub_cores_per_sm
        places = [(row, col) for row in range(0, self.m, height) for col in range(0, self.n, width)]
        return [Warp(range(row, row + height), range(col, col + width), (number + number // cores) % cores)
                for number, (row, col) in enumerate(places)]

    @staticmethod
    def _edge(extent: int, instruction: int, config: TensorCoreConfig) -> int:
        return max(instruction, min(config.warp_edge, extent // 2))

    def inner_steps(self, form: OperandFormat, config: TensorCoreConfig) -> int:
        """Instructions one behind the other along a whole step."""
        return -(-(self.k * form.keep // form.group) // config.mma_k)

    def occupancy(self, form: OperandFormat, config: TensorCoreConfig) -> int:
        """CTAs that an SM holds at a time; 0 when the tile does not fit."""
        return min(config.shared_bytes_per_sm // self.shared_bytes(form),
                   config.warps_per_sm // len(self.warps(config)))

    def shared_bytes(self, form: OperandFormat) -> int:
        """Shared memory of one CTA."""
        a, b = form.largest(self.m, self.n, self.k)
        return self.stages * (a.all_bytes + b.all_bytes)

    def unmet_need(self, form: OperandFormat, config: TensorCoreConfig) -> str | None:
        """What the tile would have to have for this design and this layer, or None."""
        for letter, extent, least in (("M", self.m, config.mma_m), ("N", self.n, config.mma_n)):
            if extent < least or extent & (extent - 1):
                return f"{letter} to be a power of two, {least} or more"
        if self.stages < 2:
            return "2 stages or more"
        if self.k < 1 or self.k % form.group:
            return f"K to be a multiple of {form.group}"
        needed, warps = self.shared_bytes(form), len(self.warps(config))
        if needed > config.shared_bytes_per_sm:
            return f"{needed:,} bytes of shared memory, an SM has {config.shared_bytes_per_sm:,}"
        if warps > config.warps_per_sm:
            return f"registers for {warps} warps, an SM has them for {config.warps_per_sm}"
        return None


def choose(layer_name: str, shape: ProblemShape, form: OperandFormat, config: TensorCoreConfig) -> CtaTile:
    """The tile a layer gets. Raises UnsupportedLayerError when none fits, or the named one does not."""
    if config.tile != "auto":
        candidates = [CtaTile.named(config.tile)]
    else:
        candidates = [CtaTile.named(n) for n in (config.dense_tiles if form.runs == "dense" else config.sparse_tiles)]
    unmet = {tile.name: tile.unmet_need(form, config) for tile in candidates}
    fitting = [tile for tile in candidates if unmet[tile.name] is None]
    if not fitting:
        needs = "; ".join(f"{name} needs {need}" for name, need in unmet.items())
        raise UnsupportedLayerError(f"layer {layer_name!r}: it runs {form.runs} and no tile fits ({needs}); give a "
                                    "smaller tile or fewer stages, in `tile` or in the candidates of `auto`")
    return min(fitting, key=lambda tile: _estimate_cycles(tile, shape, form, config))  # the first of equals


def _estimate_cycles(tile: CtaTile, shape: ProblemShape, form: OperandFormat, config: TensorCoreConfig) -> int:
    steps = -(-shape.k // tile.k)
    slices = min(config.split_k, steps)
    ctas = shape.products * slices * -(-shape.m // tile.m) * -(-shape.n // tile.n)
    a, b = form.largest(tile.m, tile.n, tile.k)
    issue = max(full_issue_cycles(tile, form, config))
    shared = shared_cycles(sum(shared_traffic_bytes(tile, a, b, config)), config)
    l2 = -(-min(config.sms, ctas) * (a.all_bytes + b.all_bytes) // config.l2_bytes_per_cycle)
    return -(-ctas // config.sms) * max(map(len, slice_steps(steps, slices))) * max(issue, shared, l2)


def full_issue_cycles(tile: CtaTile, form: OperandFormat, config: TensorCoreConfig) -> list[int]:
    """Issue time of a step without zeros, per tensor core."""
    cycles = [0] * config.sub_cores_per_sm
    for warp in tile.warps(config):
        places = len(warp.rows) // config.mma_m * (len(warp.cols) // config.mma_n)
        cycles[warp.sub_core] += places * tile.inner_steps(form, config) * config.mma_issue_cycles
    return cycles


def shared_traffic_bytes(tile: CtaTile, a: OperandBlock, b: OperandBlock, config: TensorCoreConfig) -> tuple[int, int]:
    """Bytes (written, read) of shared memory in one step: each row of warps reads all of B, each column all of A."""
    down, across = tile.warp_grid(config)
    return a.all_bytes + b.all_bytes, across * a.all_bytes + down * b.all_bytes


def shared_cycles(traffic_bytes: int, config: TensorCoreConfig) -> int:
    """Cycles that shared memory takes for so many bytes."""
    return -(-traffic_bytes // config.shared_bytes_per_cycle)


def slice_steps(steps: int, slices: int) -> Sequence[range]:
    """The steps of each slice of K."""
    return [range(z * steps // slices, (z + 1) * steps // slices) for z in range(slices)]
