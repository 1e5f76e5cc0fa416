"""Operands as the GPU lays them out: channels innermost, padded to whole groups, cut into blocks of tile x k-step."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.fast.pattern import (
    condensed_instructions,
    first_violation,
    first_violation_in_place,
    padded_identity,
    strip_counts,
)
from accelsim.arch.gpu.tensor_core.fast.tiles import LaunchGrid, TileShape, core_of, metadata_bytes, value_bytes
from accelsim.arch.gpu.tensor_core.fast.traffic import ABSENT
from accelsim.arch.machine import Policy
from accelsim.errors import ModelError, UnsupportedLayerError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import matrix_products
from accelsim.workload.matmul import Matmul


class Blocks(NamedTuple):
    """table[block]: bytes copied, size in L2, and that it is not there yet; where the kinds B, EA and EB begin."""

    table: np.ndarray
    first: tuple[int, int, int]


class Condensed(NamedTuple):
    """What dual-side cores see: busiest[product x tile row, tile column, step] and all instructions."""

    busiest: np.ndarray
    instructions: int
    blocks: Blocks


def weight_lines(layer: Layer) -> tuple[list[np.ndarray], int]:
    """Per product: lines [rows x taps, channels]; and the taps."""
    if isinstance(layer, Matmul):
        return list(layer.weight), 1
    if isinstance(layer, Conv2d):
        filters, channels, *kernel = layer.weight.shape
        taps = kernel[0] * kernel[1]
        lines = layer.weight.reshape(filters, channels, taps).transpose(0, 2, 1).reshape(layer.groups, -1, channels)
        return list(lines), taps
    raise UnsupportedLayerError(f"layer {layer.name!r}: no rule turns a {layer.op} into matrix products")


def grid_of(layer: Layer, config: TensorCoreConfig, policy: Policy) -> LaunchGrid:
    """The layer as it is launched. Raises UnsupportedLayerError where N:M does not hold and the policy insists."""
    runs = config.mode
    if runs == "n_m":
        passes = derived(layer, ("tensor_core n:m", config.nm_keep, config.nm_group, policy),
                         lambda: _passes(layer, *weight_lines(layer), config, policy))
        runs = "n_m" if passes else "dense"
    return grid_that_runs(runs, layer, config)


def grids_of_any_policy(layer: Layer, config: TensorCoreConfig) -> list[LaunchGrid]:
    """The layer as any policy could launch it; more where an order that passes is not ruled out by its fullest line."""
    if config.mode != "n_m":
        return [grid_that_runs(config.mode, layer, config)]
    lines, _ = weight_lines(layer)
    room = -(-lines[0].shape[1] // config.nm_group) * config.nm_keep
    fullest = max(int(np.count_nonzero(product, axis=1).max()) for product in lines)
    return [grid_that_runs(runs, layer, config) for runs in ("n_m", "dense") if runs == "dense" or fullest <= room]


def grid_that_runs(runs: str, layer: Layer, config: TensorCoreConfig) -> LaunchGrid:
    """The layer as it is launched dense, n_m or dual_side."""
    lines, taps = weight_lines(layer)
    channels = lines[0].shape[1]
    group = config.nm_group if runs == "n_m" else 1
    vectors = (layer.activation.shape[1] if isinstance(layer, Matmul)
               else layer.activation.shape[0] * layer.out_plane[0] * layer.out_plane[1])  # type: ignore[attr-defined]
    return LaunchGrid(runs, len(lines), len(lines[0]) // taps, vectors, taps * -(-channels // group) * group)


def _passes(layer: Layer, lines: list[np.ndarray], taps: int, config: TensorCoreConfig, policy: Policy) -> bool:
    """Whether the layer runs compressed; the policy's orders are checked on every group."""
    keep, group = config.nm_keep, config.nm_group
    orders = [policy(product, keep, group) for product in lines]
    if any(order is None for order in orders):
        return False
    identity = padded_identity(lines[0].shape[1], group)
    for index, (product, order) in enumerate(zip(lines, orders, strict=True)):
        order = np.asarray(order, np.int64)
        if order.shape != identity.shape or not np.array_equal(np.sort(order), np.sort(identity)):
            raise ModelError(f"layer {layer.name!r}: the policy's order does not hold every channel once; "
                             "see accelsim.arch.gpu.tensor_core.policies for what it must return")
        if np.array_equal(order, identity):
            line, at, found = first_violation_in_place(product, keep, group)
        else:
            line, at, found = first_violation(product, order, keep, group)
        if line >= 0:
            row, tap = index * (len(product) // taps) + line // taps, line % taps
            members = [str(channel) for channel in order[at * group:(at + 1) * group] if channel >= 0]
            raise UnsupportedLayerError(
                f"layer {layer.name!r}: the weight is not {keep}:{group} sparse: row {row}"
                f"{f', tap {tap}' if taps > 1 else ''}, group {at} (channels {', '.join(members)}) has {found} "
                f"non-zeros, at most {keep} are wanted; {_ways_out(layer, config)}")
    return True


def _ways_out(layer: Layer, config: TensorCoreConfig) -> str:
    text = (f"prune it (accelsim prune --nm {config.nm_keep}:{config.nm_group}) or choose the policy dense_fallback or "
            "permute_channels")
    batched = isinstance(layer, Matmul) and layer.weight.shape[0] > 1
    return text + ("; a product of two activations, as in attention, has no weight to prune: dense_fallback runs it"
                   if batched else "")


def plain_blocks(layer: Layer, grid: LaunchGrid, shape: TileShape, config: TensorCoreConfig) -> Blocks:
    """Blocks whose bytes follow from their extents: dense and N:M."""
    high, wide = _extents(grid.rows, shape.tile.m), _extents(grid.vectors, shape.tile.n)
    deep = _extents(grid.k, shape.tile.k)
    compressed = grid.runs == "n_m"
    a = _table(high, deep, lambda rows, k: value_bytes(rows, k, config, compressed))
    b = _table(wide, deep, lambda rows, k: value_bytes(rows, k, config, False))
    ea = _table(high, deep, lambda rows, k: metadata_bytes(rows, k, config, grid.runs))
    parts = [a, b, ea if compressed else ea[:0], b[:0]]
    return _blocks(layer, grid, [np.tile(part.ravel(), grid.products) for part in parts])


def condensed(layer: Layer, grid: LaunchGrid, shape: TileShape, config: TensorCoreConfig) -> Condensed:
    """Dual-side: instructions and blocks from the real non-zeros of every warp strip and k."""
    cores = np.array([core_of(w, config.sub_cores_per_sm) for w in range(shape.warps[0] * shape.warps[1])], np.int64)
    starts = np.arange(0, grid.k, shape.tile.k)
    busiest, total, values = [], 0, ([], [])  # type: ignore[var-annotated]
    for a, b in layouts(layer):
        counts = [strip_counts(side, edge) for side, edge in zip((a, b), shape.warp_edges, strict=True)]
        units = [-(-count // unit) for count, unit in zip(counts, (config.mma_m, config.mma_n), strict=True)]
        most, instructions = condensed_instructions(units[0], units[1], shape.warps[0], shape.warps[1], shape.tile.k,
                                                    cores, config.sub_cores_per_sm)
        busiest.append(most)
        total += int(instructions)
        for side in (0, 1):
            per_step = np.add.reduceat(counts[side], starts, axis=1, dtype=np.int64)
            strips = np.arange(0, len(per_step), shape.warps[side])
            values[side].append(np.add.reduceat(per_step, strips, axis=0).ravel())
    to_bytes = [-(-np.concatenate(side) * config.operand_bits // 8) for side in values]
    maps = [np.tile(_table(_extents(rows, edge), _extents(grid.k, shape.tile.k),
                           lambda high, k: metadata_bytes(high, k, config, grid.runs)).ravel(), grid.products)
            for rows, edge in ((grid.rows, shape.tile.m), (grid.vectors, shape.tile.n))]
    return Condensed(np.concatenate(busiest), total, _blocks(layer, grid, [*to_bytes, *maps]))


def layouts(layer: Layer) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per product: A [rows, k] and B [vectors, k] with channels innermost."""
    _, taps = weight_lines(layer)
    for product in matrix_products(layer):
        yield tuple(np.ascontiguousarray(  # type: ignore[misc]
            side.reshape(len(side), -1, taps).transpose(0, 2, 1).reshape(len(side), -1))
            for side in (product.matrix, product.vectors))


def _blocks(layer: Layer, grid: LaunchGrid, parts: list[np.ndarray]) -> Blocks:
    sizes = [parts[0], _in_l2(layer, grid, parts[1]), parts[2], _in_l2(layer, grid, parts[3])]
    first = np.cumsum([len(part) for part in parts])
    copied, size = np.concatenate(parts), np.concatenate(sizes)
    return Blocks(np.stack([copied, size, np.full(len(copied), ABSENT)], axis=1),
                  (int(first[0]), int(first[1]), int(first[2])))


def _in_l2(layer: Layer, grid: LaunchGrid, b_bytes: np.ndarray) -> np.ndarray:
    """Size of blocks of B in L2: a convolution's activations, not their im2col."""
    if not isinstance(layer, Conv2d):
        return b_bytes
    distinct = layer.activation.size // layer.groups
    expanded = grid.vectors * layer.weight[0].size
    return b_bytes if distinct >= expanded else -(-b_bytes * distinct // expanded)


def _extents(whole: int, part: int) -> list[int]:
    return [min(part, whole - low) for low in range(0, whole, part)]


def _table(rows: list[int], depths: list[int], of: object) -> np.ndarray:
    """of(rows, k) for every block [tile, step]; only the last of each can differ."""
    table = np.empty((len(rows), len(depths)), np.int64)
    table[:, :] = of(rows[0], depths[0])  # type: ignore[operator]
    table[-1, :] = of(rows[-1], depths[0])  # type: ignore[operator]
    table[:, -1] = of(rows[0], depths[-1])  # type: ignore[operator]
    table[-1, -1] = of(rows[-1], depths[-1])  # type: ignore[operator]
    return table
