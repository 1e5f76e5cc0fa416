"""DRAM as a channel in accelerator cycles: presets, exact arithmetic from GB/s and ns. Rules: docs/memory.md."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from accelsim.errors import ConfigError
from accelsim.hw.memory.config import DramConfig

MAX_TICKS = 1 << 61  # times of the fast timeline are int64
STREAM_LATENCY_NS, STREAM_BURST_BYTES = 100.0, 64  # our assumption


@dataclass(frozen=True)
class Preset:
    """One channel of a kind of DRAM; sources in docs/memory.md."""

    gbps: float
    latency_ns: float
    burst_bytes: int
    banks: int
    row_bytes: int
    activate_ns: float
    precharge_ns: float


PRESETS = {
    "ddr4_3200": Preset(25.6, 13.86, 64, 16, 8192, 13.86, 13.86),
    "lpddr4_3200": Preset(12.8, 17.5, 64, 8, 4096, 18.0, 18.0),
    "hbm2": Preset(32.0, 14.0, 64, 16, 1024, 14.0, 14.0),
}


class Channel(NamedTuple):
    """All channels as one, in integers. A cycle has `cycle_ticks` ticks, a bit takes `bit_ticks`.

    row_bits: 0 without row buffers. activate_ticks, precharge_ticks: whole cycles each.
    """

    cycle_ticks: int
    bit_ticks: int
    latency_cycles: int
    burst_bits: int
    row_bits: int = 0
    banks: int = 1
    activate_ticks: int = 0
    precharge_ticks: int = 0


@lru_cache(maxsize=64)
def channel_of(dram: DramConfig, clock_mhz: float) -> Channel:
    """The channel that `dram` is for an accelerator at `clock_mhz`."""
    preset = PRESETS.get(dram.model)
    gbps = Fraction(repr(dram.gbps)) if dram.gbps is not None else Fraction(repr(_of(preset).gbps)) * dram.channels
    burst = dram.burst_bytes or (preset.burst_bytes if preset else STREAM_BURST_BYTES)
    latency = dram.latency_ns if dram.latency_ns is not None else preset.latency_ns if preset else STREAM_LATENCY_NS
    bits_per_cycle = gbps * 8000 / Fraction(repr(clock_mhz))
    ticks, bit = bits_per_cycle.numerator, bits_per_cycle.denominator
    rows: tuple[int, ...] = ()
    if dram.row_buffer:
        row = _of(preset)
        rows = (row.row_bytes * 8 * dram.channels, row.banks * dram.channels,
                _cycles(row.activate_ns, clock_mhz) * ticks, _cycles(row.precharge_ns, clock_mhz) * ticks)
    return Channel(ticks, bit, _cycles(latency, clock_mhz), burst * 8, *rows)


def check_range(channel: Channel, compute_cycles: int, burst_bits: int, requests: int) -> None:
    """ConfigError when the times of a run could leave int64; the arguments are totals over the run."""
    rows = burst_bits // channel.row_bits + 2 * requests if channel.row_bits else 0
    worst = (channel.cycle_ticks * (compute_cycles + requests * (channel.latency_cycles + 2))
             + channel.bit_ticks * burst_bits + rows * (channel.activate_ticks + channel.precharge_ticks))
    if worst > MAX_TICKS:
        raise ConfigError(
            f"the exact ratio of DRAM bandwidth to clock is {channel.cycle_ticks}/{channel.bit_ticks} bits per cycle, "
            "too fine for a run of this length in 64 bits; give dram.gbps and clock_mhz with fewer digits")


def _of(preset: Preset | None) -> Preset:
    assert preset is not None  # DramConfig has checked it
    return preset


def _cycles(ns: float, clock_mhz: float) -> int:
    return ceil(Fraction(repr(ns)) * Fraction(repr(clock_mhz)) / 1000)
