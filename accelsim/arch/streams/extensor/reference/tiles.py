"""A matrix as tiles of tiles. Rules: docs/machines/extensor.md, "Tiles" and "Bits"."""

from collections import defaultdict
from dataclasses import dataclass, field

from accelsim.arch.streams.extensor.config import ExTensorConfig

Fiber = dict[int, int]  # k -> value, k ascending


@dataclass
class LlbTile:
    """PE tiles by outer tile (m1 or n1), then k1; each has fibers by outer coordinate (m or n)."""

    tiles: dict[int, dict[int, dict[int, Fiber]]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def inner_tiles(self) -> set[int]:
        """Every k1 that is there."""
        return {k1 for row in self.tiles.values() for k1 in row}


def cut(elements: list[tuple[int, int, int]], config: ExTensorConfig,
        multiplier: int) -> dict[tuple[int, int], LlbTile]:
    """LLB tiles by (outer, k2) from elements (outer, k, value)."""
    side = config.pe_tile
    found: defaultdict[tuple[int, int], LlbTile] = defaultdict(LlbTile)
    for outer, k, value in sorted(elements):
        x1, k1 = outer // side, k // side
        llb = found[x1 // multiplier, k1 // config.multipliers[1]]
        llb.tiles[x1].setdefault(k1, {}).setdefault(outer, {})[k] = value
    return dict(found)


def padded(count: int, bits: int, config: ExTensorConfig) -> int:
    """Bits of `count` numbers, from the begin of a line to the end of one."""
    lines, rest = divmod(count * bits, config.line_bits)
    return (lines + (rest > 0)) * config.line_bits


def list_bits(count: int, config: ExTensorConfig) -> int:
    """A fiber of an upper rank: coordinates, and payloads that point below."""
    return padded(count, config.coordinate_bits, config) + padded(count, config.pointer_bits, config)


def tile_bits(fibers: dict[int, Fiber], config: ExTensorConfig) -> int:
    """A PE tile: the list of its fibers, and all of them."""
    return list_bits(len(fibers), config) + sum(
        padded(len(fiber), config.coordinate_bits, config) + padded(len(fiber), config.value_bits, config)
        for fiber in fibers.values())
