"""The DRAM behind the L2: the design's own keys, or those of `dram`. Rules: docs/machines/tensor_core.md, DRAM."""

from math import gcd
from typing import NamedTuple

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.errors import ConfigError
from accelsim.hw.memory.dram import MAX_TICKS, channel_of


class DramRate(NamedTuple):
    """rate / per: bytes per cycle, exactly; a transfer is whole bursts."""

    rate: int
    per: int
    latency_cycles: int
    burst_bytes: int

    def whole_bursts(self, amount_bytes: int) -> int:
        """Bytes that are moved for so many."""
        return -(-amount_bytes // self.burst_bytes) * self.burst_bytes

    def cycles(self, moved_bytes: int) -> int:
        """For which so many bytes take the DRAM."""
        return -(-moved_bytes * self.per // self.rate)

    def check_range(self, most_bytes: int) -> None:
        """ConfigError when the times of a grid that moves up to `most_bytes` could leave int64."""
        if self.rate + self.per * most_bytes > MAX_TICKS:
            raise ConfigError(f"the exact ratio of DRAM bandwidth to clock is {self.rate}/{self.per} bytes per cycle, "
                              "too fine for a run of this length in 64 bits; give dram.gbps and clock_mhz with fewer "
                              "digits")


def dram_of(config: TensorCoreConfig) -> DramRate:
    """The DRAM of a design."""
    if config.dram is None:
        return DramRate(config.dram_bytes_per_cycle, 1, config.dram_latency_cycles, 1)
    channel = channel_of(config.dram, config.clock_mhz)
    rate, per = channel.cycle_ticks, 8 * channel.bit_ticks
    common = gcd(rate, per)
    return DramRate(rate // common, per // common, channel.latency_cycles, channel.burst_bits // 8)
