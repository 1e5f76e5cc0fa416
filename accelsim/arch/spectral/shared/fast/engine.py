"""The fast engine of spectral machines: groups of a layer are lowered, scheduled, cut into blocks and accounted.

A kind's engine is a `SpectralEngine` that says how its blocks take time. Rules: docs/machines/spectral.md.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.spectral.shared.alike import SpectralMachine
from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.fast.blocks import Blocks, blocks_of, tile_bits
from accelsim.arch.spectral.shared.fast.lowering import LoweredGroup, Rows, least_rows, lowered_groups, scheduled
from accelsim.hw.memory.tiles import MayStay, Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

Cycles = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class GroupRun:
    """A group of a layer on a design. others: by stall, cycles of each block besides those of its steps."""

    group: LoweredGroup
    rows: Rows
    blocks: Blocks
    others: Cycles

    @property
    def cycles(self) -> np.ndarray:
        """[block]"""
        return sum(self.others.values(), start=self.blocks.hadamard_cycles)


class SpectralEngine(ABC):
    """What the kinds share."""

    def __init__(self, model: type[SpectralMachine[Any]]) -> None:
        self.model = model()

    # what a kind has of its own

    @abstractmethod
    def other_cycles(self, group: LoweredGroup, blocks: Blocks, config: Any) -> Cycles:
        """By stall, cycles of each block besides those of its steps."""

    def extra_passes(self, config: Any) -> int:
        """Channel passes beyond the channels."""
        return 0

    def loaded_bits(self, run: GroupRun, config: Any) -> tuple[np.ndarray, np.ndarray]:
        """Weights and inputs that each block fetches."""
        channels, blocks = run.group.channels, run.blocks
        return (blocks.kernels * channels * config.kernel_bits,
                blocks.tiles * channels * tile_bits(run.group, config))

    # what all do

    def run(self, layer: Layer, config: Any, policy: Policy) -> LayerRun:
        stalls: Counter[str] = Counter(dict.fromkeys(self.model.stall_names, 0))
        counts: Counter[str] = Counter(dict.fromkeys(self.model.count_names, 0))
        parts, shares = [], []
        runs = list(self.groups(layer, config, policy))
        for run in runs:
            stalls.update(_product_stalls(run, config))
            stalls.update({name: config.slots * int(cycles.sum()) for name, cycles in run.others.items()})
            counts.update(self._counts(run, config))
            parts.append(self._tiles(run, config))
            shares.append(_work(run.group, config))
        counts["complex_multiplies"] = counts["psum_updates"] = stalls["busy"] + stalls["zero_operand"]
        return LayerRun(cycles=sum(int(run.cycles.sum()) for run in runs), slots=config.slots, stalls={**stalls},
                        counts={**counts}, mapping=_mapping(runs, config), tiles=Tiles.joined(parts),
                        work=PeWork.of_products(shares, ("busy", "zero_operand")))

    def bound_cycles(self, layer: Layer, config: Any, run: LayerRun) -> int:
        """Cycles below which no schedule takes the design."""
        total = 0
        for number, group in enumerate(lowered_groups(layer, config)):
            least = least_rows(layer, number, group, config)
            total += int(self._group_run(layer.name, group, least, config).cycles.sum())
        return total

    def groups(self, layer: Layer, config: SpectralConfig, policy: Policy) -> Iterator[GroupRun]:
        for number, group in enumerate(lowered_groups(layer, config)):
            yield self._group_run(layer.name, group, scheduled(layer, number, group, config, policy), config)

    def _group_run(self, name: str, group: LoweredGroup, rows: Rows, config: SpectralConfig) -> GroupRun:
        blocks = blocks_of(name, group, config, rows.rows)
        return GroupRun(group, rows, blocks, self.other_cycles(group, blocks, config))

    def _counts(self, run: GroupRun, config: SpectralConfig) -> dict[str, int]:
        group, blocks = run.group, run.blocks
        passes = group.channels + self.extra_passes(config)
        fft_tiles, ifft_tiles = int(blocks.tiles.sum()) * group.channels, group.tiles * group.kernels
        hadamard = int(blocks.hadamard_cycles.sum())
        own = _kernels_of_groups(group, config)
        return {"hadamard_cycles": hadamard, "index_rows_read": hadamard,
                "replica_reads": group.tiles * int(run.rows.reads.sum()),
                "values_read": _tile_groups(group, config) * int(own @ run.rows.rows.sum(axis=1)),
                "fft_tiles": fft_tiles, "replica_writes": fft_tiles * config.positions * config.copies,
                "ifft_tiles": ifft_tiles, "overlap_adds": ifft_tiles * config.positions,
                "input_loads": int(blocks.tile_groups.sum()) * passes,
                "kernel_loads": int(blocks.kernel_groups.sum()) * passes,
                "runs": int((blocks.tile_groups * blocks.kernel_groups).sum()) * passes}

    def _tiles(self, run: GroupRun, config: SpectralConfig) -> Tiles:
        weights, inputs = self.loaded_bits(run, config)
        outputs = run.blocks.tiles * run.blocks.kernels * tile_bits(run.group, config)
        return Tiles.of(run.cycles, weights, inputs, outputs, may_stay=MayStay(self.model.weights_stay, False, False))


def _product_stalls(run: GroupRun, config: SpectralConfig) -> dict[str, int]:
    """Slot-cycles of the group's steps."""
    group, own = run.group, _kernels_of_groups(run.group, config)
    rows = run.rows.rows.sum(axis=1)  # [kernel group]
    entries = group.tiles * group.kernels * group.channels * config.kept
    busy = int(group.live_tiles @ group.live_values)
    missing_tiles = _tile_groups(group, config) * config.parallel_tiles - group.tiles
    return {"busy": busy, "zero_operand": entries - busy, "bubble": group.tiles * int(own @ rows) - entries,
            "idle_kernel": group.tiles * int((config.parallel_kernels - own) @ rows),
            "idle_tile": missing_tiles * config.parallel_kernels * int(rows.sum())}


def _work(group: LoweredGroup, config: SpectralConfig) -> tuple[np.ndarray, np.ndarray]:
    """Entries that each place of a tile, and of a kernel, gives to a multiplier: their products are its work."""
    places = [np.bincount(np.arange(size) % width, minlength=width)
              for size, width in ((group.tiles, config.parallel_tiles), (group.kernels, config.parallel_kernels))]
    return places[0] * group.channels * config.kept, places[1]


def _kernels_of_groups(group: LoweredGroup, config: SpectralConfig) -> np.ndarray:
    firsts = np.arange(0, group.kernels, config.parallel_kernels)
    return np.minimum(config.parallel_kernels, group.kernels - firsts)


def _tile_groups(group: LoweredGroup, config: SpectralConfig) -> int:
    return -(-group.tiles // config.parallel_tiles)


def _mapping(runs: list[GroupRun], config: SpectralConfig) -> dict[str, Any]:
    first = runs[0]
    kernel_groups, tile_groups = first.blocks.groups
    return {"kernel_block": kernel_groups * config.parallel_kernels, "tile_block": tile_groups * config.parallel_tiles,
            "tiles": first.group.tiles, "tile": list(first.group.tile),
            "blocks": sum(len(run.blocks.rows) for run in runs)}
