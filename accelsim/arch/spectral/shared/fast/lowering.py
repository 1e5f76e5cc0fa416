"""A group of a layer as numbers: which values are kept, how long schedules are, which tiles are empty."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.fast.kernel import (
    LOWEST_INDEX,
    MAX_COVER,
    RARE_LAST,
    kept_places,
    schedule_rows,
)
from accelsim.arch.spectral.shared.geometry import TiledGroup, tiled_groups
from accelsim.arch.spectral.shared.policies import lowest_index, max_cover, rare_last
from accelsim.arch.spectral.shared.schedule import checked_schedule
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

OWN_RULES = {max_cover: MAX_COVER, lowest_index: LOWEST_INDEX, rare_last: RARE_LAST}


@dataclass(frozen=True, eq=False)
class LoweredGroup:
    """kept int16 [kernel, channel, place]; with `alike` all channels have those of the one channel that is there.

    live_values, live_tiles int64 [channel]: kept values of all kernels that are not 0; tiles that are not empty.
    """

    kernels: int
    channels: int
    tiles: int
    tile: tuple[int, int]
    kept: np.ndarray
    alike: bool
    live_values: np.ndarray
    live_tiles: np.ndarray


@dataclass(frozen=True, eq=False)
class Rows:
    """rows, reads int64 [kernel group, channel]: S and D."""

    rows: np.ndarray
    reads: np.ndarray


def lowered_groups(layer: Layer, config: SpectralConfig) -> list[LoweredGroup]:
    """All groups, kept for other designs."""
    key = "spectral groups", config.fft_size, config.alpha
    return derived(layer, key, lambda: [_lowered(g, config) for g in tiled_groups(layer, config.fft_size)])


def scheduled(layer: Layer, number: int, group: LoweredGroup, config: SpectralConfig, policy: Policy) -> Rows:
    """The schedules of all kernel groups and channels, kept for other designs."""
    key = _schedule_key(number, config, policy)
    return _whole(group, derived(layer, key, partial(_scheduled, group, config, policy)))


def least_rows(layer: Layer, number: int, group: LoweredGroup, config: SpectralConfig) -> Rows:
    """Rows below which no schedule goes; its reads are those of no replica read twice."""
    key = _schedule_key(number, config, least_rows)
    return _whole(group, derived(layer, key, partial(_least, group, config)))


def _schedule_key(number: int, config: SpectralConfig, rule: object) -> Hashable:
    return ("spectral rows", number, config.fft_size, config.alpha, config.parallel_kernels, config.ports, rule)


def _whole(group: LoweredGroup, rows: Rows) -> Rows:
    if not group.alike:
        return rows
    return Rows(*(np.broadcast_to(a, (len(a), group.channels)) for a in (rows.rows, rows.reads)))


def _lowered(group: TiledGroup, config: SpectralConfig) -> LoweredGroup:
    alike = group.extent == (1, 1)  # the spectrum of a single tap is flat: the lowest places are kept
    if alike:
        kept = np.broadcast_to(np.arange(config.kept, dtype=np.int16), (group.kernels, 1, config.kept))
        live_values = np.count_nonzero(group.weight, axis=(0, 2, 3)).astype(np.int64) * config.kept
    else:
        kept = np.empty((group.kernels, group.channels, config.kept), np.int16)
        live = np.empty((group.kernels, group.channels), np.int32)
        waves = [_waves(config.fft_size, taps, step)
                 for taps, step in zip(group.weight.shape[2:], group.dilation, strict=True)]
        kept_places(np.ascontiguousarray(group.weight, np.int16), waves[0], waves[1], kept, live)
        live_values = live.sum(axis=0, dtype=np.int64)
    live_tiles = np.array([np.count_nonzero(group.cut(m).any(axis=(2, 4))) for m in range(group.channels)], np.int64)
    return LoweredGroup(group.kernels, group.channels, group.tiles, group.tile, np.ascontiguousarray(kept), alike,
                        live_values, live_tiles)


def _waves(size: int, taps: int, step: int) -> np.ndarray:
    """complex [frequency, tap] of a tap every `step` places."""
    waves: np.ndarray = np.exp(-2j * np.pi / size * (np.outer(np.arange(size), step * np.arange(taps)) % size))
    return waves


def _scheduled(group: LoweredGroup, config: SpectralConfig, policy: Policy) -> Rows:
    width = config.parallel_kernels
    if policy in OWN_RULES:
        return Rows(*schedule_rows(group.kept, width, config.positions, config.ports, OWN_RULES[policy]))
    shape = -(-group.kernels // width), group.kept.shape[1]
    rows, reads = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for g, m in np.ndindex(*shape):
        index_sets = group.kept[g * width:(g + 1) * width, m].tolist()
        schedule = checked_schedule(policy, index_sets, config.ports)
        rows[g, m] = len(schedule)
        reads[g, m] = sum(len({index for _, index in row}) for row in schedule)
    return Rows(rows, reads)


def _least(group: LoweredGroup, config: SpectralConfig) -> Rows:
    firsts = np.arange(0, group.kernels, config.parallel_kernels)
    shape = len(firsts), group.kept.shape[1]
    distinct = np.empty(shape, np.int64)
    for g, first in enumerate(firsts):
        own = group.kept[first:first + config.parallel_kernels]
        held = np.zeros((shape[1], config.positions), bool)
        held[np.arange(shape[1])[None, :, None], own] = True
        distinct[g] = held.sum(axis=1)
    return Rows(np.maximum(config.kept, -(-distinct // config.ports)), distinct)
