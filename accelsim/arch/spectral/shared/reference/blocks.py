"""How many tiles and kernels are loaded together. Rules 11, 15 and 16 of docs/machines/spectral.md."""

from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.reference.planes import Group
from accelsim.errors import CapacityError


@dataclass(frozen=True)
class Block:
    """Consecutive tile groups and kernel groups, each the range of its tiles or kernels."""

    tile_groups: list[range]
    kernel_groups: list[range]

    @property
    def tiles(self) -> int:
        return sum(map(len, self.tile_groups))

    @property
    def kernels(self) -> int:
        return sum(map(len, self.kernel_groups))


class Blocks:
    """The blocks of a group, in order. `kernel_groups`, `tile_groups`: of a full block."""

    def __init__(self, group: Group, config: SpectralConfig) -> None:
        self.group, self.config = group, config
        self.all_tiles = _groups(group.tiles, config.parallel_tiles)
        self.all_kernels = _groups(group.kernels, config.parallel_kernels)
        values = config.fft_size ** 2 * 2 if config.tile_format == "complex" else group.tile[0] * group.tile[1]
        self.tile_bits = values * config.value_bits
        place_bits = (config.fft_size ** 2 - 1).bit_length()
        self.kernel_bits = config.kept * (2 * config.value_bits + place_bits)
        pairs = [(self._moved(b, t), b, t) for b in self._sizes(0) for t in self._sizes(1) if self._fits(b, t)]
        if not pairs:
            raise CapacityError("no block of kernels and tiles fits the sums that are held (psum_groups); give smaller "
                                "kernel_block or tile_block, or more psum_groups")
        _, self.kernel_groups, self.tile_groups = min(pairs)

    def __iter__(self) -> Iterator[Block]:
        for first_tiles in range(0, len(self.all_tiles), self.tile_groups):
            for first_kernels in range(0, len(self.all_kernels), self.kernel_groups):
                yield Block(self.all_tiles[first_tiles:first_tiles + self.tile_groups],
                            self.all_kernels[first_kernels:first_kernels + self.kernel_groups])

    def _sizes(self, side: int) -> range:
        """Group counts a block may have: of kernels (side 0) or of tiles."""
        wanted = self.config.wanted_block[side]
        groups = len(self.all_tiles) if side else len(self.all_kernels)
        at_once = self.config.parallel_tiles if side else self.config.parallel_kernels
        if wanted:
            size = min(groups, -(-wanted // at_once))
            return range(size, size + 1)
        return range(1, groups + 1)

    def _fits(self, kernel_groups: int, tile_groups: int) -> bool:
        if self.config.one_sided and min(kernel_groups, tile_groups) > 1:
            return False
        return not self.config.held_groups or kernel_groups * tile_groups <= self.config.held_groups

    def _moved(self, kernel_groups: int, tile_groups: int) -> int:
        tiles, kernels, channels = self.group.tiles, self.group.kernels, self.group.channels
        inputs = tiles * channels * self.tile_bits * -(-len(self.all_kernels) // kernel_groups)
        weights = kernels * channels * self.kernel_bits * -(-len(self.all_tiles) // tile_groups)
        return inputs + weights + tiles * kernels * self.tile_bits


def _groups(elements: int, at_once: int) -> list[range]:
    return [range(first, min(first + at_once, elements)) for first in range(0, elements, at_once)]
