"""How a group is cut into blocks, and what each has to do and to move. Rules 15, 16 and "DRAM" of the family's page."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.fast.lowering import LoweredGroup
from accelsim.errors import CapacityError


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks in order. groups: (kernel groups B, tile groups T) of a whole one; the arrays are int64 [block].

    tile_groups, kernel_groups, tiles, kernels: what a block has. rows: S summed over its kernel groups and channels.
    """

    groups: tuple[int, int]
    tile_groups: np.ndarray
    kernel_groups: np.ndarray
    tiles: np.ndarray
    kernels: np.ndarray
    rows: np.ndarray

    @property
    def hadamard_cycles(self) -> np.ndarray:
        return self.tile_groups * self.rows


def blocks_of(name: str, group: LoweredGroup, config: SpectralConfig, rows: np.ndarray) -> Blocks:
    """The blocks of a group of layer `name`; rows int64 [kernel group, channel] of its schedules."""
    sizes = chosen_block(name, group, config)
    kernels = np.minimum(config.parallel_kernels, group.kernels - config.parallel_kernels * np.arange(len(rows)))
    tile_groups = -(-group.tiles // config.parallel_tiles)
    tiles = np.minimum(config.parallel_tiles, group.tiles - config.parallel_tiles * np.arange(tile_groups))
    of_kernels = [_added(values, sizes[0]) for values in (np.ones_like(kernels), kernels, rows.sum(axis=1))]
    of_tiles = [_added(values, sizes[1]) for values in (np.ones_like(tiles), tiles)]
    across, down = len(of_kernels[0]), len(of_tiles[0])
    return Blocks(sizes, np.repeat(of_tiles[0], across), np.tile(of_kernels[0], down), np.repeat(of_tiles[1], across),
                  np.tile(of_kernels[1], down), np.tile(of_kernels[2], down))


def _added(values: np.ndarray, block: int) -> np.ndarray:
    return np.add.reduceat(values, np.arange(0, len(values), block))


def tile_bits(group: LoweredGroup, config: SpectralConfig) -> int:
    """Of a tile in DRAM."""
    if config.tile_format == "complex":
        return config.positions * config.complex_bits
    return group.tile[0] * group.tile[1] * config.value_bits


def chosen_block(name: str, group: LoweredGroup, config: SpectralConfig) -> tuple[int, int]:
    """(B, T): those that move the fewest bits."""
    counts = -(-group.kernels // config.parallel_kernels), -(-group.tiles // config.parallel_tiles)
    wanted = [-(-size // width) for size, width in zip(
        config.wanted_block, (config.parallel_kernels, config.parallel_tiles), strict=True)]
    sizes = [[min(count, size)] if size else _sizes(count) for count, size in zip(counts, wanted, strict=True)]
    limit = config.held_groups
    inputs = group.tiles * group.channels * tile_bits(group, config)
    weights = group.kernels * group.channels * config.kernel_bits
    fits = [(inputs * -(-counts[0] // b) + weights * -(-counts[1] // t), b, t) for b in sizes[0] for t in sizes[1]
            if (not limit or b * t <= limit) and (not config.one_sided or 1 in (b, t))]
    if not fits:
        raise CapacityError(f"layer {name!r}: no block of {sizes[0][0]} kernel groups and {sizes[1][0]} tile groups or "
                            f"more fits psum_groups {limit}; raise psum_groups, or lower kernel_block or tile_block")
    return min(fits)[1:]


def _sizes(count: int) -> list[int]:
    """The least size for each number of blocks that `count` groups can make."""
    sizes, size = [], 1
    while size <= count:
        sizes.append(size)
        blocks = -(-count // size)
        size = count + 1 if blocks == 1 else -(-count // (blocks - 1))
    return sizes
